/// What the paths name that the verbs of `tagalign checkpoints` take.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/format/manifest.h"

namespace tagalign::cli {

/// True for an argument that is a path and no job's number or name: ".", or with a '/'.
bool is_folder_argument(const std::string& argument);

/// Of a folder of checkpoints its step folders, ascending; of a step folder itself. kNotFound for
/// all else that is named.
Result<std::vector<Path>> step_folders(FileSystem& files, const Path& path);

/// As checkpoint::read_manifest_file(), of an argument that has to be one checkpoint.
Result<checkpoint::ManifestFile> open_step(FileSystem& files, const Path& path);

/// Of the shards.
std::uint64_t bytes_of(const checkpoint::ManifestContent& content);
/// "260.0 MB".
std::string shown_bytes(std::uint64_t bytes);

}  // namespace tagalign::cli
