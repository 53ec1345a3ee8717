#include "worker/evaluate/image_ranking.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/status.h"

namespace tagalign::jobs {
namespace {

constexpr double kBillion = 1e9;
constexpr std::size_t kEntryBytes = sizeof(float) + 1;

}  // namespace

void ImageRanking::add(std::span<const float> scores, const std::vector<bool>& shown) {
  TA_CHECK(scores.size() == entries_.size() && shown.size() == entries_.size(), "N of each");
  for (std::size_t c = 0; c < entries_.size(); ++c) entries_[c].push_back({scores[c], shown[c]});
}

void ImageRanking::merge(const ImageRanking& other) {
  TA_CHECK(other.entries_.size() == entries_.size(), "equal classes");
  for (std::size_t c = 0; c < entries_.size(); ++c) {
    entries_[c].insert(entries_[c].end(), other.entries_[c].begin(), other.entries_[c].end());
  }
}

std::vector<std::int64_t> ImageRanking::average_precision() const {
  std::vector<std::int64_t> all;
  for (std::vector<Entry> ranked : entries_) {
    std::ranges::sort(ranked, std::greater<>(), &Entry::score);
    const auto shown = std::ranges::count(ranked, true, &Entry::shown);
    double sum = 0;
    std::int64_t found = 0;
    for (std::size_t i = 0; i < ranked.size();) {
      const std::int64_t before = found;
      const float score = ranked[i].score;
      for (; i < ranked.size() && ranked[i].score == score; ++i) found += ranked[i].shown ? 1 : 0;
      sum +=
          static_cast<double>(found - before) * static_cast<double>(found) / static_cast<double>(i);
    }
    all.push_back(shown == 0 ? -1 : std::llround(sum / static_cast<double>(shown) * kBillion));
  }
  return all;
}

std::string ImageRanking::pack() const {
  std::string packed;
  for (const auto& ranked : entries_) {
    for (const Entry& entry : ranked) {
      char bytes[sizeof(float)];
      std::memcpy(bytes, &entry.score, sizeof(float));
      packed.append(bytes, sizeof(float)).push_back(entry.shown ? 1 : 0);
    }
  }
  return packed;
}

void ImageRanking::merge_packed(std::string_view packed) {
  TA_CHECK(entries_.empty() || packed.size() % (kEntryBytes * entries_.size()) == 0,
           "whole images");
  const std::size_t images = entries_.empty() ? 0 : packed.size() / kEntryBytes / entries_.size();
  for (auto& ranked : entries_) {
    for (std::size_t i = 0; i < images; ++i) {
      Entry entry{};
      std::memcpy(&entry.score, packed.data(), sizeof(float));
      entry.shown = packed[sizeof(float)] != 0;
      ranked.push_back(entry);
      packed.remove_prefix(kEntryBytes);
    }
  }
}

}  // namespace tagalign::jobs
