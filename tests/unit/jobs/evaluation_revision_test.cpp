// What kEvaluationRevision promises: the integers of evaluations have not moved since it was raised.
#include <ATen/Version.h>
#include <gmock/gmock.h>

#include <set>

#include "base/checksum.h"
#include "base/format.h"
#include "tests/unit/jobs/jobs_fixture.h"
#include "worker/evaluate/evaluate_job.h"
#include "worker/evaluate/evaluation_revision.h"
#include "worker/evaluate/result_file.h"
#include "worker/train/train_job.h"

namespace tagalign::jobs {
namespace {

struct StoredRevision {
  int revision;
  const char* counts;  ///< digest of the counts of all evaluations below
};

/// The newest last. Old lines stay: a revision never gets other counts.
constexpr StoredRevision kStored[] = {{1, "1574c0ad59eeb3a2479acbfa0b9502cc"},
                                      {2, "71f99261f88d53fb836426c65d7805c9"}};

class EvaluationRevisionTest : public JobsTest {
 protected:
  config::EvaluateConfig evaluation(config::Protocol protocol) {
    config::EvaluateConfig config;
    config.clip.weights = clip_weights();
    config.method = config::ClipEvaluation{.scores = {.protocol = protocol}};
    config.datasets = {{.name = "val",
                        .root = (folder_ / "scenes/val").string(),
                        .templates = {"subset"},
                        .short_side = 48,
                        .window = 32,
                        .stride = 16}};
    return config;
  }

  /// A projector as it is drawn: at this rate a step moves no bit of it.
  std::string drawn_projector(config::ProjectorKind kind) {
    const Path folder = folder_ / std::string(config::word(kind));
    config::TrainConfig train;
    train.data = caption_data();
    train.clip.weights = clip_weights();
    train.method = config::TagAlignTraining{.projector = {.kind = kind}};
    train.checkpoint.directory = folder.string();
    train.optimizer.base_lr = 1e-30;
    train.global_batch = 8;
    train.steps = 1;
    const auto ends = run_gang(1, [&](Rank& rank) { return run_train(rank, train); });
    TA_CHECK(ends[0].ok(), ends[0].status().message());
    return (folder / "step-00000001").string();
  }

  /// A line a result: intersect, union, predicted and labelled of each class.
  std::string counts(config::EvaluateConfig config) {
    config.output = (folder_ / format("results-{}", evaluations_++)).string();
    const auto ends = run_gang(1, [&](Rank& rank) { return run_evaluate(rank, config); });
    TA_CHECK(ends[0].ok(), ends[0].status().message());
    std::string text;
    for (const auto& result : reporters_[0]->results) {
      text += format("{} images", result.images);
      for (const auto* part :
           {&result.intersect, &result.union_, &result.predicted, &result.labelled}) {
        text += ";";
        for (const std::uint64_t count : *part) text += format(" {}", count);
      }
      text += "\n";
    }
    return text;
  }

  /// Of the heads' protocol, with and without a refinement.
  std::string counts_of_heads() {
    std::string all;
    for (const config::EvaluationMethod& method :
         {config::EvaluationMethod(config::SclipEvaluation{}),
          config::EvaluationMethod(config::NaclipEvaluation{}),
          config::EvaluationMethod(config::ClearClipEvaluation{}),
          config::EvaluationMethod(config::MaskClipEvaluation{})}) {
      auto config = evaluation(config::Protocol::kV1);
      config.method = method;
      all += counts(config);
    }
    return all;
  }

 private:
  int evaluations_ = 0;
};

TEST_F(EvaluationRevisionTest, Counts_AreThoseOfTheRevision) {
  if (at::get_cpu_capability() == "DEFAULT") {
    GTEST_SKIP() << "older arithmetic than AVX2 rounds otherwise, which moves a few pixels";
  }
  std::string all;
  for (const auto protocol : {config::Protocol::kV1, config::Protocol::kV3}) {
    auto config = evaluation(protocol);
    for (const auto attention :
         {config::Attention::kSurgery, config::Attention::kPlain, config::Attention::kMaskClip}) {
      config.clip.attention = attention;
      all += counts(config);
    }
    config.clip.attention = config::Attention::kSurgery;
    config.datasets[0].background = true;
    config.sweep.thresholds = {0.1, 0.3};
    all += counts(config);
    for (const auto kind :
         {config::ProjectorKind::kGDecoder, config::ProjectorKind::kTransformer}) {
      config.method = config::TagAlignEvaluation{.scores = {.protocol = protocol}};
      config.checkpoint = drawn_projector(kind);
      all += counts(config);
    }
  }
  all += counts_of_heads();
  EXPECT_EQ(digest128(as_bytes(all)).hex(), std::end(kStored)[-1].counts)
      << "the integers of an evaluation have moved, so results of this code are other results: "
         "raise "
         "kEvaluationRevision in worker/evaluate/evaluation_revision.h and add a line with it and "
         "the "
         "new digest to kStored. If they were not to move, find out why they did:\n"
      << all;
  EXPECT_EQ(kEvaluationRevision, std::end(kStored)[-1].revision)
      << "each revision has a line in kStored";
}

TEST(EvaluationRevision, EachRevision_HasCountsOfItsOwn) {
  std::set<std::string> counts;
  int last = 0;
  for (const StoredRevision& stored : kStored) {
    EXPECT_EQ(stored.revision, last + 1);
    last = stored.revision;
    EXPECT_TRUE(counts.insert(stored.counts).second) << stored.counts;
  }
}

TEST(ContentKey, CodeVersion_IsNoPartOfIt) {
  wire::EvaluationResult result;
  result.method = "m";
  result.code_version = "0.1.0+g1";
  const std::string key = content_key(result);
  result.code_version = "0.1.0+g2+dirty";
  EXPECT_EQ(content_key(result), key);
  result.weights_digest = "w";
  EXPECT_NE(content_key(result), key);
}

}  // namespace
}  // namespace tagalign::jobs
