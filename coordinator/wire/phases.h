/// What a rank is at, and for how long: plain structs, as messages.h.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace tagalign::wire {

/// What a rank is at. It says so itself, and is expected to move on within a time of each.
enum class Phase : std::uint8_t {
  kStart = 1,      ///< process, MPI, configuration
  kLoad = 2,       ///< data set, weights, prompts
  kFirstStep = 3,  ///< what is made ready at first use is in it
  kStep = 4,
  kSave = 5,
  kImage = 6,  ///< of an evaluation, or whatever else is worked off piece by piece
  kWait = 7,   ///< its own work is done: for the other ranks, as long as they take
};

/// Milliseconds by phase. Of what is said with each use.
struct PhaseTimes {
  std::int64_t start = 0;
  std::int64_t load = 0;
  std::int64_t first_step = 0;
  std::int64_t step = 0;
  std::int64_t save = 0;
  std::int64_t image = 0;
  std::int64_t wait = 0;
  std::int64_t hang = 0;  ///< in none of them: since a rank that was taken for hung had moved

  std::int64_t& of(Phase phase) {
    switch (phase) {
      case Phase::kStart:
        return start;
      case Phase::kLoad:
        return load;
      case Phase::kFirstStep:
        return first_step;
      case Phase::kStep:
        return step;
      case Phase::kSave:
        return save;
      case Phase::kImage:
        return image;
      case Phase::kWait:
        return wait;
    }
    return hang;
  }
  std::int64_t of(Phase phase) const { return PhaseTimes(*this).of(phase); }
  bool operator==(const PhaseTimes&) const = default;
};
inline constexpr std::array<std::int64_t PhaseTimes::*, 8> kPhaseTimes{
    &PhaseTimes::start, &PhaseTimes::load,  &PhaseTimes::first_step, &PhaseTimes::step,
    &PhaseTimes::save,  &PhaseTimes::image, &PhaseTimes::wait,       &PhaseTimes::hang};
/// Each of `more` is added; each becomes the greater one.
inline void add(PhaseTimes& times, const PhaseTimes& more) {
  for (const auto part : kPhaseTimes) times.*part += more.*part;
}
inline void raise(PhaseTimes& times, const PhaseTimes& other) {
  for (const auto part : kPhaseTimes) times.*part = std::max(times.*part, other.*part);
}

/// How long a rank may stay in a phase without a move before it is taken for hung.
struct Patience {
  PhaseTimes set;     ///< by a person; 0: learned
  PhaseTimes usual;   ///< medians of the longest in earlier attempts of such jobs; 0: not known
  int doublings = 0;  ///< of what is not set: attempts of the job that were taken for hung
  bool operator==(const Patience&) const = default;
};

}  // namespace tagalign::wire
