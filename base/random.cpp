#include "base/random.h"

#include <bit>
#include <cmath>
#include <numbers>

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
  return static_cast<double>(next_u64() >> 11) * 0x1.0p-53;
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
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  const double angle = 2.0 * std::numbers::pi * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
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
