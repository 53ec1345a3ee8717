/// Where the jobs of a sweep write: each in a place of its own. Internal to configs/schema. Pure.
#pragma once

#include <string>

#include "configs/schema/reading/sweep_axes.h"

namespace tagalign::config {

/// A job of a sweep.
struct SweptJob {
  const std::string& written;  ///< the name in the file
  const std::string& name;     ///< NAME.LABEL
  const std::string& source;   ///< the training of a sweep that it follows; empty: none
};

/// Makes of `checkpoint.directory` and of a folder `output` FOLDER/NAME.LABEL, of a file `output`
/// FILE.LABEL.SUFFIX, and names the row of results, where no `label` is written, after the training
/// that is followed. What `values` set stays, and so does what a kind of job has not.
void give_own_folders(const SweptJob& job, const SweptValues& values, Node& node);

}  // namespace tagalign::config
