/// Throughput of the model at the demo's size and at ViT-B/16: towers, a training step of the
/// projector, window masks, refinement, pixel counts. items_per_second are images, windows or pixels.
#include <ATen/TensorOperators.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/sin.h>
#include <benchmark/benchmark.h>

#include <memory>
#include <random>

#include "base/status.h"
#include "model/inference/pamr.h"
#include "model/inference/segmentation_counts.h"
#include "model/methods/tagalign/tagalign.h"
#include "model/training/losses.h"
#include "model/training/optimizer.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kDemo = 0, kVitB16 = 1;
constexpr std::int64_t kTags = 64;

ClipShape clip_shape(std::int64_t size) {
  ClipShape shape;
  const bool demo = size == kDemo;
  shape.vision_width = demo ? 128 : 768;
  shape.vision_layers = demo ? 8 : 12;
  shape.vision_heads = shape.vision_width / 64;
  shape.patch_size = demo ? 8 : 16;
  shape.grid = demo ? 8 : 14;
  shape.text_width = demo ? 64 : 512;
  shape.text_layers = demo ? 3 : 12;
  shape.text_heads = shape.text_width / 64;
  shape.context = 77;
  shape.vocabulary = demo ? 1000 : 49408;
  shape.embed_dim = demo ? 64 : 512;
  return shape;
}

at::Tensor values(at::IntArrayRef shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return at::sin(at::arange(count, at::kFloat) * 12.9898).reshape(shape);
}

/// Towers and projector of one size, made once.
struct Model {
  explicit Model(std::int64_t size)
      : Model(clip_shape(size), initial_clip_weights(clip_shape(size), 1)) {}
  Model(const ClipShape& clip, const StateDict& weights)
      : shape(clip),
        vision(VisionTower::create(weights).value()),
        text(TextTower::create(weights).value()),
        projector(make_projector({ProjectorKind::kGDecoder, 2, clip.vision_width},
                                 vision.projection(), 2)) {}
  ClipShape shape;
  VisionTower vision;
  TextTower text;
  std::shared_ptr<Projector> projector;
};

Model& model_of(std::int64_t size) {
  static std::unique_ptr<Model> models[2];
  auto& model = models[static_cast<std::size_t>(size)];
  if (!model) model = std::make_unique<Model>(size);
  return *model;
}

/// The frozen tower as training and evaluation run it. Arguments: size, batch, side, bf16.
void vision_surgery(benchmark::State& state) {
  Model& model = model_of(state.range(0));
  const bool bf16 = state.range(3) != 0;
  const at::ScalarType compute = bf16 ? at::kBFloat16 : at::kFloat;
  model.vision.freeze({.compute = compute, .attention = preferred_attention(compute, at::kCPU)});
  const at::NoGradGuard no_grad;
  const at::Tensor images = values({state.range(1), 3, state.range(2), state.range(2)});
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, bf16);
  for (auto _ : state) {
    benchmark::DoNotOptimize(model.vision.encode_patches(images, VisionAttention::kSurgery));
  }
  at::autocast::set_autocast_enabled(at::kCPU, false);
  state.SetItemsProcessed(state.iterations() * state.range(1));
}

void text_tower(benchmark::State& state) {
  const Model& model = model_of(state.range(0));
  const at::NoGradGuard no_grad;
  at::Tensor ids = at::full({state.range(1), 77}, 0, at::kLong);
  ids.narrow(1, 0, 20).fill_(7);
  ids.select(1, 20).fill_(model.shape.vocabulary - 1);  // captions of 20 tokens
  for (auto _ : state) benchmark::DoNotOptimize(model.text.encode(ids));
  state.SetItemsProcessed(state.iterations() * state.range(1));
}

/// Forward, both losses, backward, clipping and AdamW, on features computed beforehand.
void projector_step(benchmark::State& state) {
  Model& model = model_of(state.range(0));
  const std::int64_t batch = state.range(1), grid = model.shape.grid;
  const at::Tensor patches = values({batch, grid * grid, model.shape.vision_width});
  const at::Tensor captions = values({batch, model.shape.embed_dim});
  const at::Tensor labels = values({kTags, model.shape.embed_dim});
  const at::Tensor tags = values({batch, kTags}).gt(0.9).to(at::kFloat);
  const at::Tensor scale = at::scalar_tensor(2.6593, at::kFloat);
  AdamW optimizer(model.projector->parameters(), {});
  for (auto _ : state) {
    optimizer.zero_gradients();
    const at::Tensor image = model.projector->forward(patches, {grid, grid}).mean(1);
    (infonce_loss(image, captions, scale, {}) + multitag_loss(image, labels, tags, scale))
        .backward();
    optimizer.clip_gradients(5.0);
    optimizer.step(1e-4);
  }
  state.SetItemsProcessed(state.iterations() * batch);
}

void window_masks(benchmark::State& state) {
  const Model& model = model_of(state.range(0));
  const std::int64_t side = state.range(1);
  const auto method =
      make_tagalign_model({.vision = &model.vision, .text = &model.text}, model.projector, {});
  const auto scorer = method->scorer({values({21, model.shape.embed_dim})}, {});
  const std::vector<model::ScoreVariant> variants{{.mix = 0.3}};
  const at::NoGradGuard no_grad;
  const at::Tensor window = values({1, 3, side, side});
  for (auto _ : state) benchmark::DoNotOptimize(scorer->maps(window, variants));
  state.SetItemsProcessed(state.iterations());
}

/// Argument: classes; one image of 500 x 375 pixels.
void pixel_counts(benchmark::State& state) {
  const auto classes = static_cast<std::size_t>(state.range(0));
  std::mt19937 random(1);
  std::vector<std::uint16_t> prediction(500 * 375), label(prediction.size());
  for (std::size_t i = 0; i < label.size(); ++i) {
    prediction[i] = static_cast<std::uint16_t>(random() % classes);
    label[i] = static_cast<std::uint16_t>(random() % classes);
  }
  SegmentationCounts counts(classes);
  for (auto _ : state) counts.add(prediction, label, 255);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(label.size()));
}

const auto kUnit = benchmark::kMillisecond;
/// Refinement of an image's scores as TCL does it. Argument: classes, side.
void pamr(benchmark::State& state) {
  const at::NoGradGuard no_grad;
  const std::int64_t classes = state.range(0), side = state.range(1);
  const Pamr refinement(PamrOptions{});
  const at::Tensor image = values({1, 3, side, side}), scores = values({1, classes, side, side});
  for (auto _ : state) benchmark::DoNotOptimize(refinement.refine(image, scores));
  state.SetItemsProcessed(state.iterations() * side * side);
}

BENCHMARK(vision_surgery)
    ->Args({kDemo, 32, 64, 0})
    ->Args({kVitB16, 8, 224, 0})
    ->Args({kVitB16, 8, 224, 1})
    ->Args({kVitB16, 1, 448, 0})
    ->Args({kVitB16, 1, 448, 1})
    ->Unit(kUnit);
BENCHMARK(text_tower)->Args({kDemo, 32})->Args({kVitB16, 8})->Unit(kUnit);
BENCHMARK(projector_step)->Args({kDemo, 32})->Args({kVitB16, 4})->Unit(kUnit);
BENCHMARK(window_masks)->Args({kDemo, 64})->Args({kDemo, 128})->Args({kVitB16, 448})->Unit(kUnit);
BENCHMARK(pamr)->Args({12, 128})->Args({21, 448})->Args({171, 448})->Unit(kUnit);
BENCHMARK(pixel_counts)->Arg(12)->Arg(171)->Unit(kUnit);

}  // namespace
}  // namespace tagalign::model
