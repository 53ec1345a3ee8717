/// Fields that hold one of a few words: an enum class each, and one table of its words, in the order
/// of the enumerators. Reading, writing, messages and the page of keys all use the table.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/format.h"

namespace tagalign::config {

enum class Precision : std::uint8_t { kFp32, kBf16 };
enum class DeviceChoice : std::uint8_t { kAuto, kCpu, kCuda };
enum class CollectivesChoice : std::uint8_t { kAuto, kMpi, kNccl };
enum class ScheduleKind : std::uint8_t { kConstant, kCosine };
enum class Attention : std::uint8_t {
  kSurgery,
  kPlain,
  kMaskClip,
  kSclip,
  kNaclip,
  kClearClip,
};
enum class ProjectorKind : std::uint8_t { kGDecoder, kTransformer };
enum class Protocol : std::uint8_t { kV1, kV3 };
enum class OptimizerSharding : std::uint8_t { kNone, kZero1 };
enum class DivergenceChoice : std::uint8_t { kStop, kSkip, kRewind };
enum class Determinism : std::uint8_t { kOrder, kBitwise };
enum class ImageDecoding : std::uint8_t { kExact, kFast };
enum class LabelEncoding : std::uint8_t { kIndex, kRgb16 };
enum class PreparedDataset : std::uint8_t { kScenes };
enum class SceneLook : std::uint8_t { kDay, kDusk };

using Words = std::span<const std::string_view>;

template <class E>
struct WordsOf;  // one specialisation for each enum
template <>
struct WordsOf<Precision> {
  static constexpr std::array<std::string_view, 2> kWords = {"fp32", "bf16"};
};
template <>
struct WordsOf<DeviceChoice> {
  static constexpr std::array<std::string_view, 3> kWords = {"auto", "cpu", "cuda"};
};
template <>
struct WordsOf<CollectivesChoice> {
  static constexpr std::array<std::string_view, 3> kWords = {"auto", "mpi", "nccl"};
};
template <>
struct WordsOf<ScheduleKind> {
  static constexpr std::array<std::string_view, 2> kWords = {"constant", "cosine"};
};
template <>
struct WordsOf<Attention> {
  static constexpr std::array<std::string_view, 6> kWords = {"surgery", "plain",  "maskclip",
                                                             "sclip",   "naclip", "clearclip"};
};
template <>
struct WordsOf<ProjectorKind> {
  static constexpr std::array<std::string_view, 2> kWords = {"gdecoder", "transformer"};
};
template <>
struct WordsOf<Protocol> {
  static constexpr std::array<std::string_view, 2> kWords = {"v1", "v3"};
};
template <>
struct WordsOf<OptimizerSharding> {
  static constexpr std::array<std::string_view, 2> kWords = {"none", "zero1"};
};
template <>
struct WordsOf<DivergenceChoice> {
  static constexpr std::array<std::string_view, 3> kWords = {"stop", "skip", "rewind"};
};
template <>
struct WordsOf<Determinism> {
  static constexpr std::array<std::string_view, 2> kWords = {"order", "bitwise"};
};
template <>
struct WordsOf<ImageDecoding> {
  static constexpr std::array<std::string_view, 2> kWords = {"exact", "fast"};
};
template <>
struct WordsOf<LabelEncoding> {
  static constexpr std::array<std::string_view, 2> kWords = {"index", "rgb16"};
};
template <>
struct WordsOf<PreparedDataset> {
  static constexpr std::array<std::string_view, 1> kWords = {"scenes"};
};
template <>
struct WordsOf<SceneLook> {
  static constexpr std::array<std::string_view, 2> kWords = {"day", "dusk"};
};

/// An enum that has a table of words.
template <class E>
concept Choice = requires {
  { WordsOf<E>::kWords[0] } -> std::convertible_to<std::string_view>;
};

template <Choice E>
constexpr Words words_of() {
  return WordsOf<E>::kWords;
}

template <Choice E>
constexpr std::string_view word(E value) {
  return WordsOf<E>::kWords[static_cast<std::size_t>(value)];
}

}  // namespace tagalign::config

/// format("{}", Precision::kBf16) is "bf16".
template <tagalign::config::Choice E>
struct fmt::formatter<E, char> : fmt::formatter<std::string_view, char> {
  template <class Context>
  auto format(E value, Context& context) const {
    return fmt::formatter<std::string_view, char>::format(tagalign::config::word(value), context);
  }
};
