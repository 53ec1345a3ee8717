// A checkpoint written by format version 1. It must load for ever, and version 1 must go
// on writing these bytes.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/unit/checkpoint/checkpoint_fixture.h"

namespace tagalign::checkpoint {
namespace {

class GoldenFile : public TempFolderTest {
 protected:
  static Path golden() {
    return Path(std::getenv("TAGALIGN_SOURCE")) /
           "tests/unit/checkpoint/data/version-1/step-00000007";
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

 private:
  const float weight_[4] = {1.0F, -2.5F, 3.25F, 1e-20F};
  const std::int64_t steps_[1] = {-9};
  const bool mask_[3] = {true, false, true};
};

TEST_F(GoldenFile, Version1_Loads) {
  const auto manifest = read_manifest(files(), golden());
  ASSERT_TRUE(manifest.ok()) << manifest.status().to_string();
  EXPECT_EQ(manifest->position.step, 7U);
  EXPECT_EQ(manifest->position.samples, 224U);
  EXPECT_EQ(manifest->position.world_size, 2);
  EXPECT_EQ(manifest->position.scalars, position().scalars);
  EXPECT_FALSE(manifest->position.scheduled);
  const auto tensors = load(files(), *manifest);
  ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
  ASSERT_EQ(tensors->size(), 4U);
  for (const TensorView& view : views()) {
    const TensorData& data = tensors->at(view.name);
    EXPECT_EQ(data.dtype, view.dtype);
    EXPECT_EQ(data.shape, view.shape);
    EXPECT_TRUE(
        std::ranges::equal(data.bytes.span(), view.bytes));
  }
}

TEST_F(GoldenFile, Version1_IsWrittenWithTheSameBytes) {
  on_ranks(2, [&](const Coordination& seat) {
    EXPECT_TRUE(save(files(), seat, {folder(), {}}, views(), position()).ok());
    return 0;
  });
  for (const std::string& name : names_in(golden())) {
    EXPECT_EQ(files().read_file(folder() / "step-00000007" / name, 1 << 20).value(),
              files().read_file(golden() / name, 1 << 20).value())
        << name;
  }
}

}  // namespace
}  // namespace tagalign::checkpoint
