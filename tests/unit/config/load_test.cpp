#include "configs/schema/reading/load.h"

#include "tests/support/ordinary_user.h"
#include "tests/unit/config/config_test_support.h"

namespace tagalign::config {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kTrain =
    "data:\n"
    "  root: scenes/train\n"
    "  captions: scenes/train/captions.csv\n"
    "  tags: scenes/train/tags.json\n"
    "  tag_names: scenes/tag_names.txt\n"
    "clip: {weights: clip.safetensors}\n";
const std::string kEvaluate =
    "clip: {weights: clip.safetensors}\n"
    "datasets:\n"
    "  - name: scenes\n"
    "    root: scenes/val\n";

template <class T>
std::string message_of(const std::string& text, const Overrides& overrides = {}) {
  const Result<T> config = parse_job_config<T>(text, "f.yml", overrides);
  if (config.ok()) return "accepted";
  EXPECT_EQ(config.status().code(), ErrorCode::kInvalidArgument);
  return config.status().message();
}

TEST(ParseJobConfig, GivenKeys_AreSetAndOthersKeepTheirDefaults) {
  const auto config = parse_job_config<TrainConfig>(
      kTrain + "steps: 7\noptimizer: {base_lr: 2.5e-4}\naugment: {rand_augment: \"\"}\n", "f.yml");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->steps, 7u);
  EXPECT_EQ(config->optimizer.base_lr, 2.5e-4);
  EXPECT_EQ(config->augment.rand_augment, "");
  EXPECT_EQ(config->data.root, "scenes/train");
  EXPECT_EQ(config->global_batch, 512);
  EXPECT_EQ(config->optimizer.weight_decay, 0.05);
}

TEST(ParseJobConfig, Overrides_ReachScalarsListsAndListElements) {
  const auto config = parse_job_config<EvaluateConfig>(
      kEvaluate, "f.yml",
      {"datasets.0.window=64", "datasets.0.stride=32", "templates=[\"a {}.\", \"the {}.\"]",
       "checkpoint=/c/step-00000040", "datasets.1={name: dusk, root: scenes/dusk}",
       "runtime.seed=9"});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->datasets[0].window, 64);
  EXPECT_EQ(config->templates, (std::vector<std::string>{"a {}.", "the {}."}));
  EXPECT_EQ(config->checkpoint, "/c/step-00000040");
  ASSERT_EQ(config->datasets.size(), 2u);
  EXPECT_EQ(config->datasets[1].name, "dusk");
  EXPECT_EQ(config->runtime.seed, 9u);
}

TEST(ParseJobConfig, OverrideWithNothingAfterTheSign_IsEmptyText) {
  const auto config = parse_job_config<TrainConfig>(kTrain, "f.yml", {"augment.rand_augment="});
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->augment.rand_augment, "");
}

TEST(ParseJobConfig, UnknownKey_IsNamedWithLineAndNearestKey) {
  EXPECT_EQ(message_of<EvaluateConfig>(kEvaluate + "    windw: 64\n"),
            "f.yml:5: unknown key in datasets.0: 'windw'; did you mean 'window'?");
  EXPECT_EQ(
      message_of<ScenesConfig>("validation:\n  - name: a\n    pixels_per_side: 3\nsede: 1\n"),
      "f.yml:3: unknown key in validation.0: 'pixels_per_side'; known: name, count, size, look\n"
      "f.yml:4: unknown key 'sede'; did you mean 'seed'?");
}

TEST(ParseJobConfig, WrongTypes_AreNamedWithLineExpectedAndFound) {
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "steps: many\n"),
            "f.yml:7: steps: expected an integer from 1 upwards, found 'many'");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "steps: \"5\"\n"),
            "f.yml:7: steps: expected an integer from 1 upwards, found the text \"5\"");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "global_batch: 1.5\n"),
            "f.yml:7: global_batch: expected an integer from 1 to 1048576, found '1.5'");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "optimizer: 3\n"),
            "f.yml:7: optimizer: expected a map of keys, found '3'");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "method: {tag_templates: \"a {}.\"}\n"),
            "f.yml:7: method.tag_templates: expected a list of texts, found the text \"a {}.\"");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "optimizer: {schedule: [a]}\n"),
            "f.yml:7: optimizer.schedule: expected one of constant, cosine, found a list");
  EXPECT_EQ(message_of<EvaluateConfig>(kEvaluate + "    background: yes\n"),
            "f.yml:5: datasets.0.background: expected true or false, found 'yes'");
  EXPECT_THAT(message_of<EvaluateConfig>("clip: {weights: w}\ndatasets: {name: a}\n"),
              HasSubstr("f.yml:2: datasets: expected a list of maps, found a map"));
}

