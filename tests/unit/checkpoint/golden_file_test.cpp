// A checkpoint of each version of the format. They must load for ever, and the newest version must go
// on being written with these bytes.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/checksum.h"
#include "checkpoint/load.h"
#include "tests/unit/checkpoint/checkpoint_fixture.h"

namespace tagalign::checkpoint {
namespace {

class GoldenFile : public TempFolderTest {
 protected:
  static Path golden(int version) {
    return Path(std::getenv("TAGALIGN_SOURCE")) / "tests/unit/checkpoint/data" /
           ("version-" + std::to_string(version)) / "step-00000007";
  }
  static RunPosition position() {
    RunPosition position;
    position.step = 7;
    position.samples = 224;
    position.seed = 42;
    position.global_batch = 32;
    position.dataset_digest = "d1";
    position.config_digest = "c1";
    position.model_digest = "m1";
    position.scalars = {{"loss_scale", 65536.5}};
    position.scheduled = false;
    return position;
  }
  std::vector<TensorView> views() const {
    return {{"weight", DType::kF32, {2, 2}, std::as_bytes(std::span(weight_))},
            {"steps", DType::kI64, {1}, std::as_bytes(std::span(steps_))},
            {"mask", DType::kBool, {3}, std::as_bytes(std::span(mask_))},
            {"empty", DType::kF16, {0, 2}, {}}};
  }

  /// Since version 2: a moment that is sharded, all of it with one rank of two or some with each.
  std::vector<TensorView> views_of(int rank) const {
    std::vector<TensorView> all = views();
    const ByteSpan moment = std::as_bytes(std::span(weight_));
    all.push_back({"moment",
                   DType::kF32,
                   {2, 2},
                   rank == 0 ? moment.first(4) : moment.subspan(4),
                   rank == 0 ? 0U : 1U,
                   true});
    all.push_back(
        {"moment.step", DType::kI64, {1}, rank == 0 ? ByteSpan() : views()[1].bytes, 0, true});
    return all;
  }
  void expect_loads(int version) const {
    const auto manifest = read_manifest(files(), golden(version));
    ASSERT_TRUE(manifest.ok()) << manifest.status().to_string();
    EXPECT_EQ(manifest->position.step, 7U);
    EXPECT_EQ(manifest->position.samples, 224U);
    EXPECT_EQ(manifest->position.world_size, 2);
    EXPECT_EQ(manifest->position.scalars, position().scalars);
    EXPECT_FALSE(manifest->position.scheduled);
    EXPECT_EQ(manifest->position.code, version == 1 ? "" : "0.1.0");
    const auto tensors = load(files(), *manifest);
    ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
    EXPECT_EQ(tensors->size(), version == 1 ? 4U : 6U);
    for (const TensorView& view : views()) {
      const TensorData& data = tensors->at(view.name);
      EXPECT_EQ(data.dtype, view.dtype);
      EXPECT_EQ(data.shape, view.shape);
      EXPECT_TRUE(std::ranges::equal(data.bytes.span(), view.bytes));
    }
    if (version == 1) return;
    EXPECT_EQ(tensors->at("moment").bytes, tensors->at("weight").bytes);
    EXPECT_EQ(tensors->at("moment.step").bytes, tensors->at("steps").bytes);
  }

 private:
  const float weight_[4] = {1.0F, -2.5F, 3.25F, 1e-20F};
  const std::int64_t steps_[1] = {-9};
  const bool mask_[3] = {true, false, true};
};

TEST_F(GoldenFile, EveryVersion_Loads) {
  expect_loads(1);
  expect_loads(2);
}

TEST_F(GoldenFile, Version2_IsWrittenWithTheSameBytes) {
  on_ranks(2, [&](const Coordination& seat) {
    RunPosition now = position();
    now.code = "0.1.0";
    now.settings = {{"optimizer.sharding", "zero1"}};
    const auto saved = save(files(), seat, {folder(), {}}, views_of(seat.rank), now);
    EXPECT_TRUE(saved.ok()) << saved.status().to_string();
    return 0;
  });
  EXPECT_EQ(names_in(folder() / "step-00000007"), names_in(golden(2)));
  for (const std::string& name : names_in(folder() / "step-00000007")) {
    EXPECT_EQ(files().read_file(folder() / "step-00000007" / name, 1 << 20).value(),
              files().read_file(golden(2) / name, 1 << 20).value())
        << name;
  }
}

/// A run that goes on from a checkpoint of version 1 and is stopped before its next step.
TEST_F(GoldenFile, Version1OfTheSameState_IsKept_AndOfAnotherRefused) {
  std::filesystem::copy(golden(1), folder() / "step-00000007");
  const std::string before = files().read_file(golden(1) / "manifest.json", 1 << 20).value();
  Rendezvous alone(1);
  const auto kept = save(files(), alone.seat(0), {folder(), {}}, views(), position());
  ASSERT_TRUE(kept.ok()) << kept.status().to_string();
  EXPECT_EQ(kept->digest, digest128(as_bytes(before)).hex());
  std::vector<TensorView> other = views();
  std::swap(other[0].bytes, other[1].bytes);
  other[0].shape = {2}, other[0].dtype = DType::kF32;
  other[1].shape = {2}, other[1].dtype = DType::kI64;
  EXPECT_EQ(save(files(), alone.seat(0), {folder(), {}}, other, position()).status().code(),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(files().read_file(folder() / "step-00000007" / "manifest.json", 1 << 20).value(),
            before);
}

}  // namespace
}  // namespace tagalign::checkpoint
