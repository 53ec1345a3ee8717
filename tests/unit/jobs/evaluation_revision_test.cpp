// What kEvaluationRevision promises: the integers of evaluations have not moved since it was raised.
#include <ATen/ops/arange.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

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
  const char* counts;       ///< digest of the counts of all evaluations below
  bool moves_these = true;  ///< false: only pictures that the sets below do not have
};

/// The newest last. Old lines stay: a revision never gets other counts.
constexpr StoredRevision kStored[] = {{1, "1574c0ad59eeb3a2479acbfa0b9502cc"},
                                      {2, "71f99261f88d53fb836426c65d7805c9"},
                                      {3, "71f99261f88d53fb836426c65d7805c9", false}};

/// Where machines round differently; of the 11,520 pixels of an evaluation.
constexpr std::int64_t kMovedPixelsMax = 8;

/// Of each class; the four lists of a result.
using Counts = std::vector<std::vector<std::int64_t>>;

/// data/evaluation_counts.REVISION.txt: a line a result, below comments.
struct CountsFile {
  std::string lines;       ///< without the comments
  std::string arithmetic;  ///< of the machine that wrote it, as arithmetic() gives it
};

CountsFile stored_counts() {
  const auto name = format("tests/unit/jobs/data/evaluation_counts.{}.txt", kEvaluationRevision);
  std::ifstream file(Path(std::getenv("TAGALIGN_SOURCE")) / name);
  constexpr std::string_view kArithmetic = "# arithmetic ";
  CountsFile found;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kArithmetic)) found.arithmetic = line.substr(kArithmetic.size());
    if (!line.starts_with('#')) found.lines += line + "\n";
  }
  return found;
}

/// Equal on two machines whose processors and libraries round alike in what evaluations call.
std::string arithmetic() {
  const at::Tensor waves = at::sin(at::arange(64 * 96, at::kFloat)).view({1, 1, 64, 96});
  const at::Tensor rows = at::upsample_bilinear2d(waves, {80, 128}, false)[0][0];
  const at::Tensor mixed = at::layer_norm(at::matmul(rows, rows.t()), {80});
  const at::Tensor all = at::softmax(mixed * 5, -1).contiguous();
  return digest128(as_bytes(std::string_view(static_cast<const char*>(all.const_data_ptr()),
                                             static_cast<std::size_t>(all.nbytes()))))
      .hex();
}

Counts parsed(const std::string& line) {
  Counts lists;
  std::istringstream parts(line);
  std::string part;
  std::getline(parts, part, ';');  // images
  while (std::getline(parts, part, ';')) {
    std::istringstream numbers(part);
    auto& list = lists.emplace_back();
    for (std::int64_t count; numbers >> count;) list.push_back(count);
  }
  return lists;
}

std::vector<Counts> parsed_lines(const std::string& text) {
  std::vector<Counts> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) all.push_back(parsed(line));
  return all;
}

/// Pixels whose class changed, as far as counts show it, in the list that changed most.
std::int64_t moved_pixels(const Counts& a, const Counts& b) {
  std::int64_t most = 0;
  for (std::size_t list = 0; list < a.size(); ++list) {
    std::int64_t moved = 0;
    for (std::size_t i = 0; i < a[list].size(); ++i)
      moved += std::abs(a[list][i] - b.at(list).at(i));
    most = std::max(most, moved);
  }
  return most;
}

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

  /// Of every kind of evaluation that rounds in a way of its own.
  std::string all_counts() {
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
    return all + counts_of_heads();
  }

 private:
  int evaluations_ = 0;
};

TEST_F(EvaluationRevisionTest, Counts_AreThoseOfTheRevision) {
  const CountsFile stored = stored_counts();
  ASSERT_EQ(digest128(as_bytes(stored.lines)).hex(), std::end(kStored)[-1].counts)
      << "a revision's stored counts never change";
  ASSERT_EQ(kEvaluationRevision, std::end(kStored)[-1].revision)
      << "each revision has a line in kStored";
  const std::string found = all_counts();
  const std::string advice = format(
      "the integers of an evaluation have moved, so results of this code are other results: raise "
      "kEvaluationRevision in worker/evaluate/evaluation_revision.h, store what follows as the "
      "counts of the new revision, with \"# arithmetic {}\", and add a line to kStored with their "
      "digest {}. If they were not to move, find out why they did:\n{}",
      arithmetic(), digest128(as_bytes(found)).hex(), found);
  if (arithmetic() == stored.arithmetic) {
    EXPECT_EQ(found, stored.lines) << advice;
    return;
  }
  // Another processor or library rounds otherwise, which moves single pixels between classes whose
  // scores are almost equal: one was seen to move between AVX-512 and AVX2.
  const auto now = parsed_lines(found), then = parsed_lines(stored.lines);
  ASSERT_EQ(now.size(), then.size()) << advice;
  for (std::size_t line = 0; line < now.size(); ++line)
    EXPECT_LE(moved_pixels(now[line], then[line]), kMovedPixelsMax) << "line " << line << "\n"
                                                                    << advice;
}

TEST(EvaluationRevision, EachRevision_HasCountsOfItsOwn) {
  std::set<std::string> counts;
  int last = 0;
  for (const StoredRevision& stored : kStored) {
    EXPECT_EQ(stored.revision, last + 1);
    last = stored.revision;
    EXPECT_EQ(counts.insert(stored.counts).second, stored.moves_these) << stored.counts;
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
