#include "model/methods/groupvit/draws.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <cmath>

#include "model/methods/groupvit/training.h"
#include "model/methods/open_uniform.h"

namespace tagalign::model {
namespace {

RandomStream stream_of(const DrawPlan& plan, const DrawnImages& images, std::int64_t image,
                       StreamPurpose purpose) {
  return RandomStream({.seed = plan.seed,
                       .epoch = images.step,
                       .sample = images.first + static_cast<std::uint64_t>(image)},
                      purpose);
}

/// Gumbel noise of a grouping block after another, as one image's stream gives it: [B, G, L] each.
std::vector<at::Tensor> gumbel_noise(const DrawPlan& plan, const DrawnImages& images) {
  std::vector<at::Tensor> noise;
  for (const auto& [groups, tokens] : plan.assignments)
    noise.push_back(at::empty({images.count, groups, tokens}, at::kFloat));
  at::parallel_for(0, images.count, 1, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t image = from; image < to; ++image) {
      RandomStream stream = stream_of(plan, images, image, StreamPurpose::kGroup);
      for (const at::Tensor& all : noise) {
        const std::int64_t cells = all.size(1) * all.size(2);
        float* values = all.data_ptr<float>() + image * cells;
        for (std::int64_t i = 0; i < cells; ++i)
          values[i] = -std::log(-std::log(open_uniform(stream)));
      }
    }
  });
  return noise;
}

/// Of both branches of all blocks but the first, which nothing is left out of: [2·(blocks − 1), B].
at::Tensor branch_uniforms(const DrawPlan& plan, const DrawnImages& images) {
  const at::Tensor uniform = at::empty({2 * (plan.blocks - 1), images.count}, at::kFloat);
  auto values = uniform.accessor<float, 2>();
  for (std::int64_t image = 0; image < images.count; ++image) {
    RandomStream stream = stream_of(plan, images, image, StreamPurpose::kDropPath);
    for (std::int64_t row = 0; row < uniform.size(0); ++row)
      values[row][image] = open_uniform(stream);
  }
  return uniform;
}

}  // namespace

EncoderDraws philox_draws(const DrawPlan& plan, const DrawnImages& images) {
  EncoderDraws draws{.noise = gumbel_noise(plan, images), .drops = {}};
  if (plan.drop_path > 0) draws.drops = drop_paths(branch_uniforms(plan, images), plan.drop_path);
  return draws;
}

}  // namespace tagalign::model
