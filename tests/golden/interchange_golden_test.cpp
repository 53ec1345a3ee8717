// Files of the reference through import, export and what an evaluation loads: the same projector,
// whatever the container and the branch's names.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>

#include "model/methods/tagalign/reference_names.h"
#include "tests/support/golden_reader.h"
#include "tests/support/recording_reporter.h"
#include "worker/collectives/collective_group.h"
#include "worker/evaluate/predictor.h"
#include "worker/weights/export_job.h"
#include "worker/weights/frozen_clip.h"
#include "worker/weights/import_job.h"
#include "worker/weights/trained_weights.h"
#include "worker/weights/weights.h"

namespace tagalign::jobs {
namespace {

using testing::max_deviation;
using testing::read_golden_tensors;

constexpr double kOutputBound = 3e-5;
constexpr std::uint64_t kFileBytesMax = 1u << 30;
constexpr char kClip[] = "clip/clip_tiny.safetensors";

template <class T>
T unwrap(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().message());
  return std::move(result).value();
}

class InterchangeGolden : public ::testing::Test {
 protected:
  InterchangeGolden() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tagalign-interchange-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~InterchangeGolden() override { std::filesystem::remove_all(folder_); }

  /// A fixture's path; what is packed by gzip is unpacked into the test's folder.
  std::string file(const std::string& relative) {
    if (!relative.ends_with(".gz")) return testing::golden_path(relative).string();
    const Path unpacked = folder_ / Path(relative).stem();
    if (!files_.exists(unpacked)) {
      const auto written = files_.write_durable(unpacked, testing::read_golden_bytes(relative));
      EXPECT_TRUE(written.ok()) << written.message();
    }
    return unpacked.string();
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  Predictor predictor(const std::string& clip, const std::string& checkpoint) {
    config::EvaluateConfig config;
    config.clip.weights = clip;
    config.checkpoint = checkpoint;
    return unwrap(load_predictor(rank_, config));
  }

  void expect_equal(const model::Parameters& a, const model::Parameters& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].name, b[i].name);
      EXPECT_TRUE(at::equal(a[i].tensor, b[i].tensor)) << a[i].name;
    }
  }

  FileSystem& files_ = posix_file_system();
  Path folder_;
  std::vector<std::unique_ptr<collectives::CollectiveGroup>> groups_ =
      collectives::make_thread_groups(1, 60'000);
  RecordingReporter reporter_;
  Rank rank_{.group = *groups_[0], .reporter = reporter_, .files = files_};
};

TEST_F(InterchangeGolden, Checkpoint_FileFolderAndBothExports_LoadTheSameProjector) {
  TA_REQUIRE_GOLDEN("checkpoints/checkpoint_gdecoder_v1.pth.gz");
  const std::string clip = file(kClip);
  const std::string from = file("checkpoints/checkpoint_gdecoder_v1.pth.gz");
  const auto imported =
      unwrap(import_weights(files_, {.from = from, .output = path("import"), .clip = clip}));
  EXPECT_EQ(imported.folder.filename(), "step-00000006");
  const auto direct = predictor(clip, from);
  EXPECT_EQ(direct.step, 6u);
  expect_equal(direct.model->parameters(),
               predictor(clip, imported.folder.string()).model->parameters());
  const auto source = unwrap(read_trained_weights(files_, from));
  const auto held = unwrap(read_trained_weights(files_, imported.folder));
  EXPECT_EQ(held.moments.size(), source.moments.size());
  EXPECT_TRUE(held.tensors.contains("label_embedding"));
  for (const std::string naming : {"main", "dev"}) {
    const std::string exported = path(naming + ".safetensors");
    unwrap(export_weights(files_,
                          {.checkpoint = path("import"), .output = exported, .naming = naming}));
    expect_equal(direct.model->parameters(), predictor(clip, exported).model->parameters());
    unwrap(import_weights(files_, {.from = exported, .output = path("back-" + naming)}));
    unwrap(export_weights(files_, {.checkpoint = path("back-" + naming) + "/export",
                                   .output = path("again"),
                                   .naming = naming}));
    EXPECT_EQ(unwrap(files_.read_file(path("again"), kFileBytesMax)),
              unwrap(files_.read_file(exported, kFileBytesMax)));
  }
}

