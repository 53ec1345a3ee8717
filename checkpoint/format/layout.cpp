#include "checkpoint/format/layout.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <vector>

#include "base/format.h"
#include "checkpoint/format/pins.h"

namespace tagalign::checkpoint {
namespace {

constexpr std::string_view kStepPrefix = "step-";
constexpr std::string_view kLeftoverPrefix = ".step-";
constexpr const char* kLeaseName = "lease";
constexpr std::uint64_t kLeaseBytesMax = 128;

constexpr std::string_view kRemovedEnd = ".removed";

template <class Integer>
std::optional<Integer> parse_whole(std::string_view text) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Cuts off what stands before the next separator.
std::string_view next_field(std::string_view& text) {
  const std::string_view field = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.size(), field.size() + 1));
  return field;
}

/// "ATTEMPT", as leases once were, or "JOB ATTEMPT COORDINATOR".
std::optional<Lease> parse_lease(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (const auto attempt = parse_whole<std::uint32_t>(text)) return Lease{.attempt = *attempt};
  const auto job = parse_whole<std::uint64_t>(next_field(text));
  const auto attempt = parse_whole<std::uint32_t>(next_field(text));
  if (!job || !attempt || text.find(' ') != std::string_view::npos) return std::nullopt;
  return Lease{.coordinator = std::string(text), .job = *job, .attempt = *attempt};
}

std::string lease_text(const Lease& lease) {
  return format("{} {}{}{}", lease.job, lease.attempt, lease.coordinator.empty() ? "" : " ",
                lease.coordinator);
}

/// The step of a name that removed_name() makes.
std::optional<std::uint64_t> step_of_removed(std::string_view name) {
  if (!name.starts_with(kLeftoverPrefix) || !name.ends_with(kRemovedEnd)) return std::nullopt;
  name.remove_prefix(1);
  name.remove_suffix(kRemovedEnd.size());
  return step_of_name(name);
}

std::string writer_name(const Lease& lease) {
  if (lease.job == 0) return format("a run without a coordinator (number {})", lease.attempt);
  return format("job {} attempt {}", lease.job, lease.attempt);
}

bool outranks(const Lease& left, const Lease& right) {
  return left.coordinator == right.coordinator &&
         std::tie(left.job, left.attempt) > std::tie(right.job, right.attempt);
}

Status refused(const Path& folder, const Lease& holder, const Lease& mine) {
  return already_exists(
      format("lease {}: {} writes here, {} was given up; remove the file only when no other job "
             "writes to this folder",
             (folder / kLeaseName).string(), writer_name(holder), writer_name(mine)));
}

}  // namespace

std::string step_name(std::uint64_t step) {
  return format("{}{:08}", kStepPrefix, step);
}

std::optional<std::uint64_t> step_of_name(std::string_view name) {
  if (!name.starts_with(kStepPrefix)) return std::nullopt;
  const auto step = parse_whole<std::uint64_t>(name.substr(kStepPrefix.size()));
  if (!step || step_name(*step) != name) return std::nullopt;
  return step;
}

std::string shard_name(std::size_t rank, std::size_t world) {
  return format("rank-{:05}-of-{:05}.safetensors", rank, world);
}

bool is_leftover(std::string_view name) {
  return name.starts_with(kLeftoverPrefix);
}

Path parent_of(const Path& path) {
  return path.has_parent_path() ? path.parent_path() : Path(".");
}

std::string removed_name(std::uint64_t step) {
  return format(".{}{}", step_name(step), kRemovedEnd);
}

bool is_removed(std::string_view name) {
  return step_of_removed(name).has_value();
}

Status make_folder(FileSystem& files, const Path& folder) {
  if (files.exists(folder)) return ok_status();
  std::vector<Path> missing;
  // A machine that fails may deny the root itself.
  for (Path path = folder; !files.exists(path) && path != parent_of(path); path = parent_of(path))
    missing.push_back(path);
  TA_RETURN_IF_ERROR(files.create_directories(folder));
  for (const Path& path : missing) TA_RETURN_IF_ERROR(files.sync_directory(parent_of(path)));
  return ok_status();
}

Status remove_leftover(FileSystem& files, const Path& folder, const std::string& name) {
  const Path path = folder / name;
  const auto step = step_of_removed(name);
  if (!step) return files.remove_all(path);
  TA_ASSIGN_OR_RETURN(const Pins pins, read_pins(files, folder));
  const Path home = folder / step_name(*step);
  if (pins.contains(*step) && files.exists(path / kManifestName) && !files.exists(home))
    return files.rename_durable(path, home);
  if (files.exists(path / kManifestName)) {
    // First: what is left when this is cut off must never come back.
    TA_RETURN_IF_ERROR(files.remove_all(path / kManifestName));
    TA_RETURN_IF_ERROR(files.sync_directory(path));
  }
  return files.remove_all(path);
}

std::string temporary_name(std::uint64_t step, const Lease& lease) {
  std::string writer = lease_text(lease);
  std::ranges::replace(writer, ' ', '-');
  return format(".{}.tmp-{}", step_name(step), writer);
}

Result<std::optional<Lease>> read_lease(FileSystem& files, const Path& folder) {
  const Path path = folder / kLeaseName;
  Result<std::string> text = files.read_file(path, kLeaseBytesMax);
  if (text.status().code() == ErrorCode::kNotFound) return std::optional<Lease>();
  if (!text.ok()) return text.status();
  std::optional<Lease> lease = parse_lease(*text);
  if (!lease) {
    return data_loss(
        format("read {}: expected the numbers of a job and its attempt, found '{}'; remove the "
               "file when no job writes to this folder",
               path.string(), *text));
  }
  return lease;
}

Status check_lease(FileSystem& files, const Path& folder, const Lease& mine) {
  TA_ASSIGN_OR_RETURN(const std::optional<Lease> holder, read_lease(files, folder));
  if (!holder || *holder == mine || outranks(mine, *holder)) return ok_status();
  return refused(folder, *holder, mine);
}

Result<Lease> take_lease(FileSystem& files, const Path& folder, const Lease& wanted) {
  TA_RETURN_IF_ERROR(make_folder(files, folder));
  TA_ASSIGN_OR_RETURN(const std::optional<Lease> holder, read_lease(files, folder));
  Lease taken = wanted;
  if (wanted.job == 0) {
    taken.attempt = holder && holder->job == 0 ? holder->attempt + 1 : 1;
  } else if (holder && outranks(*holder, wanted)) {
    return refused(folder, *holder, wanted);
  }
  TA_RETURN_IF_ERROR(files.write_durable(folder / kLeaseName, lease_text(taken) + "\n"));
  return taken;
}

}  // namespace tagalign::checkpoint
