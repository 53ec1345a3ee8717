// An optimiser that several ranks share gives the bits of one that is whole (ZeRO's first stage).
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

#include <memory>
#include <numeric>

#include "model/training/optimizer.h"
#include "model/training/rank_share.h"

namespace tagalign::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::uint64_t sum_of(const std::vector<ElementRange>& ranges) {
  std::uint64_t sum = 0;
  for (const ElementRange& range : ranges) sum += range.size();
  return sum;
}

TEST(RankShare, Cuts_FallOnMultiplesFromATensorsStart) {
  const std::vector<std::uint64_t> elements = {1, 1000, 0, 7};
  EXPECT_THAT(ranges_of(elements, {0, 2}), ElementsAre(ElementRange{0, 1}, ElementRange{0, 448},
                                                       ElementRange{}, ElementRange{}));
  EXPECT_THAT(ranges_of(elements, {1, 2}), ElementsAre(ElementRange{}, ElementRange{448, 1000},
                                                       ElementRange{}, ElementRange{0, 7}));
  EXPECT_EQ(largest_share(elements, 2), 559u);
  EXPECT_THAT(ranges_of(elements, {}), ElementsAre(ElementRange{0, 1}, ElementRange{0, 1000},
                                                   ElementRange{}, ElementRange{0, 7}));
}

TEST(RankShare, AllRanksTogether_HaveEveryElementOnce) {
  const std::vector<std::uint64_t> elements = {3, 64, 65, 1, 4097, 0, 128, 2};
  const auto total = std::accumulate(elements.begin(), elements.end(), std::uint64_t{0});
  for (int world = 1; world <= 9; ++world) {
    std::vector<std::uint64_t> next(elements.size(), 0);
    std::uint64_t sum = 0;
    for (int rank = 0; rank < world; ++rank) {
      const auto ranges = ranges_of(elements, {rank, world});
      EXPECT_LE(sum_of(ranges), largest_share(elements, world));
      EXPECT_LT(sum_of(ranges), total / static_cast<std::uint64_t>(world) + kCutElements + 1);
      sum += sum_of(ranges);
      for (std::size_t i = 0; i < elements.size(); ++i) {
        if (ranges[i].size() == 0) continue;
        EXPECT_EQ(ranges[i].begin, next[i]) << world << " ranks, tensor " << i;
        EXPECT_EQ(ranges[i].begin % kCutElements, 0u);
        next[i] = ranges[i].end;
      }
    }
    EXPECT_EQ(sum, total);
    EXPECT_EQ(next, elements);
  }
}

/// Ranks of one optimiser, one after the other, each with parameters of its own.
class Gang {
 public:
  explicit Gang(int world, LateParameters late = {}) {
    for (int rank = 0; rank < world; ++rank) {
      ranks_.push_back(
          std::make_unique<AdamW>(fresh(), AdamWOptions{}, late, RankShare{rank, world}));
    }
  }
  /// 7 steps' worth of gradients at most, alike on every rank.
  void step(std::uint64_t number) {
    std::vector<at::Tensor> values;
    for (const auto& rank : ranks_) {
      rank->zero_gradients();
      for (std::size_t i = 0; i < rank->parameters().size(); ++i) {
        const at::Tensor& tensor = rank->parameters()[i].tensor;
        tensor.mutable_grad() = at::randn(tensor.sizes(), generator(number * 16 + i));
      }
      rank->clip_gradients(2.0);
      rank->step(1e-2);
      values.push_back(rank->new_values());
    }
    if (!ranks_[0]->is_shared()) return;
    for (const auto& rank : ranks_) rank->adopt(at::cat(values));
  }
  const AdamW& rank(std::size_t number) const { return *ranks_[number]; }
  std::size_t size() const { return ranks_.size(); }

  /// All moments by name, flat, put together from the ranks'.
  StateDict moments() const {
    if (!ranks_[0]->is_shared()) {
      StateDict flat;
      for (const auto& [name, tensor] : ranks_[0]->state()) flat[name] = tensor.reshape({-1});
      return flat;
    }
    std::map<std::string, std::vector<at::Tensor>> parts;
    for (const auto& rank : ranks_) {
      for (const auto& [name, part] : rank->parts()) parts[name].push_back(part.elements);
    }
    StateDict whole;
    for (const auto& [name, tensors] : parts) whole[name] = at::cat(tensors);
    return whole;
  }
  /// What each rank has of `whole`, as a checkpoint hands it out.
  void load(const StateDict& whole, std::uint64_t steps) {
    for (const auto& rank : ranks_) {
      StateDict mine;
      for (const auto& [name, part] : rank->parts()) {
        mine[name] =
            whole.at(name).narrow(0, static_cast<std::int64_t>(part.begin), part.elements.numel());
      }
      for (const auto& [name, tensor] : rank->state())
        mine[name] = whole.at(name).view(tensor.sizes());
      ASSERT_TRUE(rank->load_state(mine, steps).ok());
    }
  }
  void take_values(const AdamW& from) {
    const at::NoGradGuard no_grad;
    for (const auto& rank : ranks_) {
      for (std::size_t i = 0; i < rank->parameters().size(); ++i)
        at::Tensor(rank->parameters()[i].tensor).copy_(from.parameters()[i].tensor);
    }
  }