TEST_F(InterchangeGolden, DevExport_HasExactlyTheNamesOfTheList) {
  TA_REQUIRE_GOLDEN("checkpoints/checkpoint_gdecoder_v1.pth.gz");
  const auto info = testing::read_golden_json("checkpoints/checkpoints.json");
  for (const std::string kind : {"gdecoder", "transformer"}) {
    const auto exported = path("dev.safetensors");
    unwrap(
        export_weights(files_, {.checkpoint = file("checkpoints/checkpoint_" + kind + "_v1.pth.gz"),
                                .output = exported,
                                .naming = "dev"}));
    const auto tensors = unwrap(load_weights(files_, exported)).tensors;
    const auto expected = info.at("checkpoint_" + kind + "_v3_names.pth").at("model");
    EXPECT_EQ(tensors.size(), expected.size()) << kind;
    for (const auto& [name, type_and_shape] : expected.items()) {
      ASSERT_TRUE(tensors.contains(name)) << name;
      EXPECT_EQ(tensors.at(name).sizes().vec(),
                type_and_shape.at(1).get<std::vector<std::int64_t>>())
          << name;
    }
  }
}

TEST_F(InterchangeGolden, BothBranchesFiles_LoadTheSameProjector) {
  TA_REQUIRE_GOLDEN("checkpoints/checkpoint_transformer_v3_names.pth");
  const std::string clip = file(kClip);
  const auto main = predictor(clip, file("checkpoints/checkpoint_transformer_v1.pth.gz"));
  const auto dev = predictor(clip, file("checkpoints/checkpoint_transformer_v3_names.pth"));
  EXPECT_EQ(main.step, dev.step);
  expect_equal(main.model->parameters(), dev.model->parameters());
}

TEST_F(InterchangeGolden, ImportedProjector_Outputs_MatchReference) {
  TA_REQUIRE_GOLDEN("projector/gdecoder.safetensors");
  const at::NoGradGuard no_grad;
  for (const std::string kind : {"gdecoder", "transformer"}) {
    const auto imported =
        unwrap(import_weights(files_, {.from = file("projector/" + kind + "_weights.safetensors"),
                                       .output = path(kind)}));
    const auto clip = unwrap(load_clip(rank_, file(kClip)));
    const auto trained = unwrap(read_trained_weights(files_, imported.folder));
    const auto projector = model::make_projector(unwrap(model::projector_shape_of(trained.tensors)),
                                                 clip.vision.projection(), 0);
    const Status loaded = model::load_projector(*projector, trained.tensors);
    ASSERT_TRUE(loaded.ok()) << loaded.message();
    const auto golden = read_golden_tensors("projector/" + kind + ".safetensors");
    for (const auto& [size, grid] :
         {std::pair{"4x4", model::Grid{4, 4}}, std::pair{"5x7", model::Grid{5, 7}}}) {
      const auto output = projector->forward(golden.at(std::string(size) + ".input"), grid);
      EXPECT_LE(max_deviation(output, golden.at(std::string(size) + ".output")), kOutputBound)
          << kind << " " << size;
    }
  }
}

TEST_F(InterchangeGolden, Clip_FromEveryContainer_IsTheSameClip) {
  TA_REQUIRE_GOLDEN("clip/clip_tiny.pt.gz");
  const auto plain = unwrap(load_clip(rank_, file(kClip)));
  const auto script = unwrap(load_clip(rank_, file("clip/clip_tiny.pt.gz")));
  const auto half = unwrap(load_clip(rank_, file("clip/clip_tiny_state_dict_vocab1024.pth.gz")));
  expect_equal(plain.vision.parameters(), script.vision.parameters());
  expect_equal(plain.text.parameters(), script.text.parameters());
  EXPECT_EQ(plain.text.shape().vocabulary, 49408);
  EXPECT_EQ(half.text.shape().vocabulary, 1024);
  EXPECT_EQ(half.vision.shape().vision_layers, 8);
}

}  // namespace
}  // namespace tagalign::jobs
