#include "data/benchmarks/label_census.h"

#include <algorithm>
#include <numeric>

#include "base/counted.h"
#include "base/format.h"
#include "data/datasets/class_list.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kClassesNamed = 10;

std::string named(const std::vector<std::string>& classes) {
  const std::size_t count = std::min(classes.size(), kClassesNamed);
  const std::vector<std::string> first(classes.begin(),
                                       classes.begin() + static_cast<std::ptrdiff_t>(count));
  return format("{}{}", fmt::join(first, ", "),
                classes.size() > count ? format(" and {} more", classes.size() - count) : "");
}

}  // namespace

LabelCensus::LabelCensus(std::vector<std::string> classes, const LabelRules& rules)
    : classes_(std::move(classes)), rules_(rules), pixels_(classes_.size()) {}

void LabelCensus::add(LabelMap label) {
  if (rules_.reduce_zero_label) reduce_zero_label(label, rules_.ignore_index);
  std::vector<std::uint64_t> pixels(pixels_.size());
  std::uint64_t ignored = 0;
  for (const std::uint16_t id : label.ids) {
    if (id == rules_.ignore_index || id >= pixels.size())
      ++ignored;
    else
      ++pixels[id];
  }
  const std::lock_guard lock(mutex_);
  ignored_ += ignored;
  std::ranges::transform(pixels_, pixels, pixels_.begin(), std::plus<>());
}

std::vector<std::string> LabelCensus::absent() const {
  std::vector<std::string> absent;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    if (pixels_[i] == 0) absent.push_back(classes_[i]);
  }
  return absent;
}

std::string LabelCensus::ignored_text() const {
  const std::uint64_t scored = std::accumulate(pixels_.begin(), pixels_.end(), std::uint64_t{0});
  const double percent = 100.0 * static_cast<double>(ignored_) /
                         static_cast<double>(std::max<std::uint64_t>(ignored_ + scored, 1));
  return format("{:.0f} % of the pixels are {} (ignored)", percent, rules_.ignore_index);
}

std::optional<std::string> LabelCensus::mistake() const {
  const std::vector<std::string> absent = this->absent();
  if (absent.empty() || ignored_ == 0) return std::nullopt;
  if (absent.size() == classes_.size())
    return format("every pixel is {} (ignored)", rules_.ignore_index);
  if (absent.size() + 1 < classes_.size() || pixels_[0] == 0) return std::nullopt;
  return format("{} in no label; {}: masks of 0 and {}?",
                absent.size() == 1 ? format("class {} occurs", absent[0])
                                   : format("classes {} occur", named(absent)),
                ignored_text(), rules_.ignore_index);
}

std::vector<std::string> LabelCensus::notes() const {
  std::vector<std::string> notes;
  const std::vector<std::string> absent = this->absent();
  if (!absent.empty() && absent.size() < classes_.size() && !mistake()) {
    notes.push_back(format("{} of {} classes {} in no label: {}{}", absent.size(), classes_.size(),
                           for_count(absent.size(), "occurs", "occur"), named(absent),
                           ignored_ > 0 ? "; " + ignored_text() : std::string()));
  }
  const std::vector<std::string> repeated = repeated_classes(classes_);
  if (!repeated.empty()) {
    notes.push_back(
        format("classes of the same name, of which the first alone can be predicted: {}",
               named(repeated)));
  }
  return notes;
}

}  // namespace tagalign::data
