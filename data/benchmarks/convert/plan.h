/// What a converter hands to the runner: files to make, each on its own, so that an interrupted run
/// goes on where it stopped.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/benchmarks/sources/findings.h"

namespace tagalign::data {

/// One file of the prepared data set. It is made whole or not at all, and made again only when its
/// source has changed since.
struct Task {
  Path target;  ///< below the data set's folder
  Path source;  ///< the file that it is made from
  /// The target's bytes; safe from several threads. Empty: the source's bytes as they are. A
  /// failure is a problem of this file alone: the others are made all the same.
  std::function<Result<std::string>(FileSystem&)> make;
};

struct Plan {
  std::vector<Task> tasks;  ///< distinct targets
  /// Small texts (lists of names), written after all tasks.
  std::vector<std::pair<Path, std::string>> texts;
  std::vector<Offender> missing;   ///< what the source should hold and does not
  std::vector<std::string> notes;  ///< what a user should know about how it was made
};

/// What every converter gets.
struct ConverterInput {
  FileSystem& files;
  Path source;
  std::string benchmark;       ///< "coco_object"
  Path without;                ///< a folder below source that does not count; empty: none
  bool with_training = false;  ///< prepare the training images with their labels too
};

using Converter = Result<Plan> (*)(const ConverterInput&);

}  // namespace tagalign::data
