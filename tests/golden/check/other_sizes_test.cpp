// golden_check on a folder of the same layout with other seeds, widths, depths, patch and image
// sizes, numbers of heads and ranks. The folder is written with this implementation, so that only
// a size or name that golden_check takes from its own source can make it fail.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/format.h"
#include "base/process.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/methods/tagalign/projector.h"
#include "model/methods/tagalign/reference_names.h"
#include "tests/golden/check/loss_ranks.h"
#include "worker/weights/weights.h"

namespace tagalign::golden {
namespace {

namespace fs = std::filesystem;

const model::ClipShape kShape{.vision_width = 192,
                              .vision_layers = 7,
                              .vision_heads = 3,
                              .patch_size = 8,
                              .grid = 5,
                              .text_width = 64,
                              .text_layers = 2,
                              .text_heads = 1,
                              .context = 77,
                              .vocabulary = 49408,
                              .embed_dim = 48};
const std::vector<std::string> kSizes = {"40x40", "24x56"};

class OtherSizesTest : public ::testing::Test {
 protected:
  OtherSizesTest() {
    std::string pattern = (fs::temp_directory_path() / "golden_other_sizes.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    for (const char* group : {"clip", "projector", "losses"}) fs::create_directory(folder_ / group);
    std::ofstream(folder_ / "SUBSET")
        << "clip/clip_tiny.pt\nclip/clip_tiny_state_dict_vocab1024.pth\n";
    at::manual_seed(20260301);
  }
  ~OtherSizesTest() override { fs::remove_all(folder_); }

  void save(const std::string& relative, const Tensors& tensors) {
    const Status status = jobs::save_weights(posix_file_system(), folder_ / relative, tensors, {});
    ASSERT_TRUE(status.ok()) << status.message();
  }
  void save(const std::string& relative, const Json& json) {
    std::ofstream(folder_ / relative) << json.dump();
  }

  void expect_agreement(const std::string& group) {
    const auto program = (fs::path(std::getenv("TAGALIGN_BIN")) / "golden_check").string();
    const auto run = run_command({program, folder_.string(), group}, /*timeout_ms=*/300'000);
    ASSERT_TRUE(run.ok()) << run.status().message();
    EXPECT_EQ(run->exit.code, 0) << run->output;
  }

  fs::path folder_;
};

/// "40x40" → {1, 3, 40, 40}.
at::Tensor random_images(const std::string& size) {
  const std::size_t by = size.find('x');
  return at::randn({1, 3, std::stoll(size.substr(0, by)), std::stoll(size.substr(by + 1))});
}

TEST_F(OtherSizesTest, Clip_Agrees) {
  const at::NoGradGuard no_grad;
  Tensors weights;
  std::int64_t entries = 0;
  for (const auto& [name, tensor] : model::initial_clip_weights(kShape, /*seed=*/9)) {
    weights[name] = tensor.to(at::kHalf);
    entries += tensor.numel();
  }
  const auto vision = model::VisionTower::create(weights).value();
  const auto text = model::TextTower::create(weights).value();
  Tensors images, blocks;
  for (const std::string& size : kSizes) {
    images["input." + size] = random_images(size);
    for (const std::string mode : {"plain", "surgery", "maskclip"}) {
      const auto attention = model::vision_attention_from_name(mode).value();
      const auto observe = [&](std::int64_t block, const at::Tensor& x, const at::Tensor& x_ori) {
        const std::string stage = mode + (block < 0 ? ".ln_pre" : format(".block{}.x", block));
        if (size == kSizes[0]) blocks[stage] = x;
        if (size == kSizes[0] && x_ori.defined()) blocks[stage + "_ori"] = x_ori;
      };
      const at::Tensor sequence = vision.encode(images["input." + size], attention, observe);
      images[mode + "." + size + ".sequence"] = sequence;
      images[mode + "." + size + ".clip_proj"] = vision.projection().forward(sequence);
    }
  }
  const std::vector<std::string> captions = {"a photo of a fjord.", "", "two elk & a moose"};
  const auto tokenizer =
      model::Tokenizer::load(posix_file_system(), model::default_vocabulary()).value();
  const at::Tensor ids = at::tensor(tokenizer.encode_padded(captions), at::kLong).view({3, 77});
  save("clip/clip_tiny.safetensors", weights);
  save("clip/image_encoder.safetensors", images);
  save("clip/image_encoder_blocks_40x40.safetensors", blocks);
  save("clip/text_encoder.safetensors",
       Tensors{{"token_ids", ids.to(at::kInt)},
               {"text_features", text.encode(ids)},
               {"transformer_output_first1", text.encode_sequence(ids.narrow(0, 0, 1))}});
  save("clip/clip.json",
       Json{{"sizes", {{"vw", 192}, {"vl", 7}, {"tw", 64}, {"tl", 2}, {"E", 48}, {"grid", 5}}},
            {"n_params", entries},
            {"captions", captions}});
  expect_agreement("clip");
}

/// Outputs and gradients of one projector on one grid, as the golden data names them.
Tensors projector_golden(const model::Projector& projector, const std::string& size,
                         model::Grid grid) {
  Tensors golden = {{size + ".input", at::randn({2, grid.h * grid.w, 192})},
                    {size + ".upstream", at::randn({2, grid.h * grid.w, 48})}};
  at::Tensor input = golden[size + ".input"].clone().set_requires_grad(true);
  golden[size + ".projector_output"] = projector.refine(input, grid).detach();
  const at::Tensor output = projector.forward(input, grid);
  golden[size + ".output"] = output.detach();
  (output * golden[size + ".upstream"]).sum().backward();
  golden[size + ".grad.input"] = input.grad();
  for (auto [name, tensor] : projector.parameters()) {
    golden[size + ".grad." + name] = tensor.grad().clone();
    tensor.mutable_grad().reset();
  }
  return golden;
}

TEST_F(OtherSizesTest, Projector_Agrees) {
  const model::ClipProjection frozen{at::randn({192}), at::randn({192}), at::randn({192, 48})};
  Json info = {{"width", 192},
               {"embed", 48},
               {"grids_h_w", {{3, 2}, {1, 6}}},
               {"configs",
                {{"gdecoder", {{"n_layers", 1}, {"kernel_size", 3}}},
                 {"transformer", {{"n_layers", 3}, {"n_heads", 8}, {"mlp_ratio", 4}}}}},
               {"summary", Json::object()}};
  for (const std::string kind : {"gdecoder", "transformer"}) {
    const bool gdecoder = kind == "gdecoder";
    const model::ProjectorShape shape{
        gdecoder ? model::ProjectorKind::kGDecoder : model::ProjectorKind::kTransformer,
        gdecoder ? 1 : 3, 192, 8};
    const auto projector = model::make_projector(shape, frozen, /*seed=*/5);
    Tensors weights, golden;
    for (const auto& [name, tensor] : projector->parameters()) {
      at::NoGradGuard no_grad;
      tensor.copy_(at::randn_like(tensor) * 0.1);
      weights[name] = tensor.detach().clone();
      info["names_v1"][kind][name] = tensor.sizes().vec();
      info["names_v3"][kind][model::dev_name(name, shape.kind)] = tensor.sizes().vec();
    }
    golden.merge(projector_golden(*projector, "3x2", {3, 2}));
    golden.merge(projector_golden(*projector, "1x6", {1, 6}));
    save("projector/" + kind + "_weights.safetensors", weights);
    save("projector/" + kind + ".safetensors", golden);
  }
  save("projector/projector.json", info);
  expect_agreement("projector");
}

TEST_F(OtherSizesTest, Losses_ThreeRanks_Agree) {
  const Json row = {
      {"ranks", 3}, {"batch_per_rank", 2}, {"cl_logit_scale", 2.0}, {"ce_logit_scale", 3.0}};
  Tensors tensors = {{"features_all_ranks", at::randn({6, 10})},
                     {"projection", at::randn({10, 12})},
                     {"text_emb_all_ranks", at::randn({6, 12})},
                     {"label_embedding", at::randn({5, 12})},
                     {"tags_all_ranks", at::randint(0, 2, {6, 5}).to(at::kFloat)}};
  auto results = losses_on_threads(tensors, loss_case(row));
  ASSERT_TRUE(results.ok()) << results.status().message();
  tensors.merge(std::move(results).value());
  save("losses/ranks3.safetensors", tensors);
  save("losses/losses.json", Json{{"cases", {{"ranks3", row}}}});
  expect_agreement("losses");
}

}  // namespace
}  // namespace tagalign::golden
