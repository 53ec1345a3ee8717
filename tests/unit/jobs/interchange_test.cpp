#include "tests/unit/jobs/interchange_fixture.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include "base/format.h"
#include "tests/support/torch_files.h"

namespace tagalign::jobs {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(InterchangeTest, ExportImportExport_BothNamings_GivesTheSameBytes) {
  train(train_config("run", 2));
  for (const std::string naming : {"main", "dev"}) {
    export_to("run", naming + ".safetensors", naming);
    const auto imported = import_weights(
        files_, {.from = path(naming + ".safetensors"), .output = path("import-" + naming)});
    ASSERT_TRUE(imported.ok()) << imported.status().message();
    EXPECT_FALSE(imported->resumable);
    EXPECT_EQ(imported->folder, folder_ / ("import-" + naming) / "export" / "step-00000002");
    EXPECT_THAT(imported->notices, ElementsAre(HasSubstr("no optimizer state")));
    export_to("import-" + naming + "/export", "again.safetensors", naming);
    EXPECT_EQ(bytes("again.safetensors"), bytes(naming + ".safetensors"));
  }
  const auto dev = load_weights(files_, path("dev.safetensors")).value();
  EXPECT_TRUE(dev.tensors.contains("decoder.clip_proj.proj"));
  EXPECT_EQ(dev.metadata.at("naming"), "dev");
  EXPECT_EQ(dev.metadata.at("step"), "2");
}

TEST_F(InterchangeTest, Evaluate_FolderFilesAndImports_GiveTheSameCounts) {
  train(train_config("run", 2));
  export_to("run", "dev.safetensors", "dev");
  ASSERT_TRUE(
      import_weights(files_, {.from = path("dev.safetensors"), .output = path("import")}).ok());
  const auto folder = evaluate("run/step-00000002");
  for (const std::string other : {"dev.safetensors", "import/export/step-00000002"}) {
    const auto result = evaluate(other);
    EXPECT_EQ(result.intersect, folder.intersect) << other;
    EXPECT_EQ(result.predicted, folder.predicted) << other;
    EXPECT_EQ(result.step, 2u) << other;
  }
}

TEST_F(InterchangeTest, ReferenceCheckpoint_ImportedWithItsConfiguration_TrainsOnToTheSameBits) {
  auto whole = train_config("whole", 4);
  train(whole);
  make_reference_file(whole, path("whole/step-00000002"));
  const auto imported = import_weights(
      files_,
      {.from = path("reference.pth"), .output = path("resumed"), .config = path("train.yml")});
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_TRUE(imported->resumable);
  EXPECT_THAT(imported->notices, IsEmpty());
  auto resumed = whole;
  resumed.checkpoint.directory = path("resumed");
  train(resumed);
  const auto a = read_trained_weights(files_, path("whole/step-00000004")).value();
  const auto b = read_trained_weights(files_, path("resumed/step-00000004")).value();
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const auto& [name, tensor] : a.tensors)
    EXPECT_TRUE(at::equal(tensor, b.tensors.at(name))) << name;
  for (const auto& [name, tensor] : a.moments)
    EXPECT_TRUE(at::equal(tensor, b.moments.at(name))) << name;
}

TEST_F(InterchangeTest, TclReferenceCheckpoint_BeforeAndAfterTheSwitch_TrainsOnToTheSameBits) {
  for (const std::uint64_t late : {1u, 3u}) {
    const std::string whole = format("whole{}", late), resumed = format("resumed{}", late);
    auto config = tcl_config(whole, 4, late);
    train(config);
    make_reference_file(config, path(whole + "/step-00000002"));
    const auto imported = import_weights(
        files_,
        {.from = path("reference.pth"), .output = path(resumed), .config = path("train.yml")});
    ASSERT_TRUE(imported.ok()) << imported.status().message();
    EXPECT_TRUE(imported->resumable);
    EXPECT_THAT(imported->notices, IsEmpty());
    config.checkpoint.directory = path(resumed);
    train(config);
    const auto a = read_trained_weights(files_, path(whole + "/step-00000004")).value();
    const auto b = read_trained_weights(files_, path(resumed + "/step-00000004")).value();
    EXPECT_EQ(a.method->name, "tcl");
    for (const auto& [name, tensor] : a.tensors)
      EXPECT_TRUE(at::equal(tensor, b.tensors.at(name))) << name;
    for (const auto& [name, tensor] : a.moments)
      EXPECT_TRUE(at::equal(tensor, b.moments.at(name))) << name;
  }
}

