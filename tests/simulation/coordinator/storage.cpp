#include "tests/simulation/coordinator/storage.h"

#include <cstdlib>
#include <filesystem>

#include "base/format.h"

namespace tagalign::simulation {
namespace {

constexpr const char* kDatabase = "coordinator.sqlite";

/// Flushes cost nothing in memory, and a simulated power cut does not reach it.
Path make_folder() {
  const Path memory = "/dev/shm";
  std::error_code error;
  const bool usable = std::filesystem::is_directory(memory, error);
  const Path base = usable ? memory : std::filesystem::temp_directory_path();
  std::string name = (base / "tagalign-simulation-XXXXXX").string();
  TA_CHECK(::mkdtemp(name.data()) != nullptr, "cannot make " + name);
  return name;
}

}  // namespace

Storage::Storage(World& world, bool sqlite) : world_(world), sqlite_(sqlite) {
  if (sqlite_) folder_ = make_folder();
}

Storage::~Storage() {
  database_.reset();
  std::error_code ignored;
  if (sqlite_) std::filesystem::remove_all(folder_, ignored);
}

Path Storage::state_folder() const {
  return folder_ / format("state-{}", killed_);
}

Status Storage::open() {
  fail(0, 0);
  in_step_ = true;
  if (!sqlite_) return ok_status();
  store::StoreOptions options;
  std::error_code absent;
  const auto bytes = std::filesystem::file_size(state_folder() / kDatabase, absent);
  limited_ = !absent && world_.strikes(world_.weather.small_store, "small store");
  if (limited_)
    options.bytes_max = bytes + (static_cast<std::uint64_t>(world_.between(0, 4)) << 12);
  TA_ASSIGN_OR_RETURN(database_, store::open_store(state_folder(), options));
  open_ = database_.get();
  return ok_status();
}

void Storage::close() {
  if (sqlite_ && world_.random.chance(0.5)) leave_as_killed();
  database_.reset();
  limited_ = false;
}

/// Closing the database merges its journal, so that the copy is made before; the index of the
/// journal is left out, as if the memory that it lies in were lost.
void Storage::leave_as_killed() {
  const Path from = state_folder();
  ++killed_;
  std::filesystem::create_directory(state_folder());
  for (const std::string name :
       {kDatabase, "coordinator.sqlite-wal", "archive.sqlite", "archive.sqlite-wal"}) {
    if (std::filesystem::exists(from / name))
      std::filesystem::copy_file(from / name, state_folder() / name);
  }
  database_.reset();
  std::filesystem::remove_all(from);
  ++world_.misfortunes["database not closed"];
}

void Storage::fail(int appends, int reads) {
  appends_to_fail_ = appends;
  reads_to_fail_ = reads;
}

Status Storage::append(std::span<const core::Fact> facts) {
  in_step_ = false;
  const bool struck = ++world_.commits == world_.crash_point.commit;
  if (struck) world_.killed = true;
  if (struck && world_.crash_point.before) return no_space("append facts: killed (injected)");
  if (appends_to_fail_ > 0) {
    --appends_to_fail_;
    ++world_.store_failures;
    return no_space("append facts: the disk is full (injected)");
  }
  const Status appended = store().append(facts);
  if (appended.code() == ErrorCode::kNoSpace) ++world_.misfortunes["database full"];
  in_step_ = appended.ok();
  if (!appended.ok()) ++world_.store_failures;
  return appended;
}

Status Storage::replay(std::uint64_t after, const Visitor& visit) {
  return store().replay(after, visit);
}

Status Storage::save_snapshot(const core::State& state) {
  if (world_.strikes(world_.weather.snapshot_error, "snapshot failed"))
    return no_space("save a snapshot: the disk is full (injected)");
  const Status saved = store().save_snapshot(state);
  if (saved.ok()) ++world_.misfortunes["snapshot saved"];
  return saved;
}

Result<store::Snapshot> Storage::newest_snapshot() {
  if (reads_to_fail_ > 0) {
    --reads_to_fail_;
    ++world_.misfortunes["database busy"];
    return unavailable("read facts: another program holds the database (injected)");
  }
  return store().newest_snapshot();
}

}  // namespace tagalign::simulation
