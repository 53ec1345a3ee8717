/// What lies on the coordinator's disk, behind the checksums of its rows.
#include "coordinator/core/facts.h"
#include "coordinator/store/fact_codec.h"
#include "tests/fuzz/guided/target.h"
#include "tests/unit/store/sample_facts.h"

namespace tagalign::fuzz {
namespace {

using namespace store;

constexpr std::uint32_t kFormats = 8;  // more than there are: the others are refused

void check_refusal(const Status& status) {
  TA_CHECK(status.code() == ErrorCode::kDataLoss || status.code() == ErrorCode::kUnsupported,
           "damage is kDataLoss, another format kUnsupported");
}

/// The first byte is the format.
void attack_facts(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto fact = decode_fact(static_cast<unsigned char>(bytes[0]) % kFormats, bytes.substr(1));
  if (!fact.ok()) return check_refusal(fact.status());
  const std::string again = encode_fact(*fact);
  const auto twice = decode_fact(kFactFormat, again);
  TA_CHECK(again.empty() || (twice.ok() && encode_fact(*twice) == again), "what is written reads");
}

std::vector<std::string> fact_seeds() {
  std::vector<std::string> seeds;
  for (const core::Fact& fact : sample_facts()) {
    seeds.push_back(static_cast<char>(kFactFormat) + encode_fact(fact));
  }
  return seeds;
}

void attack_snapshot(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto state =
      decode_snapshot(static_cast<unsigned char>(bytes[0]) % kFormats, bytes.substr(1));
  if (!state.ok()) return check_refusal(state.status());
  const std::string again = encode_snapshot(*state);
  const auto twice = decode_snapshot(kFactFormat, again);
  TA_CHECK(twice.ok() && encode_snapshot(*twice) == again, "what is written reads");
}

std::vector<std::string> snapshot_seeds() {
  std::vector<std::string> seeds;
  core::State state;
  for (const core::Fact& fact : sample_facts()) {
    core::evolve(state, fact);
    seeds.push_back(static_cast<char>(kFactFormat) + encode_snapshot(state));
  }
  return seeds;
}

}  // namespace

const Target kFacts{"facts", attack_facts, fact_seeds};
const Target kSnapshot{"snapshot", attack_snapshot, snapshot_seeds};

}  // namespace tagalign::fuzz