TEST_F(InterchangeTest, TclImport_WithAnotherSwitch_IsSaid) {
  const auto config = tcl_config("run", 4, 1);
  train(config);
  make_reference_file(config, path("run/step-00000002"));
  const auto imported = import_weights(files_, {.from = path("reference.pth"),
                                                .output = path("import"),
                                                .config = path("train.yml"),
                                                .overrides = {"method.blocks_from_step=2"}});
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_THAT(imported->notices, ElementsAre(HasSubstr("method.blocks_from_step")));
}

TEST_F(InterchangeTest, TclExport_HasItsOwnNamesAndComesBack) {
  train(tcl_config("run", 2, 1));
  export_to("run", "a.safetensors", "");
  export_to("run", "b.safetensors", "tcl");
  EXPECT_EQ(bytes("a.safetensors"), bytes("b.safetensors"));
  const auto refused = export_weights(
      files_, {.checkpoint = path("run"), .output = path("c.safetensors"), .naming = "dev"});
  EXPECT_THAT(refused.status().message(), HasSubstr("not one of TCL: expected tcl"));
  const auto shown = card("a.safetensors");
  EXPECT_EQ(shown.at("projector"), "masker, 1 double layer, 1 copied block, width 64");
  EXPECT_EQ(shown.at("naming"), "tcl");
  EXPECT_TRUE(shown.at("fits"));
  ASSERT_TRUE(
      import_weights(files_, {.from = path("a.safetensors"), .output = path("import")}).ok());
  export_to("import/export", "again.safetensors", "tcl");
  EXPECT_EQ(bytes("again.safetensors"), bytes("a.safetensors"));
}

TEST_F(InterchangeTest, Import_OtherScheduleOrProjector_IsSaid) {
  auto config = train_config("run", 4);
  train(config);
  make_reference_file(config, path("run/step-00000002"));
  const ImportOptions options{.from = path("reference.pth"),
                              .output = path("import"),
                              .config = path("train.yml"),
                              .overrides = {"optimizer.base_lr=0.5"}};
  const auto imported = import_weights(files_, options);
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_THAT(imported->notices, ElementsAre(HasSubstr("learning rate")));
  auto other = options;
  other.overrides = {"method.projector.kind=gdecoder"};
  other.output = path("nothing");
  const auto refused = import_weights(files_, other);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("asks for gdecoder, 2 layers"));
  EXPECT_FALSE(files_.exists(path("nothing")));
}

TEST_F(InterchangeTest, CheckpointOfTheReference_HasNoAttributesToGoOnWith) {
  auto config = train_config("run", 4);
  train(config);
  make_reference_file(config, path("run/step-00000002"));
  learn_attributes(config);
  ASSERT_TRUE(files_.write_durable(folder_ / "train.yml", config::dump(config).value()).ok());
  const auto refused = import_weights(
      files_,
      {.from = path("reference.pth"), .output = path("import"), .config = path("train.yml")});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(),
              HasSubstr("asks for transformer, 1 layer, width 64, attributes, the file holds "
                        "transformer, 1 layer, width 64; set the keys of method"));
  EXPECT_FALSE(files_.exists(path("import")));
}

