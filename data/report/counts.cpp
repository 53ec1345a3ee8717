#include "data/report/counts.h"

#include <algorithm>
#include <utility>

#include "base/checksum.h"
#include "base/status.h"
#include "data/report/script.h"

namespace tagalign::data {
namespace {

std::uint64_t characters(std::string_view text) {
  return static_cast<std::uint64_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

}  // namespace

void Histogram::add(std::uint64_t value) {
  const auto after = std::upper_bound(bounds.begin(), bounds.end(), value);
  ++counts[static_cast<std::size_t>(after - bounds.begin()) - 1];
}

void Histogram::add(const Histogram& other) {
  TA_CHECK(bounds == other.bounds, "histograms with other bounds");
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
}

Histogram empty_histogram(std::string unit, std::vector<std::uint64_t> bounds) {
  const std::size_t count = bounds.size();
  return {std::move(unit), std::move(bounds), std::vector<std::uint64_t>(count)};
}

void EqualTexts::add(std::string_view text) {
  if (!text.empty()) digests_.push_back(digest64(as_bytes(text)));
}

std::uint64_t EqualTexts::finish() {
  return count_equal(std::move(digests_));
}

std::uint64_t count_equal(std::vector<std::uint64_t> digests) {
  std::sort(digests.begin(), digests.end());
  const auto distinct = std::unique(digests.begin(), digests.end());
  return static_cast<std::uint64_t>(digests.end() - distinct);
}

CaptionCounter::CaptionCounter() {
  counts_.lengths = empty_histogram("characters", {0, 1, 16, 32, 64, 128, 256});
}

void CaptionCounter::add(std::string_view caption) {
  const ScriptOfText found = script_of(caption);
  ++counts_.captions;
  ++counts_.scripts[std::string(script_name(found.script))];
  if (found.has_chinese) ++counts_.chinese;
  counts_.lengths.add(characters(caption));
  texts_.add(caption);
}

CaptionCounts CaptionCounter::finish() {
  counts_.equal = texts_.finish();
  return std::move(counts_);
}

}  // namespace tagalign::data
