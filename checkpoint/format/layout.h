/// Names inside a folder of checkpoints, and the writers' lease. See format.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/status.h"
#include "checkpoint/lease.h"

namespace tagalign::checkpoint {

inline constexpr const char* kManifestName = "manifest.json";

/// "step-00001200"; more digits from step 10^8 on.
std::string step_name(std::uint64_t step);
/// The step of a name that step_name() makes; nothing for any other name.
std::optional<std::uint64_t> step_of_name(std::string_view name);
/// "rank-00000-of-00002.safetensors".
std::string shard_name(std::size_t rank, std::size_t world);
/// True for ".step-…": what a save or a removal that crashed can leave behind.
bool is_leftover(std::string_view name);
/// True for what removed_name() makes.
bool is_removed(std::string_view name);
/// Removes FOLDER/name; but a checkpoint that was pinned before its removal went too far comes back.
Status remove_leftover(FileSystem& files, const Path& folder, const std::string& name);
/// ".step-00001200.removed": a checkpoint that is being removed; whole as long as it has its manifest.
std::string removed_name(std::uint64_t step);
/// "." for a plain name.
Path parent_of(const Path& path);
/// Makes `folder` and what lacks above it, with names that survive a power cut. Several ranks may at a
/// time: whoever finds a name missing syncs it.
Status make_folder(FileSystem& files, const Path& folder);

/// Of a save in progress: ".step-00001200.tmp-2-1-COORDINATOR"; no two writers share one.
std::string temporary_name(std::uint64_t step, const Lease& lease);

/// Nothing when there is no lease.
Result<std::optional<Lease>> read_lease(FileSystem& files, const Path& folder);
/// kAlreadyExists when FOLDER/lease was taken from the writer that holds `mine`.
Status check_lease(FileSystem& files, const Path& folder, const Lease& mine);

}  // namespace tagalign::checkpoint
