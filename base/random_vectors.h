/// Many random numbers at a time, for the processor that draws them. Only base/random.cpp calls this.
///
/// A number is given only when it is certain to be the one that the plain way gives; what is not,
/// the caller draws that way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace tagalign::random_vectors {

inline constexpr std::size_t kLanes = 4;

/// True where the other functions can run: on an x86-64 processor with AVX2.
bool can_run();

/// philox4x32() of `counter`, `counter` + 1, … + 3, as two draws of 64 bits each: next_u64()'s.
/// The low 32 bits of the counter do not overflow on the way.
void draw_blocks(const std::array<std::uint32_t, 4>& counter,
                 const std::array<std::uint32_t, 2>& key, std::uint64_t* draws);

/// Eight draws → eight normal numbers, those that Box and Muller's formulas in double precision
/// give, rounded to float. False, and nothing certain in `out`, where one lies so near to the middle
/// between two floats that the library's logarithm or sine has to decide.
bool make_normals(const std::uint64_t* draws, float* out);

}  // namespace tagalign::random_vectors