 private:
  static at::Generator generator(std::uint64_t seed) {
    return at::make_generator<at::CPUGeneratorImpl>(seed);
  }
  static Parameters fresh() {
    const std::vector<std::vector<std::int64_t>> shapes = {{}, {37, 29}, {65}, {1}, {3, 130, 2}};
    Parameters parameters;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      at::Tensor tensor = at::randn(shapes[i], generator(i));
      const std::string name = i == 1 ? "late" : std::string(1, static_cast<char>('a' + i));
      parameters.push_back({name, tensor.set_requires_grad(true)});
    }
    return parameters;
  }
  std::vector<std::unique_ptr<AdamW>> ranks_;
};

void expect_same(const Gang& whole, const Gang& shared) {
  for (std::size_t rank = 0; rank < shared.size(); ++rank) {
    for (std::size_t i = 0; i < whole.rank(0).parameters().size(); ++i) {
      EXPECT_TRUE(
          at::equal(whole.rank(0).parameters()[i].tensor, shared.rank(rank).parameters()[i].tensor))
          << "rank " << rank << " of " << shared.size() << ", parameter " << i;
    }
  }
  const StateDict moments = shared.moments();
  for (const auto& [name, tensor] : whole.moments())
    EXPECT_TRUE(at::equal(tensor, moments.at(name))) << name;
}

TEST(SharedAdamW, AnyNumberOfRanks_GivesTheBitsOfOne) {
  for (const int world : {2, 3, 4, 8}) {
    Gang whole(1), shared(world);
    for (std::uint64_t step = 0; step < 5; ++step) {
      whole.step(step);
      shared.step(step);
    }
    expect_same(whole, shared);
  }
}

TEST(SharedAdamW, LateParameters_BeginAtTheirStepOnEveryRank) {
  const LateParameters late{.names = {"late"}, .first_step = 2};
  Gang whole(1, late), shared(3, late);
  for (std::uint64_t step = 0; step < 5; ++step) {
    whole.step(step);
    shared.step(step);
    expect_same(whole, shared);
  }
}

TEST(SharedAdamW, EachRank_KeepsTheMomentsOfItsShareAlone) {
  const Gang shared(4);
  std::int64_t all = 0;
  for (const auto& parameter : shared.rank(0).parameters()) all += parameter.tensor.numel();
  for (std::size_t rank = 0; rank < 4; ++rank) {
    std::int64_t elements = 0;
    for (const auto& [name, part] : shared.rank(rank).parts()) elements += part.elements.numel();
    EXPECT_LE(elements, 2 * (all / 4 + 65)) << "two moments of a quarter";
    EXPECT_TRUE(shared.rank(rank).state().empty());
    EXPECT_EQ(shared.rank(rank).parts().size(), 10u) << "also of what other ranks have";
  }
}

TEST(SharedAdamW, State_GoesOnOnAnyOtherNumberOfRanks) {
  for (const auto& [from, to] : {std::pair{1, 4}, {4, 1}, {4, 3}, {2, 4}}) {
    Gang whole(1), before(from), after(to);
    for (std::uint64_t step = 0; step < 3; ++step) {
      whole.step(step);
      before.step(step);
    }
    after.take_values(before.rank(0));
    after.load(before.moments(), 3);
    for (std::uint64_t step = 3; step < 5; ++step) {
      whole.step(step);
      after.step(step);
    }
    expect_same(whole, after);
  }
}

TEST(SharedAdamW, PartOfTheWrongSize_IsNamed_AndNothingChanges) {
  AdamW rank({{"w", at::zeros({256}).set_requires_grad(true)}}, {}, {}, {1, 2});
  const Status status = rank.load_state(
      {{"optimizer.exp_avg.w", at::zeros({128})}, {"optimizer.exp_avg_sq.w", at::zeros({127})}}, 1);
  EXPECT_THAT(status.message(), HasSubstr("optimizer.exp_avg_sq.w: expected shape [128]"));
  EXPECT_EQ(rank.steps_done(), 0u);
}

}  // namespace
}  // namespace tagalign::model
