// What matrix work costs on this machine at best, and random weights to work with.
//     bench_model weights FILE SHAPE      a CLIP of that shape, drawn anew
//     bench_model limits SHAPE THREADS    asked on stdin, a line of JSON and "done" each:
//         gemm PRECISION ROWS             ROWS tokens through the MLP of a block, as products alone
//         encode PRECISION SIDE COUNT     image encoder and projector: COUNT windows in each thread
// SHAPE: b16 or small. PRECISION: fp32 or bf16. gemm takes all threads for one product; in encode
// each thread is by itself, as in an evaluation.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>

#include "base/format.h"
#include "model/methods/tagalign/projector.h"
#include "model/torch_threads.h"
#include "tests/bench/programs/stopwatch.h"
#include "worker/rank/precision.h"
#include "worker/weights/weights.h"

namespace tagalign {
namespace {

constexpr double kProductsS = 0.5;  ///< so long products are repeated; the fastest counts

model::ClipShape shape_of(const std::string& name) {
  model::ClipShape shape{.vision_width = 768,
                         .vision_layers = 12,
                         .vision_heads = 12,
                         .patch_size = 16,
                         .grid = 14,
                         .text_width = 512,
                         .text_layers = 12,
                         .text_heads = 8,
                         .context = 77,
                         .vocabulary = 49408,
                         .embed_dim = 512};
  if (name != "small") return shape;
  shape.vision_width = 128;
  shape.vision_layers = 8;
  shape.vision_heads = 2;
  shape.grid = 4;
  shape.text_width = 64;
  shape.text_layers = 2;
  shape.text_heads = 1;
  shape.embed_dim = 64;
  return shape;
}

config::Precision precision_of(const std::string& name) {
  return name == "bf16" ? config::Precision::kBf16 : config::Precision::kFp32;
}

struct Model {
  model::VisionTower vision;
  std::shared_ptr<model::Projector> projector;
  int threads = 1;
};

Result<Model> make_model(const std::string& shape, int threads) {
  TA_ASSIGN_OR_RETURN(auto vision,
                      model::VisionTower::create(model::initial_clip_weights(shape_of(shape), 1)));
  std::shared_ptr<model::Projector> projector = model::make_projector(
      {model::ProjectorKind::kGDecoder, 2, vision.shape().vision_width}, vision.projection(), 2);
  return Model{std::move(vision), std::move(projector), threads};
}

/// [ROWS, D] × [D, 4·D] and back.
std::string gemm(const Model& model, const std::string& precision, std::int64_t rows) {
  at::set_num_threads(model.threads);
  const std::int64_t width = model.vision.shape().vision_width;
  const at::ScalarType type = precision == "bf16" ? at::kBFloat16 : at::kFloat;
  const at::Tensor x = at::randn({rows, width}, type), wide = at::randn({4 * width, width}, type),
                   narrow = at::randn({width, 4 * width}, type);
  double best = 1e9;
  for (const bench::Stopwatch all; all.wall_s() < kProductsS;) {
    const bench::Stopwatch watch;
    (void)at::linear(at::linear(x, wide), narrow);
    best = std::min(best, watch.wall_s());
  }
  const double operations = 2.0 * 2.0 * 4.0 * static_cast<double>(rows * width * width);
  return format(R"({{"gflops": {}}})", 1e-9 * operations / best);
}

std::string encode(const Model& model, const std::string& precision, std::int64_t side, int count) {
  at::set_num_threads(1);
  const at::Tensor window = at::randn({1, 3, side, side});
  const model::PatchGrid patches = model.vision.grid_of(window);
  const auto once = [&] {
    const jobs::AutocastScope autocast(precision_of(precision), at::kCPU);
    const at::Tensor tokens = model.vision.encode(window, model::VisionAttention::kSurgery);
    (void)model.projector->forward(tokens.slice(1, 1), {patches.rows, patches.columns});
  };
  once();
  const bench::Stopwatch watch;
  model::on_threads(model.threads, [&](int) {
    for (int i = 0; i < count; ++i) once();
  });
  return format(R"({{"windows": {}, "wall": {}, "cpu": {}}})", count * model.threads,
                watch.wall_s(), watch.cpu_s());
}

std::string answer(const Model& model, const std::string& line) {
  std::istringstream words(line);
  std::string verb, precision;
  int first = 0, second = 0;
  words >> verb >> precision >> first >> second;
  return verb == "gemm" ? gemm(model, precision, first) : encode(model, precision, first, second);
}

Status serve(const std::string& shape, int threads) {
  TA_ASSIGN_OR_RETURN(const Model model, make_model(shape, threads));
  at::set_num_interop_threads(1);
  const at::NoGradGuard no_grad;
  for (std::string line; std::getline(std::cin, line);)
    std::cout << answer(model, line) << "\ndone\n" << std::flush;
  return ok_status();
}

}  // namespace
}  // namespace tagalign

int main(int count, char** words) {
  using namespace tagalign;
  if (count != 4) return 2;
  const bool writes = std::string(words[1]) == "weights";
  const Status status = writes
                            ? jobs::save_weights(posix_file_system(), words[2],
                                                 model::initial_clip_weights(shape_of(words[3]), 1),
                                                 {{"format", "clip"}})
                            : serve(words[2], std::stoi(words[3]));
  if (!status.ok()) std::cerr << status.to_string() << '\n';
  return status.ok() ? 0 : 1;
}