TEST_F(InterchangeTest, WeightsWithAttributes_AreShownExportedAndEvaluatedAsOthers) {
  auto config = train_config("run", 2);
  learn_attributes(config);
  train(config);
  ASSERT_TRUE(files_.write_durable(folder_ / "train.yml", config::dump(config).value()).ok());
  export_to("run", "dev.safetensors", "dev");
  EXPECT_TRUE(load_weights(files_, path("dev.safetensors"))
                  ->tensors.contains("attribute_loss.logit_scale"));
  for (const std::string file : {"run/step-00000002", "dev.safetensors"}) {
    EXPECT_EQ(card(file).at("projector"), "transformer, 1 layer, width 64, attributes");
    EXPECT_TRUE(card(file).at("fits"));
    EXPECT_TRUE(card(file, "train.yml").at("fits"));
  }
  EXPECT_EQ(evaluate("dev.safetensors").intersect, evaluate("run/step-00000002").intersect);
  const auto plain = train_config("plain", 2);
  ASSERT_TRUE(files_.write_durable(folder_ / "plain.yml", config::dump(plain).value()).ok());
  const auto misfit = card("run/step-00000002", "plain.yml");
  EXPECT_FALSE(misfit.at("fits"));
  EXPECT_THAT(misfit.at("unexpected").get<std::vector<std::string>>(),
              ElementsAre("attribute_loss.logit_scale"));
}

TEST_F(InterchangeTest, Import_WithoutConfiguration_SaysThatNoTrainingGoesOn) {
  auto config = train_config("run", 2);
  train(config);
  make_reference_file(config, path("run/step-00000002"));
  const auto imported =
      import_weights(files_, {.from = path("reference.pth"), .output = path("import")});
  ASSERT_TRUE(imported.ok()) << imported.status().message();
  EXPECT_FALSE(imported->resumable);
  EXPECT_THAT(imported->notices, ElementsAre(HasSubstr("--config")));
  EXPECT_EQ(evaluate("import/step-00000002").step, 2u);
}

TEST_F(InterchangeTest, OtherClip_IsRefusedByExportImportAndEvaluate) {
  train(train_config("run", 2));
  export_to("run", "main.safetensors", "main");
  auto weights = load_weights(files_, clip_weights()).value();
  weights.tensors["logit_scale"] = weights.tensors["logit_scale"] + 1;
  ASSERT_TRUE(save_weights(files_, folder_ / "other.safetensors", weights.tensors, {}).ok());
  const std::string other = path("other.safetensors");
  const auto exported = export_weights(
      files_, {.checkpoint = path("run"), .output = path("x.safetensors"), .clip = other});
  ASSERT_FALSE(exported.ok());
  EXPECT_THAT(exported.status().message(), HasSubstr("other CLIP weights"));
  EXPECT_FALSE(
      import_weights(files_,
                     {.from = path("main.safetensors"), .output = path("import"), .clip = other})
          .ok());
}

TEST_F(InterchangeTest, ClipFromATorchFile_IsTheSameClip) {
  const auto plain = load_weights(files_, clip_weights()).value();
  testing::PickleWriter pickle;
  std::vector<std::pair<std::string, std::string>> storages;
  pickle.raw("}(").text("input_resolution").integer(32);
  for (const auto& [name, tensor] : plain.tensors) {
    const std::string key = std::to_string(storages.size());
    const at::Tensor half = tensor.to(at::kHalf).contiguous();
    storages.emplace_back(
        key, std::string(static_cast<const char*>(half.const_data_ptr()), half.nbytes()));
    pickle.text(name).tensor({.type = "HalfStorage",
                              .key = key,
                              .elements = half.numel(),
                              .sizes = half.sizes().vec(),
                              .strides = half.strides().vec()});
  }
  ASSERT_TRUE(files_
                  .write_durable(folder_ / "clip.pth",
                                 testing::torch_archive(pickle.raw("u").end(), storages))
                  .ok());
  const auto loaded = load_weights(files_, path("clip.pth"));
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  const auto a = model::VisionTower::create(loaded->tensors);
  ASSERT_TRUE(a.ok()) << a.status().message();
  EXPECT_EQ(a->shape().vision_width, 64);
  EXPECT_TRUE(card("clip.pth").at("fits"));
}

