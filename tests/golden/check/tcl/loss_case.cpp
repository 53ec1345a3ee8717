#include "tests/golden/check/tcl/loss_case.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "model/methods/tcl/losses.h"
#include "model/methods/tcl/masker.h"
#include "tests/golden/check/rank_threads.h"
#include "worker/collectives/collective_group.h"
#include "worker/gradients/gather_autograd.h"
#include "worker/gradients/gradients.h"

namespace tagalign::golden::tcl {
namespace {

using collectives::CollectiveGroup;

constexpr double kBucketMib = 4.0;
const std::vector<std::string> kLosses = {
    "area_loss", "neg_area_loss", "tclf_loss", "tv_img_loss", "tv_mask_loss", "tcli_loss", "total"};

at::Tensor leaf(const at::Tensor& t) {
  return t.detach().to(at::kFloat).clone().set_requires_grad(true);
}
at::Tensor leaf(const Json& number) {
  return leaf(at::scalar_tensor(number.get<double>(), at::kFloat));
}

config::TclTraining settings(const Json& info, const Json& weights, config::TclPairing pairing) {
  config::TclTraining config;
  config.area_weight = weights.at("area_w");
  config.area_prior = weights.at("area_prior");
  config.contrast_weight = weights.at("tcl_w");
  config.smoothness_weight = weights.at("tv_w");
  config.temperature = info.at("gumbel_tau");
  config.pairing = pairing;
  return config;
}

/// A rank's leaves, and what they lead to.
struct Graph {
  at::Tensor map, text, w, b, feature_scale, image_scale;  // leaves
  at::Tensor similarity, soft, hard;
  model::TclLosses losses;