TEST(ParseJobConfig, ValuesOutOfRange_AreRefused) {
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "runtime: {threads_per_rank: 0}\n"),
            "f.yml:7: runtime.threads_per_rank: expected an integer from 1 to 256, found '0'");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "steps: -1\n"),
            "f.yml:7: steps: expected an integer from 1 upwards, found '-1'");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "runtime: {seed: 18446744073709551616}\n"),
            "f.yml:7: runtime.seed: expected an integer from 0 upwards, found "
            "'18446744073709551616'");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "optimizer: {beta1: 1}\n"),
            "f.yml:7: optimizer.beta1: expected a number from 0 to below 1, found '1'");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "optimizer: {base_lr: nan}\n"),
            "f.yml:7: optimizer.base_lr: expected a number above 0, found 'nan'");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "runtime: {precision: fp64}\n"),
            "f.yml:7: runtime.precision: expected one of fp32, bf16, found 'fp64'; did you "
            "mean 'fp32'?");
}

TEST(ParseJobConfig, MissingRequiredKeys_AreNamed) {
  EXPECT_EQ(message_of<EvaluateConfig>("clip: {}\ndatasets: []\n"),
            "f.yml:2: datasets: must not be empty");
  EXPECT_THAT(
      message_of<EvaluateConfig>("clip: {}\ndatasets: [{name: a, root: b, class_names: [c]}]\n"),
      HasSubstr("f.yml:1: clip.weights: this key is required and missing or empty"));
  EXPECT_THAT(message_of<PretrainConfig>("steps: 5\n"),
              HasSubstr("data.root: this key is required and missing"));
  EXPECT_THAT(message_of<TrainConfig>("data: {root: a, captions: b}\nclip: {weights: c}\n"),
              HasSubstr("f.yml:1: data.tags: this key is required"));
}

TEST(ParseJobConfig, AttributesAndTheirWeight_BelongTogether) {
  const std::string weight = "method: {attributes: {weight: 0.5}}\n";
  const std::string list = "data.attributes=a.json", names = "data.attribute_names=a.csv";
  EXPECT_EQ(message_of<TrainConfig>(kTrain + weight, {list, names}), "accepted");
  EXPECT_EQ(message_of<TrainConfig>(kTrain), "accepted");
  EXPECT_THAT(message_of<TrainConfig>(kTrain + weight),
              AllOf(HasSubstr("f.yml:2: data.attributes: this key is required while "
                              "method.attributes.weight is above 0 (0.5), and missing or empty"),
                    HasSubstr("data.attribute_names: this key is required")));
  EXPECT_THAT(message_of<TrainConfig>(kTrain + weight, {list}),
              AllOf(HasSubstr("data.attribute_names: this key is required"),
                    Not(HasSubstr("data.attributes:"))));
  EXPECT_THAT(message_of<TrainConfig>(kTrain, {list, names}),
              AllOf(HasSubstr("data.attributes: expected none while method.attributes.weight is 0, "
                              "found 'a.json'"),
                    HasSubstr("set the weight"), HasSubstr("data.attribute_names: expected none")));
  EXPECT_THAT(message_of<TrainConfig>(kTrain + "method: {attributes: {weight: -1}}\n"),
              HasSubstr("method.attributes.weight: expected a number from 0 upwards, found '-1'"));
  EXPECT_THAT(
      message_of<TrainConfig>(kTrain + "method: {attributes: {weight: 1, templates: [plain]}}\n",
                              {list, names}),
      HasSubstr("method.attributes.templates"));
}

TEST(ParseJobConfig, AttributesOfSharedData_DoNotStopMethodsWithoutThem) {
  const Overrides files = {"data.attributes=a.json", "data.attribute_names=a.csv"};
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "method: tcl\n", files), "accepted");
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "method: groupvit\n", files), "accepted");
  EXPECT_EQ(message_of<PretrainConfig>("data: {root: r}\noutput: o\n", files), "accepted");
}

