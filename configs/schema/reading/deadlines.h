/// `deadlines` of a job in a workflow file: how long a rank may stand still in each phase before its
/// gang is taken for hung.
#pragma once

#include <cstdint>
#include <string>

#include "configs/schema/document/document.h"

namespace tagalign::config {

/// In milliseconds; 0: learned from what such jobs needed before.
struct Deadlines {
  std::int64_t start = 0;       ///< process, MPI, configuration
  std::int64_t load = 0;        ///< data set, weights, prompts
  std::int64_t first_step = 0;  ///< of a training
  std::int64_t step = 0;
  std::int64_t save = 0;
  std::int64_t image = 0;  ///< of an evaluation, or another piece of work

  bool operator==(const Deadlines&) const = default;
};

/// As the file has it: "90s", "10m".
struct DeadlineTexts {
  std::string start;
  std::string load;
  std::string first_step;
  std::string step;
  std::string save;
  std::string image;
};

template <class V>
void visit_fields(V& v, DeadlineTexts& texts) {
  v.field("start", texts.start);
  v.field("load", texts.load);
  v.field("first_step", texts.first_step);
  v.field("step", texts.step);
  v.field("save", texts.save);
  v.field("image", texts.image);
}

/// What is no time is a problem of its key below `path`.
Deadlines read_deadlines(const DeadlineTexts& texts, const std::string& path, const Origin& origin,
                         Problems& problems);

}  // namespace tagalign::config
