#include "model/files/plain_names.h"

#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>

namespace tagalign::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Names = std::vector<std::string>;

Names plain(const Names& names) {
  return plain_names(names).names;
}

TEST(PlainNames, NamesWithoutWrappers_StayAsTheyAre) {
  const Names names = {"visual.proj", "transformer.resblocks.0.ln_1.bias", "logit_scale", ""};
  const auto result = plain_names(names);
  EXPECT_EQ(result.names, names);
  EXPECT_THAT(result.taken_off, IsEmpty());
  EXPECT_EQ(taken_off_notice(result), "");
  EXPECT_EQ(plain({"projector.a", "projector.b"}), (Names{"projector.a", "projector.b"}));
}

// weights-module-prefix
TEST(PlainNames, PrefixesOfWrappers_AreTakenOff) {
  for (const std::string prefix :
       {"module.", "model.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.",
        "model.module.", "module.module.", "net.", "network.", "_forward_module.module.",
        "state_dict.model.", "ema.module.", "teacher.model.", "module.clip_model."}) {
    const Names names = {prefix + "visual.proj", prefix + "logit_scale"};
    EXPECT_EQ(plain(names), (Names{"visual.proj", "logit_scale"})) << prefix;
  }
}

TEST(PlainNames, SegmentsOfWrappersWithin_AreTakenOff) {
  EXPECT_EQ(plain({"visual._orig_mod.proj", "a._fsdp_wrapped_module.b._checkpoint_wrapped_module.c",
                   "logit_scale"}),
            (Names{"visual.proj", "a.b.c", "logit_scale"}));
}

/// swa_utils.AveragedModel counts beside "module.", Lightning has a criterion beside "model.".
TEST(PlainNames, TensorsBesideTheModel_KeepTheirNames) {
  EXPECT_EQ(plain({"n_averaged", "module.visual.proj"}), (Names{"n_averaged", "visual.proj"}));
  EXPECT_EQ(plain({"model.visual.proj", "criterion.weight", "teacher.visual.proj"}),
            (Names{"visual.proj", "criterion.weight", "teacher.visual.proj"}));
}

TEST(PlainNames, TwoThatWouldBecomeOne_StayAsTheyAre) {
  const Names names = {"model.a", "module.a", "model.b"};
  EXPECT_EQ(plain(names), names);
  EXPECT_EQ(plain({"a", "module.a"}), (Names{"a", "module.a"}));
}

TEST(PlainNames, Notice_NamesWhatWasTakenOff) {
  std::vector<std::string> notices;
  const auto tensors = with_plain_names({{"module.model.a", at::tensor({1.f})}}, notices);
  EXPECT_TRUE(tensors.contains("a"));
  EXPECT_THAT(notices,
              ElementsAre("'model.' and 'module.' was taken off the names of its tensors"));
}

}  // namespace
}  // namespace tagalign::model
