#include "data/benchmarks/sources/run_length.h"

#include "base/format.h"

namespace tagalign::data {
namespace {

constexpr int kBits = 5;
constexpr std::int64_t kMore = 1 << kBits;
constexpr std::int64_t kSign = 1 << (kBits - 1);
constexpr int kGroupsMax = 7;  // 35 bits: more than any 32-bit length needs

/// One signed number from `at` on, which moves behind it; nullopt when the text ends inside it.
std::optional<std::int64_t> next_number(std::string_view text, std::size_t& at) {
  std::int64_t value = 0;
  for (int group = 0; group < kGroupsMax && at < text.size(); ++group) {
    const std::int64_t bits = text[at] - '0';
    if (bits < 0 || bits >= 2 * kMore) return std::nullopt;
    ++at;
    value += (bits & (kMore - 1)) * (std::int64_t{1} << (kBits * group));
    if ((bits & kMore) != 0) continue;
    if ((bits & kSign) != 0) value -= std::int64_t{1} << (kBits * (group + 1));
    return value;
  }
  return std::nullopt;
}

}  // namespace

Result<std::vector<std::uint32_t>> decode_run_lengths(std::string_view text) {
  std::vector<std::uint32_t> runs;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = at;
    const auto number = next_number(text, at);
    const std::int64_t base = runs.size() > 2 ? runs[runs.size() - 2] : 0;
    const std::int64_t length = number.value_or(0) + base;
    if (!number || length < 0 || length > UINT32_MAX) {
      return data_loss(format("run lengths: expected a number at character {} of {}, found '{}'",
                              begin, text.size(), text.substr(begin, 8)));
    }
    runs.push_back(static_cast<std::uint32_t>(length));
  }
  return runs;
}

Status paint_runs(const std::vector<std::uint32_t>& runs, MaskSize size, std::uint16_t value,
                  std::vector<std::uint16_t>& ids) {
  const auto height = static_cast<std::size_t>(size.height);
  const auto width = static_cast<std::size_t>(size.width);
  TA_CHECK(ids.size() == height * width);
  std::size_t position = 0;
  bool inside = false;
  for (const std::uint32_t run : runs) {
    if (run > ids.size() - position) {
      return data_loss(format("run lengths: expected {} x {} pixels, found more", width, height));
    }
    for (std::size_t end = position + run; position < end; ++position) {
      if (inside) ids[position % height * width + position / height] = value;
    }
    inside = !inside;
  }
  if (position == ids.size()) return {};
  return data_loss(
      format("run lengths: expected {} x {} pixels, found {}", width, height, position));
}

}  // namespace tagalign::data