  at::Tensor loss(const std::string& name) const {
    if (name == "area_loss") return losses.area;
    if (name == "neg_area_loss") return losses.other_area;
    if (name == "tclf_loss") return losses.feature;
    if (name == "tv_img_loss") return losses.map_variation;
    if (name == "tv_mask_loss") return losses.mask_variation;
    return name == "tcli_loss" ? losses.image : losses.total();
  }
};

/// `first` and `count`: which rows of all ranks' inputs belong to the rank.
struct Share {
  std::int64_t first = 0, count = 0;
};

Graph forward(const Tensors& inputs, const Json& info, const config::TclTraining& config,
              const Share& share, const at::Tensor& noise, const model::LossRanks& ranks) {
  const auto rows = [&](const char* name) {
    return inputs.at(name).narrow(0, share.first, share.count);
  };
  Graph g{.map = leaf(rows("image_emb_all_ranks")),
          .text = leaf(rows("text_emb_all_ranks")),
          .w = leaf(info.at("w")),
          .b = leaf(info.at("b")),
          .feature_scale = leaf(info.at("tclf_logit_scale")),
          .image_scale = leaf(info.at("tcli_logit_scale"))};
  const at::Tensor all_text = ranks.world == 1 ? g.text : ranks.gather(g.text);
  g.similarity = model::Masker::similarity(g.map, all_text);
  const at::Tensor logits = g.similarity * g.w + g.b;
  g.soft = at::sigmoid(logits);
  g.hard = model::gumbel_masks(logits, noise, config.temperature);
  const at::Tensor encoder = inputs.at("encoder").to(at::kFloat);
  g.losses = model::tcl_losses(
      {.map = g.map,
       .masks = g.soft,
       .sampled = model::own_masks(g.hard, share.count * ranks.rank),
       .images = rows("image_all_ranks").to(at::kFloat),
       .text = g.text,
       .all_text = all_text,
       .feature_scale = g.feature_scale,
       .image_scale = g.image_scale,
       .encode = [&](const at::Tensor& masked) { return at::matmul(masked.flatten(1), encoder); }},
      config, ranks);
  return g;
}

at::Tensor gradient_of(const at::Tensor& t) {
  return t.grad().defined() ? t.grad().detach().clone() : at::zeros_like(t);
}

/// Backward pass of one loss, and what it and the averaging leave.
Status add_gradients(const std::string& prefix, const Graph& g, CollectiveGroup& group,
                     Tensors& result) {
  result[prefix + "grad_image_emb"] = gradient_of(g.map);
  result[prefix + "grad_text_emb"] = gradient_of(g.text);
  const model::Parameters parameters = {{"w", g.w},
                                        {"b", g.b},
                                        {"tclf_logit_scale", g.feature_scale},
                                        {"tcli_logit_scale", g.image_scale}};
  for (const auto& [name, tensor] : parameters)
    result[prefix + "grad_" + name] = gradient_of(tensor);
  TA_RETURN_IF_ERROR(jobs::average_gradients(parameters, kBucketMib, group));
  for (const auto& [name, tensor] : parameters)
    result[prefix + "grad_" + name + ".averaged"] = gradient_of(tensor);
  return ok_status();
}

Result<Tensors> on_rank(const Tensors& inputs, const Json& info, const Json& weights,
                        CollectiveGroup& group) {
  const std::string rank = format("rank{}.", group.rank());
  const auto batch = info.at("batch_per_rank").get<std::int64_t>();
  const model::LossRanks ranks{group.rank(), group.size(), [&](const at::Tensor& rows) {
                                 return jobs::gather_with_gradient(rows, group);
                               }};
  const auto config = settings(info, weights, config::TclPairing::kReference);
  Tensors result;
  for (const std::string& name : kLosses) {
    const Graph g = forward(inputs, info, config, {group.rank() * batch, batch},
                            inputs.at(rank + "noise"), ranks);
    result[rank + "simmap"] = g.similarity.detach();
    result[rank + "soft_mask"] = g.soft.detach();
    result[rank + "hard_mask"] = g.hard.detach();
    result[rank + "pooled"] = model::pooled_under(g.map, g.soft).detach();
    result[rank + name] = g.loss(name).detach();
    g.loss(name).backward();
    TA_RETURN_IF_ERROR(add_gradients(rank + name + ".", g, group, result));
  }
  return result;
}

}  // namespace

Result<Tensors> losses_on_threads(const Tensors& inputs, const Json& info, const Json& weights) {
  TA_ASSIGN_OR_RETURN(auto ranks,
                      on_rank_threads(info.at("ranks").get<int>(), [&](CollectiveGroup& group) {
                        return on_rank(inputs, info, weights, group);
                      }));
  Tensors all;
  for (Tensors& own : ranks) all.merge(std::move(own));
  return all;
}

Result<double> pairing_difference(const Tensors& inputs, const Json& info, const Json& weights) {
  const int world = info.at("ranks").get<int>();
  const auto batch = info.at("batch_per_rank").get<std::int64_t>();
  const auto config = settings(info, weights, config::TclPairing::kCorrect);
  const auto value = [&](CollectiveGroup& group) -> Result<double> {
    const model::LossRanks ranks{group.rank(), group.size(), [&](const at::Tensor& rows) {
                                   return jobs::gather_with_gradient(rows, group);
                                 }};
    const std::string rank = format("rank{}.", group.rank());
    const Graph g = forward(inputs, info, config, {group.rank() * batch, batch},
                            inputs.at(rank + "noise"), ranks);
    return g.losses.feature.detach().item<double>();
  };
  TA_ASSIGN_OR_RETURN(const auto values, on_rank_threads(world, value));
  double mean = 0;
  std::vector<at::Tensor> noise;
  for (int rank = 0; rank < world; ++rank) {
    mean += values.at(static_cast<std::size_t>(rank)) / world;
    noise.push_back(inputs.at(format("rank{}.noise", rank)));
  }
  const Graph joined =
      forward(inputs, info, config, {0, world * batch}, at::cat(noise), {0, 1, {}});
  return std::abs(mean - joined.losses.feature.item<double>());
}

}  // namespace tagalign::golden::tcl
