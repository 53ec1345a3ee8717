/// Counter-based random numbers: a draw is a function of (key, counter), never of a thread,
/// a rank or history.
///
/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). Streams
/// are named by what they serve, e.g. RandomStream({seed, epoch, sample}, StreamPurpose::kAugment),
/// so resuming needs no saved generator state and any rank can redo any draw.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tagalign {

/// The Philox4x32-10 block function.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// Separates the uses of one seed. Numbers are never reused.
enum class StreamPurpose : std::uint32_t {
  kShuffle = 1,     ///< order of samples within an epoch
  kAugment = 2,     ///< crop, flip, RandAugment, erasing of one sample
  kInitialise = 3,  ///< initial weights
  kScene = 4,       ///< procedural scenes
  kCaption = 5,     ///< choice among captions of one image
  kSimulation = 6,  ///< the cluster simulator
  kTest = 7,
  kMask = 8,       ///< noise of a sampled mask
  kGroup = 9,      ///< noise of the choice of a group
  kDropPath = 10,  ///< residual branches that a step leaves out
  kPrompt = 11,    ///< choice of noun prompts
};

struct StreamKey {
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;   ///< or any second index
  std::uint64_t sample = 0;  ///< or any third index; below 2^48
};

/// One sequential stream. A value: copying forks it. At most 2^34 draws.
class RandomStream {
 public:
  RandomStream(StreamKey key, StreamPurpose purpose);

  std::uint32_t next_u32();
  std::uint64_t next_u64();
  double uniform();                          ///< [0, 1), 53 bits
  double uniform(double low, double high);   ///< [low, high)
  std::uint64_t below(std::uint64_t count);  ///< 0 … count-1 without bias; count > 0
  double normal();  ///< mean 0, variance 1 (Box–Muller, both values used)
  /// What `count` calls of normal() give, as floats: the same bits, several times as fast.
  void normals(std::size_t count, float* out);
  bool chance(double probability) { return uniform() < probability; }

 private:
  bool has_spare_normal();
  void next_draws(std::array<std::uint64_t, 8>& draws);

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int used_ = 4;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

/// Position `index` of a pseudo-random permutation of 0 … count-1, in O(1) time and memory
/// (cycle-walking Feistel network on Philox). Equal keys give the equal permutation on every
/// machine. index < count.
std::uint64_t permuted_index(StreamKey key, std::uint64_t index, std::uint64_t count);

}  // namespace tagalign
