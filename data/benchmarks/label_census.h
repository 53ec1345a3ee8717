/// Which classes the labels of a data set show at all. For data/benchmarks only.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "data/datasets/label_rules.h"
#include "data/image/image.h"

namespace tagalign::data {

/// Counts pixels, from several threads.
class LabelCensus {
 public:
  LabelCensus(std::vector<std::string> classes, const LabelRules& rules);

  /// A stored map without a fault.
  void add(LabelMap label);

  /// "class fg occurs in no label; 51 % of the pixels are 255 (ignored): masks of 0 and 255?": all that
  /// is not ignored is the first of several classes, or nothing at all.
  std::optional<std::string> mistake() const;
  /// Classes that occur in no label, the share of ignored pixels, classes that are there twice.
  std::vector<std::string> notes() const;

 private:
  std::vector<std::string> absent() const;
  std::string ignored_text() const;

  std::vector<std::string> classes_;
  LabelRules rules_;
  std::mutex mutex_;
  std::vector<std::uint64_t> pixels_;  ///< a class
  std::uint64_t ignored_ = 0;
};

}  // namespace tagalign::data
