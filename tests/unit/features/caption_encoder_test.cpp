// A caption's feature has the same bits in whatever batch it is encoded, and is the text tower's own.
#include "worker/features/caption_encoder.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "model/clip/tokenizer.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/train/caption_tokens.h"

namespace tagalign::jobs {
namespace {

/// Of a ViT-B's width, so that products are cut into the same tiles; two blocks of it.
model::TextTower wide_tower() {
  const model::ClipShape shape{.vision_width = 64,
                               .vision_layers = 1,
                               .vision_heads = 1,
                               .patch_size = 8,
                               .grid = 4,
                               .text_width = 512,
                               .text_layers = 2,
                               .text_heads = 8,
                               .context = 77,
                               .vocabulary = 49408,
                               .embed_dim = 512};
  return model::TextTower::create(model::initial_clip_weights(shape, 3)).value();
}

class CaptionEncoderTest : public testing::TestWithParam<config::Precision> {
 protected:
  CaptionEncoderTest() : text_(wide_tower()) {
    auto tokenizer = model::Tokenizer::load(posix_file_system(), model::default_vocabulary());
    const std::vector<std::string> words = {"a", "dog", "under", "the", "old", "traffic", "light"};
    for (std::size_t i = 0; i < 60; ++i) {  // of 2 to 77 tokens
      std::string caption;
      for (std::size_t word = 0; word < i * 7 % 90; ++word)
        caption += words[(word * word + i) % words.size()] + " ";
      captions_.push_back(caption);
      tokens_.push_back(tokenizer->encode(caption));
    }
    tokens_by_batch_ = caption_tokens(*tokenizer, captions_, 77, at::kCPU);
  }

  std::vector<TokenRow> chosen(const std::vector<std::size_t>& which) const {
    std::vector<TokenRow> rows;
    for (const std::size_t i : which) rows.push_back(tokens_[i]);
    return rows;
  }

  model::TextTower text_;
  std::vector<std::string> captions_;
  std::vector<TokenRow> tokens_;
  at::Tensor tokens_by_batch_;
};

INSTANTIATE_TEST_SUITE_P(Precisions, CaptionEncoderTest,
                         testing::Values(config::Precision::kFp32, config::Precision::kBf16),
                         [](const auto& instance) { return format("{}", instance.param); });

TEST_P(CaptionEncoderTest, AnyBatchInAnyOrder_GivesACaptionTheSameBits) {
  CaptionEncoder encoder(text_, at::kCPU, GetParam());
  const at::Tensor all = encoder.encode(tokens_);
  std::vector<std::size_t> order(tokens_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 shuffles(5);
  for (const std::size_t count : {1u, 2u, 7u, 8u, 9u, 31u, 60u}) {
    std::shuffle(order.begin(), order.end(), shuffles);
    const std::vector<std::size_t> which(order.begin(),
                                         order.begin() + static_cast<std::ptrdiff_t>(count));
    CaptionEncoder fresh(text_, at::kCPU, GetParam());
    const at::Tensor some = fresh.encode(chosen(which));
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(
          at::equal(some[static_cast<std::int64_t>(i)], all[static_cast<std::int64_t>(which[i])]))
          << count << " captions, place " << i;
    }
  }
}

TEST_P(CaptionEncoderTest, Features_AreTheTowersButForRounding) {
  CaptionEncoder encoder(text_, at::kCPU, GetParam());
  const at::NoGradGuard frozen;
  const AutocastScope autocast(GetParam(), at::kCPU);
  const at::Tensor together = text_.encode(tokens_by_batch_).to(at::kFloat);
  const double bound = GetParam() == config::Precision::kFp32 ? 1e-5 : 0.05;
  EXPECT_TRUE(at::allclose(encoder.encode(tokens_), together, bound, bound));
}

TEST_P(CaptionEncoderTest, Circumstances_TellPrecisionsApart) {
  const auto of = [&](config::Precision precision) {
    return CaptionEncoder(text_, at::kCPU, precision).circumstances();
  };
  EXPECT_EQ(of(GetParam()), of(GetParam()));
  EXPECT_NE(of(config::Precision::kFp32), of(config::Precision::kBf16));
}

}  // namespace
}  // namespace tagalign::jobs
