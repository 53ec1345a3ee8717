// Readers of other people's weight files against damaged and random bytes: every answer is a value
// or a Status; nothing crashes, loops or takes memory that the file does not have.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "model/files/pickle.h"
#include "model/files/torch_weights.h"
#include "model/methods/tagalign/reference_checkpoint.h"
#include "tests/support/torch_files.h"

namespace tagalign::model {
namespace {

using tagalign::testing::float_bytes;
using tagalign::testing::PickleWriter;
using tagalign::testing::torch_archive;
using tagalign::testing::torch_stream;

constexpr int kPickles = 20'000;
constexpr int kArchives = 3'000;
constexpr long kGrowthKiBMax = 256 * 1024;

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t bound) {
  return random() % std::max<std::size_t>(bound, 1);
}

long peak_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// A training checkpoint in small: model, optimizer with a foreign object, scheduler, step.
std::string checkpoint_pickle() {
  PickleWriter w;
  const PickleWriter::View matrix{.elements = 6, .sizes = {2, 3}, .strides = {3, 1}};
  const PickleWriter::View scalar{.key = "1", .elements = 1};
  w.raw("}(").text("model").global("collections", "OrderedDict").raw(")R(");
  w.text("projector.clip_proj.proj").tensor(matrix).text("cl_loss.logit_scale").tensor(scalar);
  w.raw("u").text("optimizer").raw("}(").text("state").raw("}(").integer(0).raw("}(");
  w.text("step").tensor(scalar).text("exp_avg").tensor(matrix).text("exp_avg_sq").tensor(matrix);
  w.raw("uu").text("param_groups").raw("](}(").text("betas");
  w.global("omegaconf.listconfig", "ListConfig").raw(")\x81}b");
  w.text("params").raw("](").integer(0).raw("eu}(").text("params").raw("]ueu");
  w.text("step").integer(5).raw("u");
  return w.end();
}

std::string script_pickle() {
  PickleWriter w;
  w.global("__torch__", "CLIP")
      .raw(")\x81}(")
      .text("a")
      .tensor({.elements = 6, .sizes = {6}, .strides = {1}});
  w.text("below").global("__torch__", "Node").raw(")\x81}").text("b");
  w.tensor({.key = "1", .elements = 1}).raw("sb").raw("ub");
  return w.end();
}

std::string archive_of(const std::string& pickle) {
  return torch_archive(pickle, {{"0", float_bytes({0, 1, 2, 3, 4, 5})}, {"1", float_bytes({6})}});
}

/// The same as torch.save wrote it before 1.6.
std::string stream_of(const std::string& pickle) {
  return torch_stream(pickle, {{"0", float_bytes({0, 1, 2, 3, 4, 5})}, {"1", float_bytes({6})}});
}

/// One to eight changes: a byte, a cut, a repetition, an insertion.
std::string mutated(std::string bytes, Random& random) {
  for (std::size_t change = 0; change <= below(random, 8) && !bytes.empty(); ++change) {
    const std::size_t at = below(random, bytes.size());
    const std::size_t count = std::min(below(random, 16) + 1, bytes.size() - at);
    switch (below(random, 5)) {
      case 0:
        bytes.erase(at, count);
        break;
      case 1:
        bytes.insert(below(random, bytes.size()), bytes.substr(at, count));
        break;
      case 2:
        bytes.insert(at, 1, static_cast<char>(random()));
        break;
      default:
        bytes[at] = static_cast<char>(random());
    }
  }
  return bytes;
}

/// Instructions that are likely to find operands, with random ones.
std::string random_pickle(Random& random) {
  static const std::string kCodes =
      "(0123NKMJGX\x8c]})t\x85\x86\x87hjqrebasucR\x81Q.\x94\x93l\x8f\x90";
  static const std::vector<std::string> kGlobals = {"ccollections\nOrderedDict\n",
                                                    "ctorch._utils\n_rebuild_tensor_v2\n",
                                                    "ctorch\nFloatStorage\n",
                                                    "cos\nsystem\n",
                                                    "c__torch__\nNode\n",
                                                    "c__builtin__\nset\n",
                                                    "ctorch._utils\n_rebuild_parameter\n",
                                                    "ctorch\nSize\n"};
  std::string bytes = "\x80\x02";
  for (std::size_t i = 0; i < below(random, 200); ++i) {
    if (below(random, 6) == 0) {
      bytes += kGlobals[below(random, kGlobals.size())];
    } else if (below(random, 4) == 0) {
      bytes += static_cast<char>(random());
    } else {
      bytes += kCodes[below(random, kCodes.size())];
    }
  }
  return bytes + ".";
}

/// Reads everything that can be read; what was read may be touched.
void read_all(const std::string& bytes) {
  auto archive = TorchArchive::open(memory_source(as_bytes(bytes)), "fuzz");
  if (!archive.ok()) {
    EXPECT_FALSE(archive.status().message().empty());
    return;
  }
  const auto weights = read_weights(*archive);
  if (weights.ok()) {
    for (const auto& [name, tensor] : *weights) {
      const at::Tensor copy = tensor.contiguous();
      EXPECT_LE(copy.nbytes(), bytes.size()) << name;
    }
  }
  const auto checkpoint = read_reference_checkpoint(*archive);
  if (!checkpoint.ok()) {
    EXPECT_FALSE(checkpoint.status().message().empty());
  }
}

class WeightsFuzz : public ::testing::Test {
 protected:
  void SetUp() override { before_kib_ = peak_kib(); }
  void TearDown() override { EXPECT_LT(peak_kib() - before_kib_, kGrowthKiBMax); }
  Random random_{20'260'101};
  long before_kib_ = 0;
};

TEST_F(WeightsFuzz, UnchangedFiles_AreRead) {
  for (const auto& bytes : {archive_of(checkpoint_pickle()), archive_of(script_pickle()),
                            stream_of(checkpoint_pickle())}) {
    auto archive = TorchArchive::open(memory_source(as_bytes(bytes)), "seed");
    ASSERT_TRUE(archive.ok()) << archive.status().message();
    const auto weights = read_weights(*archive);
    ASSERT_TRUE(weights.ok()) << weights.status().message();
    EXPECT_EQ(weights->size(), 2u);
  }
}

TEST_F(WeightsFuzz, MutatedPickles_GiveAValueOrAStatus) {
  const std::string seeds[] = {checkpoint_pickle(), script_pickle()};
  int read = 0;
  for (int i = 0; i < kPickles; ++i) {
    const auto pickle = parse_pickle(mutated(seeds[i % 2], random_), "fuzz");
    read += pickle.ok() ? 1 : 0;
    if (!pickle.ok()) {
      ASSERT_FALSE(pickle.status().message().empty());
    }
  }
  EXPECT_GT(read, kPickles / 100);  // else the mutations were too coarse to test anything
  EXPECT_LT(read, kPickles);
}

TEST_F(WeightsFuzz, RandomPickles_GiveAValueOrAStatus) {
  int read = 0;
  for (int i = 0; i < kPickles; ++i) {
    const auto pickle = parse_pickle(random_pickle(random_), "fuzz");
    read += pickle.ok() ? 1 : 0;
    if (pickle.ok()) {
      EXPECT_FALSE(pickle->root->describe().empty());
    }
  }
  EXPECT_GT(read, 0);
}

TEST_F(WeightsFuzz, MutatedPicklesInGoodArchives_GiveTensorsOrAStatus) {
  const std::string seeds[] = {checkpoint_pickle(), script_pickle()};
  for (int i = 0; i < kArchives; ++i) read_all(archive_of(mutated(seeds[i % 2], random_)));
}

TEST_F(WeightsFuzz, MutatedArchives_GiveTensorsOrAStatus) {
  const std::string seeds[] = {archive_of(checkpoint_pickle()), archive_of(script_pickle())};
  for (int i = 0; i < kArchives; ++i) read_all(mutated(seeds[i % 2], random_));
}

TEST_F(WeightsFuzz, MutatedStreams_GiveTensorsOrAStatus) {
  const std::string seeds[] = {stream_of(checkpoint_pickle()), stream_of(script_pickle())};
  for (int i = 0; i < kArchives; ++i) read_all(mutated(seeds[i % 2], random_));
}

}  // namespace
}  // namespace tagalign::model