TEST(ParseJobConfig, RulesBetweenFields_AreChecked) {
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "augment: {scale_min: 0.9, scale_max: 0.5}\n"),
            "f.yml:7: augment.scale_min: expected at most scale_max (0.5), found 0.9");
  EXPECT_EQ(
      message_of<TrainConfig>(kTrain + "optimizer: {warmup_steps: 5}\n"),
      "f.yml:7: optimizer.warmup_steps: expected 0 with schedule 'constant', found 5; schedule "
      "'cosine' warms up");
  EXPECT_THAT(
      message_of<TrainConfig>(kTrain + "method: groupvit\n", {"caption_features.keep=fp16"}),
      HasSubstr("caption_features.keep: expected off with method groupvit"));
  EXPECT_EQ(message_of<TrainConfig>(kTrain + "caption_features: {keep: off}\n"), "accepted");
  EXPECT_EQ(message_of<PretrainConfig>("data: {root: a, captions: b, image_size: 60}\n"
                                       "patch_size: 8\n"),
            "f.yml:2: patch_size: expected a divisor of data.image_size (60), found 8");
  EXPECT_EQ(message_of<PretrainConfig>("data: {root: a, captions: b}\nvision_width: 100\n"),
            "f.yml:2: vision_width: expected a multiple of 64, found 100");
  EXPECT_THAT(message_of<EvaluateConfig>(kEvaluate + "    window: 64\n    stride: 65\n"),
              StartsWith("f.yml:6: datasets.0.stride: expected at most window (64)"));
  EXPECT_THAT(message_of<EvaluateConfig>(kEvaluate + "  - {name: scenes, root: other}\n"),
              HasSubstr("datasets.1.name: the name 'scenes' stands in this list twice"));
  EXPECT_THAT(
      message_of<EvaluateConfig>(kEvaluate + "templates: [a photo]\n"),
      HasSubstr("templates.0: expected a prompt with one {} for the name, or one of the sets"));
}

TEST(ParseJobConfig, TextsThatAreNoConfiguration_AreRefused) {
  EXPECT_EQ(message_of<TrainConfig>(""), "f.yml: expected a map of keys, found an empty file");
  EXPECT_EQ(message_of<TrainConfig>("# only a comment\n"),
            "f.yml: expected a map of keys, found an empty file");
  EXPECT_EQ(message_of<TrainConfig>("- a\n- b\n"),
            "f.yml:1: expected a map of keys at the top, found a list");
  EXPECT_THAT(message_of<TrainConfig>("a: [1, 2\nb: 3\n"), HasSubstr("not valid YAML"));
  EXPECT_EQ(message_of<TrainConfig>("steps: 1\nclip: {}\nsteps: 2\n"),
            "f.yml:3: the key 'steps' stands here twice");
  EXPECT_THAT(message_of<TrainConfig>("---\na: 1\n---\nb: 2\n"),
              HasSubstr("expected one YAML document, found 2"));
  EXPECT_THAT(message_of<TrainConfig>("_base_: other.yml\n"), HasSubstr("_base_ needs a file"));
}

TEST(ParseJobConfig, TextThatIsNoUtf8_IsRefusedWithItsLine) {
  const auto message = [](const std::string& text, const Overrides& overrides = {}) {
    const auto config =
        parse_job_config<ScenesConfig>(text + "validation: [{name: a}]\n", "s.yml", overrides);
    return config.ok() ? std::string("accepted") : config.status().message();
  };
  EXPECT_THAT(message("seed: 1\noutput: caf\xe9\n"),
              HasSubstr("s.yml:2: expected text in UTF-8, found byte e9 in 'caf\\xe9'"));
  EXPECT_THAT(message("out\xe9: x\n"), HasSubstr("s.yml:1: expected text in UTF-8"));
  EXPECT_THAT(message("output: x\n", {"output=caf\xe9"}), HasSubstr("found byte e9"));
  EXPECT_EQ(message("output: caf\xc3\xa9  # caf\xe9\n"), "accepted") << "a comment goes nowhere";
}

TEST(ParseJobConfig, AliasesThatUnfoldWithoutBound_AreRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += (k == 0 ? "" : ", ") + last;
    bomb += "]\n";
  }
  EXPECT_THAT(message_of<TrainConfig>(bomb), HasSubstr("more than 100000 nodes"));
}

