/// Both losses against the reference's values and gradients, with 1, 2 and 4 ranks simulated in one
/// process: the gather of a rank is the concatenation of all ranks' tensors, so that autograd sums
/// what every rank's loss sends back.
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "model/losses.h"
#include "tests/support/golden_reader.h"

namespace tagalign::model {
namespace {

using testing::max_deviation;
using testing::relative_deviation;
using Tensors = std::map<std::string, at::Tensor>;

constexpr double kLossBound = 1e-5;
constexpr double kGradientBound = 5e-5;

at::Tensor leaf(const at::Tensor& t) {
  at::Tensor copy = t.detach().clone();
  copy.set_requires_grad(true);
  return copy;
}

/// What one rank owns: its own copy of the parameters, and its share of the batch.
struct Rank {
  at::Tensor projection, cl_scale, ce_scale, text;  // leaves
  at::Tensor image, tags;
  at::Tensor infonce, multitag;
};

struct Case {
  Tensors golden;
  std::vector<Rank> ranks;
};

Case load_case(const std::string& name) {
  const nlohmann::json info = testing::read_golden_json("losses/losses.json")["cases"][name];
  Case result{testing::read_golden_tensors("losses/" + name + ".safetensors"), {}};
  const std::int64_t batch = info["batch_per_rank"];
  for (std::int64_t r = 0; r < info["ranks"].get<std::int64_t>(); ++r) {
    const auto share = [&](const char* tensor) {
      return result.golden.at(tensor).narrow(0, r * batch, batch);
    };
    Rank rank;
    rank.projection = leaf(result.golden.at("projection"));
    rank.cl_scale = leaf(at::scalar_tensor(info["cl_logit_scale"].get<double>()));
    rank.ce_scale = leaf(at::scalar_tensor(info["ce_logit_scale"].get<double>()));
    rank.text = leaf(share("text_emb_all_ranks"));
    rank.image = at::matmul(share("features_all_ranks"), rank.projection);
    rank.image.retain_grad();
    rank.tags = share("tags_all_ranks");
    result.ranks.push_back(rank);
  }
  return result;
}

/// Every rank's losses, each seeing the others through a gather that keeps the graph.
void compute_losses(Case& c) {
  std::vector<at::Tensor> shares;
  for (const Rank& rank : c.ranks) {
    shares.push_back(at::cat({normalize_features(rank.image), normalize_features(rank.text)}, 1));
  }
  for (std::size_t r = 0; r < c.ranks.size(); ++r) {
    Rank& rank = c.ranks[r];
    const auto gather = [&, r](const at::Tensor& own) {
      EXPECT_EQ(max_deviation(own, shares[r]), 0.0);
      return at::cat(shares, 0);
    };
    rank.infonce = infonce_loss(rank.image, rank.text, rank.cl_scale,
                                {static_cast<int>(r), static_cast<int>(c.ranks.size()), gather});
    rank.multitag =
        multitag_loss(rank.image, c.golden.at("label_embedding"), rank.tags, rank.ce_scale);
  }
}

void clear_gradients(Case& c) {
  for (Rank& rank : c.ranks) {
    for (at::Tensor* t :
         {&rank.projection, &rank.cl_scale, &rank.ce_scale, &rank.text, &rank.image}) {
      t->mutable_grad().reset();
    }
  }
}

at::Tensor gradient(const at::Tensor& t) {
  return t.grad().defined() ? t.grad() : at::zeros_like(t);
}

void expect_gradients(const Case& c, const std::string& loss) {
  at::Tensor mean_projection = at::zeros_like(c.ranks[0].projection);
  for (std::size_t r = 0; r < c.ranks.size(); ++r) {
    const Rank& rank = c.ranks[r];
    const std::string prefix = "rank" + std::to_string(r) + "." + loss + ".grad_";
    const auto expect = [&](const char* name, const at::Tensor& t) {
      const at::Tensor& expected = c.golden.at(prefix + name);
      EXPECT_LE(relative_deviation(gradient(t).reshape(expected.sizes()), expected), kGradientBound)
          << prefix << name;
    };
    expect("image_emb", rank.image);
    expect("text_emb", rank.text);
    expect("projection", rank.projection);
    expect("cl_logit_scale", rank.cl_scale);
    expect("ce_logit_scale", rank.ce_scale);
    mean_projection += gradient(rank.projection);
  }
  mean_projection /= static_cast<double>(c.ranks.size());
  EXPECT_LE(relative_deviation(mean_projection,
                               c.golden.at("rank0." + loss + ".grad_projection.averaged")),
            kGradientBound);
}

class LossesGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(LossesGolden, Values_AsReference_WithinBound) {
  TA_REQUIRE_GOLDEN("losses/losses.json");
  Case c = load_case(GetParam());
  compute_losses(c);
  for (std::size_t r = 0; r < c.ranks.size(); ++r) {
    const std::string prefix = "rank" + std::to_string(r);
    const auto value = [&](const char* name) {
      return c.golden.at(prefix + name).reshape({}).item<double>();
    };
    EXPECT_NEAR(c.ranks[r].infonce.item<double>(), value(".infonce.loss"), kLossBound);
    EXPECT_NEAR(c.ranks[r].multitag.item<double>(), value(".multitag.loss"), kLossBound);
  }
}

TEST_P(LossesGolden, Gradients_AsReference_WithinBound) {
  TA_REQUIRE_GOLDEN("losses/losses.json");
  for (const std::string loss : {"infonce", "multitag", "total"}) {
    Case c = load_case(GetParam());
    compute_losses(c);
    clear_gradients(c);
    at::Tensor sum = at::scalar_tensor(0.0);
    for (const Rank& rank : c.ranks) {
      if (loss != "multitag") sum = sum.add(rank.infonce);
      if (loss != "infonce") sum = sum.add(rank.multitag);
    }
    sum.backward();
    expect_gradients(c, loss);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, LossesGolden,
                         ::testing::Values("ranks1", "ranks2", "ranks4", "ranks2_scale_above_cap",
                                           "ranks1_extreme"),
                         [](const auto& case_info) { return case_info.param; });

}  // namespace
}  // namespace tagalign::model
