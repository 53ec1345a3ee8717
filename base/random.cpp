#include "base/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "base/random_vectors.h"
#include "base/status.h"

namespace tagalign {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53u;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57u;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9u;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85u;
constexpr int kRounds = 10;

std::array<std::uint32_t, 4> philox_round(const std::array<std::uint32_t, 4>& c,
                                          const std::array<std::uint32_t, 2>& k) {
  const std::uint64_t p0 = std::uint64_t{kMultiplier0} * c[0];
  const std::uint64_t p1 = std::uint64_t{kMultiplier1} * c[2];
  return {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(p1),
          static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(p0)};
}

std::uint32_t low32(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}
std::uint32_t high32(std::uint64_t value) {
  return static_cast<std::uint32_t>(value >> 32);
}

/// [0, 1), 53 bits.
double to_uniform(std::uint64_t draw) {
  return static_cast<double>(draw >> 11) * 0x1.0p-53;
}

/// Box and Muller's two normal numbers of two draws.
struct NormalPair {
  double first, second;
};
NormalPair to_normals(std::uint64_t first, std::uint64_t second) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - to_uniform(first)));
  const double angle = 2.0 * std::numbers::pi * to_uniform(second);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

/// Key of a stream: seed, epoch, sample and purpose mixed by one Philox block, so that near
/// keys give unrelated streams.
std::array<std::uint32_t, 4> mix_key(const StreamKey& key, StreamPurpose purpose) {
  const auto first = philox4x32(
      {low32(key.epoch), high32(key.epoch), static_cast<std::uint32_t>(purpose), 0x7461675au},
      {low32(key.seed), high32(key.seed)});
  return philox4x32({low32(key.sample), high32(key.sample), first[0], first[1]},
                    {first[2], first[3]});
}

/// One Feistel round function: `half_bits` pseudo-random bits of (round, value).
std::uint64_t feistel_bits(const std::array<std::uint32_t, 4>& key, std::uint32_t round,
                           std::uint64_t value, int half_bits) {
  const auto block = philox4x32({low32(value), high32(value), round, key[2]}, {key[0], key[1]});
  const std::uint64_t bits = (std::uint64_t{block[1]} << 32) | block[0];
  return half_bits == 64 ? bits : bits & ((std::uint64_t{1} << half_bits) - 1);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    counter = philox_round(counter, key);
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

RandomStream::RandomStream(StreamKey key, StreamPurpose purpose) {
  const auto mixed = mix_key(key, purpose);
  key_ = {mixed[0], mixed[1]};
  counter_ = {0, 0, mixed[2], mixed[3]};
}

std::uint32_t RandomStream::next_u32() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    if (++counter_[0] == 0) ++counter_[1];
    used_ = 0;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

std::uint64_t RandomStream::next_u64() {
  const std::uint64_t high = next_u32();
  return (high << 32) | next_u32();
}

double RandomStream::uniform() {
  return to_uniform(next_u64());
}

double RandomStream::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

std::uint64_t RandomStream::below(std::uint64_t count) {
  TA_CHECK(count > 0);
  const std::uint64_t rejected =
      (0 - count) % count;  // 2^64 mod count values would favour small results
  std::uint64_t draw = next_u64();
  while (draw < rejected) draw = next_u64();
  return draw % count;
}

double RandomStream::normal() {
  if (has_spare_normal()) return spare_normal_;
  const std::uint64_t first = next_u64();
  const NormalPair pair = to_normals(first, next_u64());
  spare_normal_ = pair.second;
  has_spare_ = true;
  return pair.first;
}

void RandomStream::normals(std::size_t count, float* out) {
  std::size_t i = 0;
  if (has_spare_ && count > 0) out[i++] = static_cast<float>(normal());
  std::array<std::uint64_t, 8> draws;
  for (; random_vectors::can_run() && i + draws.size() <= count; i += draws.size()) {
    next_draws(draws);
    if (random_vectors::make_normals(draws.data(), out + i)) continue;
    for (std::size_t k = 0; k < draws.size(); k += 2) {
      const NormalPair pair = to_normals(draws[k], draws[k + 1]);
      out[i + k] = static_cast<float>(pair.first);
      out[i + k + 1] = static_cast<float>(pair.second);
    }
  }
  for (; i < count; ++i) out[i] = static_cast<float>(normal());
}

/// Eight times next_u64(), by four blocks at once where the stream stands at the start of a block or
/// in the middle of one.
void RandomStream::next_draws(std::array<std::uint64_t, 8>& draws) {
  constexpr std::uint32_t kBlocks = random_vectors::kLanes;
  if (used_ % 2 != 0 || counter_[0] > UINT32_MAX - kBlocks) {
    for (std::uint64_t& draw : draws) draw = next_u64();
    return;
  }
  const bool in_the_middle = used_ == 2;
  const std::uint64_t rest = in_the_middle ? next_u64() : 0;
  random_vectors::draw_blocks(counter_, key_, draws.data());
  counter_[0] += kBlocks;
  if (!in_the_middle) return;
  block_[2] = high32(draws.back());
  block_[3] = low32(draws.back());
  used_ = 2;
  std::copy_backward(draws.begin(), draws.end() - 1, draws.end());
  draws.front() = rest;
}

bool RandomStream::has_spare_normal() {
  const bool had = has_spare_;
  has_spare_ = false;
  return had;
}

std::uint64_t permuted_index(StreamKey key, std::uint64_t index, std::uint64_t count) {
  TA_CHECK(index < count);
  if (count == 1) return 0;
  const auto mixed = mix_key(key, StreamPurpose::kShuffle);
  const int bits = static_cast<int>(std::bit_width(count - 1));
  const int half_bits = (bits + 1) / 2;
  const std::uint64_t mask = (std::uint64_t{1} << half_bits) - 1;
  constexpr std::uint32_t kFeistelRounds = 6;
  do {  // the domain is at most four times `count`: few walks leave it
    std::uint64_t left = index >> half_bits;
    std::uint64_t right = index & mask;
    for (std::uint32_t round = 0; round < kFeistelRounds; ++round) {
      const std::uint64_t next = left ^ feistel_bits(mixed, round, right, half_bits);
      left = right;
      right = next;
    }
    index = (left << half_bits) | right;
  } while (index >= count);
  return index;
}

}  // namespace tagalign
