/// Checkpoints on disk as tables: a folder of them, what is wrong with them, one of them.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/keep.h"
#include "coordinator/cli/host/output.h"

namespace tagalign::cli {

/// One row a step folder, damaged ones too. Reads the manifests only.
Result<Listing> folder_page(FileSystem& files, const Path& folder, UnixMs now_ms);
/// Who writes in the folder, in a sentence; empty when nobody ever took its lease.
Result<std::string> writer_line(FileSystem& files, const Path& folder);

struct Verification {
  Listing listing;
  bool damaged = false;  ///< any of them
};
/// Reads every byte of every step folder.
Verification verification_page(FileSystem& files, const std::vector<Path>& folders, int threads);

/// What is to be removed, or was: `verb` says which.
Listing removal_page(FileSystem& files, const std::vector<checkpoint::Fate>& fates,
                     const std::string& verb);

/// Everything that a manifest says.
struct StepPage {
  Record position;
  Listing settings;
  Listing shards;
  Listing tensors;
};
StepPage step_page(const checkpoint::ManifestFile& file);
/// The same for programs, as JSON on one line.
std::string step_json(const checkpoint::ManifestFile& file);

}  // namespace tagalign::cli