TEST_F(InterchangeTest, WeightsShow_ClipAndProjector_AreDescribed) {
  clip_weights();
  const auto clip = card("clip.safetensors");
  EXPECT_THAT(clip.at("clip").get<std::string>(), HasSubstr("width 64, 7 layers"));
  EXPECT_TRUE(clip.at("fits"));
  train(train_config("run", 2));
  export_to("run", "dev.safetensors", "dev");
  const auto exported = card("dev.safetensors");
  EXPECT_EQ(exported.at("projector"), "transformer, 1 layer, width 64");
  EXPECT_EQ(exported.at("naming"), "dev");
  EXPECT_EQ(exported.at("step"), 2);
  EXPECT_TRUE(exported.at("fits"));
  EXPECT_EQ(card("run/step-00000002").at("container"), "checkpoint folder");
}

TEST_F(InterchangeTest, WeightsShow_AgainstAConfiguration_NamesWhatIsMissing) {
  const auto config = train_config("run", 2);
  train(config);
  auto gdecoder = config;
  gdecoder.method = config::TagAlignTraining{};
  ASSERT_TRUE(files_.write_durable(folder_ / "g.yml", config::dump(gdecoder).value()).ok());
  const auto found = card("run/step-00000002", "g.yml");
  EXPECT_FALSE(found.at("fits"));
  EXPECT_THAT(found.at("missing").get<std::vector<std::string>>(),
              Contains("projector.projector.net.0.conv.gate.gate"));
  EXPECT_THAT(found.at("unexpected").get<std::vector<std::string>>(),
              Contains("projector.projector.0.attn.qkv.weight"));
  EXPECT_THAT(found.at("problems").get<std::vector<std::string>>(),
              ElementsAre(HasSubstr("asks for gdecoder")));
}

TEST_F(InterchangeTest, WeightsShow_OfATensorThatBelongsNowhere_NamesIt) {
  train(train_config("run", 2));
  export_to("run", "main.safetensors", "main");
  auto weights = load_weights(files_, path("main.safetensors"));
  ASSERT_TRUE(weights.ok()) << weights.status().message();
  weights->tensors["junk.weight"] = weights->tensors.begin()->second;
  ASSERT_TRUE(save_weights(files_, path("junk.safetensors"), weights->tensors, {}).ok());
  const auto found = card("junk.safetensors");
  EXPECT_FALSE(found.at("fits"));
  EXPECT_EQ(found.at("unexpected").get<std::vector<std::string>>(),
            std::vector<std::string>{"junk.weight"});
}

TEST_F(InterchangeTest, Export_OfWeightsThatAreNotWhole_NamesWhatIsMissing) {
  train(train_config("run", 2));
  export_to("run", "main.safetensors", "main");
  auto weights = load_weights(files_, path("main.safetensors")).value();
  weights.tensors.erase(std::prev(weights.tensors.end()));
  ASSERT_TRUE(save_weights(files_, path("part.safetensors"), weights.tensors, {}).ok());
  const auto exported = export_weights(files_, {.checkpoint = path("part.safetensors"),
                                                .output = path("again.safetensors"),
                                                .naming = "",
                                                .clip = ""});
  EXPECT_EQ(exported.status().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(exported.status().message(), HasSubstr("1 are missing: "));
  EXPECT_FALSE(files_.exists(folder_ / "again.safetensors"));
}

TEST_F(InterchangeTest, ForeignFile_IsRefusedByName) {
  testing::PickleWriter evil;
  evil.raw("}").text("w").global("os", "system").raw("(").text("touch x").raw("tRs");
  ASSERT_TRUE(
      files_.write_durable(folder_ / "evil.pth", testing::torch_archive(evil.end(), {})).ok());
  const auto refused = load_weights(files_, path("evil.pth"));
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.status().message(), HasSubstr("os.system"));
  EXPECT_THAT(refused.status().message(), HasSubstr("evil.pth"));
}

}  // namespace
}  // namespace tagalign::jobs
