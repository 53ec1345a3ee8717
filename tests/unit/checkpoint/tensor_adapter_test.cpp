#include "checkpoint/tensor_adapter.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace tagalign::checkpoint {
namespace {

TensorMap owned(const HeldViews& held) {
  TensorMap map;
  for (const TensorView& view : held.views) {
    map[view.name] = {view.dtype, view.shape, ByteBuffer(view.bytes)};
  }
  return map;
}

TEST(TensorAdapter, EveryType_ThereAndBack_IsEqual) {
  NamedTensors tensors;
  for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble, at::kLong,
                                    at::kInt, at::kByte, at::kBool}) {
    tensors[c10::toString(type)] = at::arange(6).remainder(2).reshape({2, 3}).to(type);
  }
  tensors["scalar"] = at::scalar_tensor(4.6052);
  tensors["empty"] = at::zeros({0, 3});
  const auto held = hold_views(tensors);
  ASSERT_TRUE(held.ok()) << held.status().to_string();
  const NamedTensors back = to_tensors(owned(*held));
  ASSERT_EQ(back.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(back.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(back.at(name), tensor)) << name;
  }
}

TEST(TensorAdapter, ContiguousTensor_IsNotCopied_StridedOneIs) {
  const at::Tensor base = at::arange(6, at::kFloat).reshape({2, 3});
  const auto held = hold_views({{"plain", base}, {"turned", base.t()}});
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(static_cast<const void*>(held->views[0].bytes.data()), base.const_data_ptr());
  const NamedTensors back = to_tensors(owned(*held));
  EXPECT_TRUE(at::equal(back.at("turned"), base.t()));
}

TEST(TensorAdapter, TensorThatWasRead_HasTheMemoryItWasReadInto) {
  TensorData data{DType::kI32, {2, 3}, ByteBuffer(24)};
  const void* memory = data.bytes.data();
  const at::Tensor tensor = to_tensor(std::move(data));
  EXPECT_EQ(tensor.const_data_ptr(), memory);
  EXPECT_EQ(tensor.sizes(), at::IntArrayRef({2, 3}));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 64, 0u) << "as Torch's own kernels expect";
  at::Tensor kept;
  {
    const at::Tensor other = tensor.view({3, 2});
    kept = other.select(0, 1).fill_(7);
  }
  EXPECT_EQ(kept.sum().item<int>(), 14) << "the memory lives as long as any view of it";
}

TEST(TensorAdapter, PartOfATensor_IsOneDimensional) {
  TensorData data{DType::kF32, {4, 4}, ByteBuffer(20), 3};
  EXPECT_EQ(to_tensor(std::move(data)).sizes(), at::IntArrayRef({5}));
}

TEST(TensorAdapter, PartOfARank_IsSavedByItAlone_EvenWhenItIsTheWhole) {
  const at::Tensor flat = at::arange(6, at::kFloat);
  HeldViews held;
  ASSERT_TRUE(add_part(held, "some", {2, 3}, 4, flat.narrow(0, 4, 2)).ok());
  ASSERT_TRUE(add_part(held, "none", {2, 3}, 0, flat.narrow(0, 0, 0)).ok());
  ASSERT_TRUE(add_part(held, "all", {2, 3}, 0, flat).ok());
  for (const TensorView& view : held.views) {
    EXPECT_TRUE(view.sharded) << view.name;
    EXPECT_EQ(view.shape, std::vector<std::int64_t>({2, 3})) << view.name;
  }
  EXPECT_EQ(held.views[0].begin, 4u);
  EXPECT_EQ(static_cast<const void*>(held.views[0].bytes.data()), flat.const_data_ptr<float>() + 4);
  EXPECT_TRUE(held.views[1].bytes.empty());
}

TEST(TensorAdapter, GradientTensor_IsDetached) {
  const at::Tensor leaf = at::ones({2}).requires_grad_(true);
  const auto held = hold_views({{"leaf", leaf}});
  ASSERT_TRUE(held.ok());
  EXPECT_FALSE(held->tensors[0].requires_grad());
}

TEST(TensorAdapter, UnknownTypeOrUndefined_IsRefusedByName) {
  const auto complex = hold_views({{"c", at::zeros({1}, at::kComplexFloat)}});
  EXPECT_EQ(complex.status().code(), ErrorCode::kUnsupported);
  EXPECT_NE(complex.status().message().find("'c'"), std::string::npos);
  EXPECT_EQ(hold_views({{"u", at::Tensor()}}).status().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tagalign::checkpoint
