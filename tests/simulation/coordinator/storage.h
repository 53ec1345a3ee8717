/// The coordinator's store as the simulation breaks it: the real SQLite store in a folder of its
/// own, or the MemoryStore, which costs less.
///
/// Owns     the folder until destroyed; it lies in memory where the machine has such a file system.
/// Order    between open() and close() a coordinator's process uses it. What close() leaves is what
///          a process leaves that ended in good order, or one that was killed: the journal of the
///          database is then not merged into it.
/// Failure  appends can fail as on a full disk, before SQLite is asked or by SQLite's own limit;
///          reads can find the database busy; a snapshot can fail alone.
/// Threads  one.
#pragma once

#include <memory>

#include "tests/simulation/world.h"
#include "tests/support/memory_store.h"

namespace tagalign::simulation {

class Storage final : public store::Store {
 public:
  Storage(World& world, bool sqlite);
  ~Storage() override;
  Storage(const Storage&) = delete;

  Status open();
  void close();

  Status append(std::span<const core::Fact> facts) override;
  Status replay(std::uint64_t after, const Visitor& visit) override;
  Status save_snapshot(const core::State& state) override;
  Result<store::Snapshot> newest_snapshot() override;
  Result<std::optional<wire::EvaluationResult>> result(const std::string& key) override {
    return store().result(key);
  }
  std::uint64_t fact_count() const override { return open_->fact_count(); }

  /// The next `appends` find the disk full, and as many reads as `reads` the database busy.
  void fail(int appends, int reads);
  /// False after an append that failed, until one succeeds: the coordinator may then hold
  /// facts that are not here.
  bool in_step() const { return in_step_; }
  /// The database may hardly grow until it is opened again.
  bool limited() const { return limited_; }

 private:
  store::Store& store() { return *open_; }
  Path state_folder() const;
  void leave_as_killed();

  World& world_;
  const bool sqlite_;
  store::MemoryStore memory_;
  Path folder_;     ///< holds the state folders, one after the other
  int killed_ = 0;  ///< processes that left a state folder to a copy of it
  std::unique_ptr<store::Store> database_;
  store::Store* open_ = &memory_;
  int appends_to_fail_ = 0;
  int reads_to_fail_ = 0;
  bool limited_ = false;
  bool in_step_ = true;
};

}  // namespace tagalign::simulation
