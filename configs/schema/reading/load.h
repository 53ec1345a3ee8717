/// From YAML to the structs of job_configs.h and back.
///
/// A file may name others with `_base_: FILE` or `_base_: [FILE, …]` in any map, relative to
/// itself: their maps are merged below its own, later over earlier; lists and scalars are replaced.
/// Then each override "key.path=value" is applied; the value is YAML, a list element is named by
/// its index: `datasets.0.window=64` (an index equal to the length appends).
///
/// Errors are kInvalidArgument (kNotFound and kPermissionDenied for a file that cannot be read) and
/// list every problem, one a line: "file:line: what was expected, what was found"; an unknown key
/// comes with the nearest known one. Problems of an override begin with "--set key.path=value".
/// Pure apart from reading through `files`; safe from several threads.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "configs/schema/jobs/job_configs.h"

namespace tagalign::config {

using Overrides = std::vector<std::string>;

/// T: the ConfigType of a row of job_kinds.h; SegmentationDataConfig, one file of
/// configs/benchmarks (which leave `root` to an override); or PublishedScores.
template <class T>
Result<T> load_job_config(FileSystem& files, const Path& file, const Overrides& overrides = {});

/// From text; `name` stands for the file in messages. `_base_` is refused: there is no
/// folder to look in.
template <class T>
Result<T> parse_job_config(const std::string& text, const std::string& name,
                           const Overrides& overrides = {});

/// Every key that is set, in the order of job_configs.h; parsing it gives an equal struct.
/// Refuses what loading would refuse, with the same messages.
template <class T>
Result<std::string> dump(const T& config);

}  // namespace tagalign::config
