/// YAML as its core schema spells it, and merge keys as Python's readers resolve them.
#include "configs/schema/reading/load.h"

#include "configs/schema/reading/workflow.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {
namespace {

using ::testing::HasSubstr;

const std::string kTrain =
    "data: {root: r, captions: c, tags: t, tag_names: n}\n"
    "clip: {weights: clip.safetensors}\n";
const std::string kEvaluate =
    "clip: {weights: clip.safetensors}\n"
    "datasets:\n"
    "  - name: scenes\n"
    "    root: scenes/val\n";

template <class T>
std::string message_of(const std::string& text) {
  const Result<T> config = parse_job_config<T>(text, "f.yml", {});
  return config.ok() ? "accepted" : config.status().message();
}

/// The seed that `text` stands for, or what is wrong with it.
std::string seed_of(const std::string& text) {
  const auto config =
      parse_job_config<TrainConfig>(kTrain + "runtime: {seed: " + text + "}\n", "f.yml", {});
  return config.ok() ? std::to_string(config->runtime.seed) : config.status().message();
}

// yaml-hex-and-octal
TEST(Yaml, IntegersOfTheCoreSchema_AreRead) {
  EXPECT_EQ(seed_of("0xff"), "255");
  EXPECT_EQ(seed_of("0x1F"), "31");
  EXPECT_EQ(seed_of("0o50"), "40");
  EXPECT_EQ(seed_of("+1"), "1");
  EXPECT_EQ(seed_of("010"), "10");
  EXPECT_EQ(seed_of("0xFFFFFFFFFFFFFFFF"), "18446744073709551615");
  EXPECT_EQ(seed_of("!!int 7"), "7");
  for (const char* text : {"1_000", "0x", "0o8", "0b11", "0X1F", "-0x1", "0x-1", "+-1", "++1",
                           "1:30", "0x10000000000000000", "1e3", "\"0xff\"", "!!str 5", "'1'"}) {
    EXPECT_THAT(seed_of(text), HasSubstr("expected an integer from 0 upwards")) << text;
  }
}

// yaml-plus-and-True
TEST(Yaml, NumbersOfTheCoreSchema_AreRead) {
  const auto beta = [](const std::string& text) {
    const auto config = parse_job_config<TrainConfig>(
        kTrain + "optimizer: {weight_decay: " + text + "}\n", "f.yml", {});
    return config.ok() ? config->optimizer.weight_decay : -1;
  };
  EXPECT_EQ(beta("+0.5"), 0.5);
  EXPECT_EQ(beta("+.5"), 0.5);
  EXPECT_EQ(beta(".5"), 0.5);
  EXPECT_EQ(beta("1."), 1);
  EXPECT_EQ(beta("+1e-1"), 0.1);
  EXPECT_EQ(beta("5E-1"), 0.5);
  EXPECT_EQ(beta("0x10"), 16);
  EXPECT_EQ(beta("0o10"), 8);
  for (const char* text :
       {".inf", "-.inf", "+.INF", ".nan", "inf", "+inf", "1_0.5", "+-1", "0x1p3"})
    EXPECT_EQ(beta(text), -1) << text;
}

// yaml-plus-and-True
TEST(Yaml, BooleansOfTheCoreSchema_AreRead) {
  const auto background = [](const std::string& text) {
    const auto config =
        parse_job_config<EvaluateConfig>(kEvaluate + "    background: " + text + "\n", "f.yml", {});
    return config.ok() ? std::string(config->datasets[0].background ? "true" : "false")
                       : config.status().message();
  };
  for (const char* text : {"true", "True", "TRUE"}) EXPECT_EQ(background(text), "true") << text;
  for (const char* text : {"false", "False", "FALSE"}) EXPECT_EQ(background(text), "false") << text;
  for (const char* text : {"yes", "no", "on", "off", "y", "tRue", "1", "\"True\"", "!!str true"})
    EXPECT_THAT(background(text), HasSubstr("expected true or false")) << text;
}

TEST(Yaml, NullsOfTheCoreSchema_Unset) {
  for (const char* text : {"null", "Null", "NULL", "~", ""}) {
    const auto config = parse_job_config<EvaluateConfig>(
        kEvaluate + "    window: " + std::string(text) + "\n", "f.yml", {});
    ASSERT_TRUE(config.ok()) << text << ": " << config.status().message();
  }
}

// yaml-merge-key
TEST(Yaml, MergeKeys_AreResolvedAsPythonDoes) {
  const auto size_of = [](const std::string& text) {
    const auto config = parse_job_config<ScenesConfig>(text, "f.yml", {});
    EXPECT_TRUE(config.ok()) << config.status().message();
    return config.ok() ? config->validation.back().size : -1;
  };
  const std::string one = "validation:\n  - &a {name: a, size: 64}\n";
  EXPECT_EQ(size_of(one + "  - {<<: *a, name: b}\n"), 64);
  EXPECT_EQ(size_of(one + "  - {name: b, <<: *a}\n"), 64);
  EXPECT_EQ(size_of(one + "  - {<<: *a, name: b, size: 32}\n"), 32);
  EXPECT_EQ(size_of(one + "  - {size: 32, <<: *a, name: b}\n"), 32);
  EXPECT_EQ(size_of(one + "  - &b {<<: *a, name: b}\n  - {<<: *b, name: c}\n"), 64);
  EXPECT_EQ(size_of(one + "  - &b {name: b, size: 32}\n  - {<<: [*b, *a], name: c}\n"), 32);
  EXPECT_EQ(size_of(one + "  - {<<: [{size: 32}, *a], name: c}\n"), 32);
  EXPECT_EQ(size_of(one + "  - {<<: {size: 32}, name: c}\n"), 32);
  EXPECT_EQ(size_of(one + "  - {<<: [], name: c, size: 32}\n"), 32);
}

TEST(Yaml, MergeKeysOfNothing_AreRefusedWithTheirLine) {
  const std::string head = "validation:\n  - ";
  EXPECT_EQ(message_of<ScenesConfig>(head + "{name: a, <<: 3}\n"),
            "f.yml:2: '<<' merges a map or a list of maps (<<: *name), found '3'; a file is merged "
            "by _base_");
  EXPECT_THAT(message_of<ScenesConfig>(head + "{name: a, <<: }\n"), HasSubstr("found nothing"));
  EXPECT_THAT(message_of<ScenesConfig>(head + "{name: a, <<: [{size: 1}, b]}\n"),
              HasSubstr("found 'b'"));
  EXPECT_THAT(message_of<ScenesConfig>(head + "{name: a, \"<<\": {size: 32}}\n"),
              HasSubstr("unknown key in validation.0: '<<'"));
  EXPECT_THAT(message_of<ScenesConfig>(head + "&a {name: a, <<: *a}\n"), HasSubstr("f.yml:2"));
}

TEST(Yaml, MergedKeyThatIsUnknown_IsNamedWhereItIsWritten) {
  EXPECT_THAT(message_of<ScenesConfig>("validation:\n  - {name: a}\n  - <<:\n      sice: 64\n"
                                       "    name: b\n"),
              HasSubstr("f.yml:4: unknown key in validation.1: 'sice'; did you mean 'size'?"));
}

TEST(Yaml, TextThatBeginsWithACommaOrHoldsTwoDocuments_IsRefusedAtOnce) {
  EXPECT_THAT(message_of<ScenesConfig>(",,ou"), HasSubstr("expected one YAML document"));
  EXPECT_THAT(message_of<ScenesConfig>("output: s\n---\noutput: t\n"),
              HasSubstr("expected one YAML document"));
}

// yaml-merge-key
TEST(Yaml, JobThatMergesAnother_HasItsKindAndConfiguration) {
  const TemporaryFolder folder;
  const auto workflow =
      load_workflow(posix_file_system(), folder.write("wf.yml",
                                                      "name: t\n"
                                                      "jobs:\n"
                                                      "  p: &p\n"
                                                      "    kind: scenes\n"
                                                      "    config: {output: s, validation: [{name: "
                                                      "v}]}\n"
                                                      "  q:\n"
                                                      "    <<: *p\n"
                                                      "    after: [p]\n"));
  ASSERT_TRUE(workflow.ok()) << workflow.status().message();
  ASSERT_EQ(workflow->jobs.size(), 2u);
  EXPECT_EQ(workflow->jobs[1].name, "q");
  EXPECT_EQ(workflow->jobs[1].kind, "scenes");
  EXPECT_EQ(workflow->jobs[1].config, workflow->jobs[0].config);
  EXPECT_TRUE(workflow->jobs[0].after.empty());
  EXPECT_EQ(workflow->jobs[1].after, std::vector<std::string>{"p"});
}

// ---------------------------------------------------------------- rules between keys

TEST(Sharding, OfGradientsThatEachRankHasOfItsOwn_IsRefused) {
  const std::string sharded = kTrain + "optimizer: {sharding: zero1}\n";
  const std::string tcl = "method: {name: tcl, block_gradients: reference, blocks_from_step: ";
  EXPECT_EQ(message_of<TrainConfig>(sharded), "accepted");
  EXPECT_EQ(message_of<TrainConfig>(sharded + tcl + "0}\n"), "accepted") << "none waits";
  EXPECT_THAT(message_of<TrainConfig>(sharded + tcl + "5}\n"),
              testing::HasSubstr("optimizer.sharding: expected none with method.block_gradients"));
}

}  // namespace
}  // namespace tagalign::config
