// Tensors whose parts lie with several ranks.
#include "checkpoint/write/assemble.h"
#include "tests/unit/checkpoint/save_load_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing::HasSubstr;

class Sharded : public SaveLoad {
 protected:
  /// Elements `begin` … `end`-1 of a moment of ten.
  TensorView moment(std::uint64_t begin, std::uint64_t end) const {
    return {"moment", DType::kF32,
            {10},     std::as_bytes(std::span(moment_)).subspan(begin * 4, (end - begin) * 4),
            begin,    true};
  }
  /// Saves with what `views_of(rank)` gives.
  template <class Views>
  std::vector<Result<Manifest>> save_views(int world, const Views& views_of) {
    return on_ranks(world, [&](const Coordination& seat) {
      return save(files(), seat, {folder(), {}}, views_of(seat.rank), position_at(1));
    });
  }
  template <class Views>
  void expect_refused(const Views& views_of, const std::string& why) {
    for (const auto& result : save_views(2, views_of)) {
      EXPECT_EQ(result.status().code(), ErrorCode::kInvalidArgument);
      EXPECT_THAT(result.status().message(), HasSubstr(why));
    }
    EXPECT_TRUE(names_in(folder()).empty());
  }
  void expect_moment(const Result<Manifest>& manifest) const {
    ASSERT_TRUE(manifest.ok()) << manifest.status().to_string();
    const TensorMap tensors = load(files(), *manifest).value();
    EXPECT_TRUE(
        std::ranges::equal(tensors.at("moment").bytes.span(), std::as_bytes(std::span(moment_))));
  }
  const std::array<float, 10> moment_ = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
};

TEST_F(Sharded, PartsOfAllRanks_MakeUpTheTensor_BesideReplicatedOnes) {
  const SampleTensors sample(3);
  const auto manifests = save_views(3, [&](int rank) {
    std::vector<TensorView> views = sample.views();
    views.push_back(rank == 0 ? moment(0, 3) : rank == 1 ? moment(3, 4) : moment(4, 10));
    return views;
  });
  expect_moment(manifests[2]);
  TensorMap tensors = load(files(), manifests[0].value()).value();
  tensors.erase("moment");
  sample.expect_equal(tensors);
}

TEST_F(Sharded, RankThatHoldsNothing_OrAll_MayBeAny) {
  expect_moment(save_views(
      2, [&](int rank) { return std::vector{rank == 0 ? moment(0, 10) : moment(10, 10)}; })[0]);
  ASSERT_TRUE(files().remove_all(folder() / "step-00000001").ok());
  expect_moment(save_views(2, [&](int rank) {
    return rank == 0 ? std::vector<TensorView>() : std::vector{moment(0, 10)};
  })[0]);
}

TEST_F(Sharded, ElementsThatNobodySaves_AreNamed) {
  expect_refused([&](int rank) { return std::vector{rank == 0 ? moment(0, 3) : moment(5, 10)}; },
                 "rank 0: tensor 'moment': no rank saves elements 3 to 4;");
  expect_refused([&](int rank) { return std::vector{rank == 0 ? moment(0, 3) : moment(3, 9)}; },
                 "no rank saves elements 9 to 9;");
  expect_refused([&](int) { return std::vector{moment(4, 4)}; }, "no rank saves elements 0 to 9;");
}

TEST_F(Sharded, ElementsThatTwoSave_AreNamed) {
  expect_refused([&](int rank) { return std::vector{rank == 0 ? moment(0, 6) : moment(4, 10)}; },
                 "tensor 'moment': rank 1 saves elements 4 to 5, which another rank saves, too");
}

TEST_F(Sharded, PartsOfUnlikeTensors_AreRefused) {
  expect_refused(
      [&](int rank) {
        TensorView view = rank == 0 ? moment(0, 6) : moment(6, 10);
        if (rank == 1) view.shape = {2, 5};
        return std::vector{view};
      },
      "tensor 'moment' is of another type or shape on rank 1 than on rank 0");
}

TEST_F(Sharded, TensorThatOneRankTakesForItsOwn_AndAnotherForEverybodys_IsRefused) {
  expect_refused(
      [&](int rank) {
        TensorView view = rank == 0 ? moment(0, 10) : moment(10, 10);
        view.sharded = false;
        return std::vector{view};
      },
      "rank 1: its tensors or position differ");
}

TEST_F(Sharded, PartBeyondItsTensor_IsRefusedByItsRank) {
  expect_refused(
      [&](int rank) {
        TensorView view = rank == 0 ? moment(0, 6) : moment(6, 10);
        if (rank == 1) view.begin = 7;
        return std::vector{view};
      },
      "rank 1: tensor 'moment': 16 bytes from element 7 on are no part");
}

TEST_F(Sharded, ManifestOfTheParts_IsInLayingOrder) {
  const std::vector<SavedPart> first = {{"b", DType::kF32, {4}, 2, 4, {{1, 1}}},
                                        {"none", DType::kF64, {0}, 0, 0}};
  const std::vector<SavedPart> second = {{"a", DType::kU8, {1}, 0, 1, {{2, 2}}},
                                         {"b", DType::kF32, {4}, 0, 2, {{3, 3}}}};
  const auto content = assemble(position_at(1), {{4096, {1, 2}, first}, {8192, {3, 4}, second}});
  ASSERT_TRUE(content.ok()) << content.status().to_string();
  ASSERT_EQ(content->tensors.size(), 3U);
  EXPECT_EQ(content->tensors[0].name, "none");
  EXPECT_EQ(content->tensors[1].name, "b");
  EXPECT_EQ(content->tensors[2].name, "a");
  EXPECT_EQ(content->tensors[1].slices[0].shard, 1U);
  EXPECT_EQ(content->tensors[1].slices[1].begin, 2U);
  EXPECT_EQ(content->shards[1].bytes, 8192U);
}

}  // namespace
}  // namespace tagalign::checkpoint