TEST(ParseJobConfig, BadOverrides_NameTheOverride) {
  EXPECT_EQ(message_of<TrainConfig>(kTrain, {"steps"}), "--set steps: expected key.path=value");
  EXPECT_EQ(message_of<TrainConfig>(kTrain, {"steps=abc"}),
            "--set steps=abc: steps: expected an integer from 1 upwards, found 'abc'");
  EXPECT_EQ(
      message_of<TrainConfig>(kTrain, {"optimizer.base_rl=1"}),
      "--set optimizer.base_rl=1: unknown key in optimizer: 'base_rl'; did you mean 'base_lr'?");
  EXPECT_EQ(
      message_of<TrainConfig>(kTrain, {"clip.weights.x=1"}),
      "--set clip.weights.x=1: 'x' cannot be set inside 'clip.safetensors', which is not a map");
  EXPECT_EQ(message_of<EvaluateConfig>(kEvaluate, {"datasets.4.window=64"}),
            "--set datasets.4.window=64: expected an index 0…1 of the list, found '4'");
  EXPECT_EQ(message_of<TrainConfig>(kTrain, {"a..b=1"}),
            "--set a..b=1: a part of the key path is empty");
  EXPECT_THAT(message_of<TrainConfig>(kTrain, {"steps=[1"}), StartsWith("--set steps=[1"));
}

TEST(ParseJobConfig, ManyProblems_AreCutAtTwenty) {
  std::string text = kEvaluate;
  for (int i = 0; i < 30; ++i) text += "zzzzzzzz" + std::to_string(i) + ": 1\n";
  EXPECT_THAT(message_of<EvaluateConfig>(text), EndsWith("and 10 more"));
}

TEST(LoadJobConfig, BaseFiles_AreMergedBelowTheFile) {
  const TemporaryFolder folder;
  folder.write("base/common.yml", "steps: 5\noptimizer: {beta1: 0.8, beta2: 0.9}\n");
  folder.write("base/data.yml", "_base_: common.yml\n" + kTrain);
  folder.write("base/templates.yml", "method: {tag_templates: [\"a {}\", \"b {}\"]}\nsteps: 6\n");
  const Path file = folder.write("job.yml",
                                 "_base_: [base/data.yml, base/templates.yml]\n"
                                 "optimizer: {beta1: 0.7}\nmethod: {tag_templates: [\"c {}\"]}\n");
  const auto config = load_job_config<TrainConfig>(posix_file_system(), file);
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->steps, 6u);
  EXPECT_EQ(config->optimizer.beta1, 0.7);
  EXPECT_EQ(config->optimizer.beta2, 0.9);
  EXPECT_EQ(std::get<TagAlignTraining>(config->method).tag_templates,
            std::vector<std::string>{"c {}"});
}

TEST(LoadJobConfig, ProblemInABaseFile_NamesThatFile) {
  const TemporaryFolder folder;
  const Path base = folder.write("base.yml", kTrain + "stepz: 5\n");
  const Path file = folder.write("job.yml", "_base_: base.yml\n");
  const auto config = load_job_config<TrainConfig>(posix_file_system(), file);
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().message(),
            base.string() + ":7: unknown key 'stepz'; did you mean 'steps'?");
}

TEST(LoadJobConfig, CircleOfBases_IsNamed) {
  const TemporaryFolder folder;
  const Path a = folder.write("a.yml", "_base_: b.yml\n");
  const Path b = folder.write("b.yml", "steps: 1\n_base_: ./a.yml\n");
  const auto config = load_job_config<TrainConfig>(posix_file_system(), a);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.status().message(),
              AllOf(HasSubstr(b.string() + ":2: _base_ goes in a circle: "),
                    HasSubstr(a.string() + " → " + b.string() + " → " + a.string())));
}

TEST(LoadJobConfig, MissingFiles_AreNamedWithWhoAsked) {
  const TemporaryFolder folder;
  const auto missing = load_job_config<TrainConfig>(posix_file_system(), folder.path() / "no.yml");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.status().message(), HasSubstr("no.yml"));
  const Path file = folder.write("job.yml", "steps: 1\n_base_: gone.yml\n");
  const auto base = load_job_config<TrainConfig>(posix_file_system(), file);
  ASSERT_FALSE(base.ok());
  EXPECT_EQ(base.status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(base.status().message(),
              AllOf(StartsWith(file.string() + ":2: _base_: "), HasSubstr("gone.yml")));
}

TEST(LoadJobConfig, UnreadableFile_SaysSo) {
  const TemporaryFolder folder;
  const Path file = folder.write("job.yml", kTrain);
  std::filesystem::permissions(file, std::filesystem::perms::none);
  const testing_support::OrdinaryUser user;
  if (!user.active()) GTEST_SKIP() << "needs a user other than root, who reads every file";
  const auto config = load_job_config<TrainConfig>(posix_file_system(), file);
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(config.status().message(), HasSubstr(file.string()));
}

TEST(LoadJobConfig, Folder_IsNoConfiguration) {
  const TemporaryFolder folder;
  const auto config = load_job_config<TrainConfig>(posix_file_system(), folder.path());
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.status().message(), HasSubstr(folder.path().string()));
}

TEST(LoadJobConfig, WrongBaseValue_IsRefused) {
  const TemporaryFolder folder;
  const Path file = folder.write("job.yml", "_base_: {a: b}\n");
  const auto config = load_job_config<TrainConfig>(posix_file_system(), file);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.status().message(),
              HasSubstr("job.yml:1: _base_: expected a file name or a list of them, found a map"));
}

// ---------------------------------------------------------------- dump

template <class T>
void expect_round_trip(const T& config) {
  const Result<std::string> text = dump(config);
  ASSERT_TRUE(text.ok()) << text.status().message();
  const Result<T> again = parse_job_config<T>(*text, "dump");
  ASSERT_TRUE(again.ok()) << again.status().message() << "\n" << *text;
  EXPECT_EQ(*again, config);
  EXPECT_EQ(*dump(*again), *text);
}

TEST(Dump, EveryKindOfJob_LoadsToTheSameStruct) {
  TrainConfig train;
  train.data = {.root = "a b", .captions = "1", .tags = "null", .tag_names = "ä: #\n\t\"'"};
  train.clip.weights = "-";
  train.optimizer.base_lr = 0.1 + 0.2;
  train.optimizer.eps = 1e-300;
  train.runtime.seed = 18'446'744'073'709'551'615u;
  train.method = TagAlignTraining{.tag_templates = {"a {}", "true {}", "{}"}};
  expect_round_trip(train);
  PretrainConfig pretrain;
  pretrain.data = {.root = "r", .captions = "c"};
  expect_round_trip(pretrain);
  EvaluateConfig evaluate;
  evaluate.clip.weights = "w";
  evaluate.datasets = {{.name = "x", .root = "y"}, {.name = "z", .root = "/", .background = true}};
  expect_round_trip(evaluate);
  ScenesConfig prepare;
  prepare.validation = {{.name = "scenes", .look = SceneLook::kDusk}};
  expect_round_trip(prepare);
}

TEST(Dump, Prepare_WritesEveryKeyInOrder) {
  ScenesConfig config;
  config.validation = {{.name = "scenes"}};
  EXPECT_EQ(*dump(config),
            "runtime:\n"
            "  seed: 1\n"
            "  threads_per_rank: 1\n"
            "  precision: fp32\n"
            "  device: auto\n"
            "  collectives: auto\n"
            "  bucket_mib: 4\n"
            "  collective_timeout_s: 600\n"
            "  log_every_steps: 10\n"
            "dataset: scenes\n"
            "output: scenes\n"
            "seed: 1\n"
            "train_count: 4000\n"
            "train_dusk_share: 0\n"
            "train_size: 64\n"
            "validation:\n"
            "  - name: scenes\n"
            "    count: 60\n"
            "    size: 128\n"
            "    look: day\n");
}

TEST(Dump, ConfigurationThatLoadingRefuses_IsRefused) {
  TrainConfig config;
  config.steps = 0;
  const Result<std::string> text = dump(config);
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.status().message(), HasSubstr("steps: expected an integer from 1 upwards"));
}

TEST(Dump, TextThatIsNotUtf8_IsRefused) {
  ScenesConfig config;
  config.output =
      "a\xff"
      "b";
  config.validation = {{.name = "scenes"}};
  EXPECT_FALSE(dump(config).ok());
}

}  // namespace
}  // namespace tagalign::config
