// Promise 2 of the design, walked: every change that a save or a removal asks of the disk, times
// every misfortune, times every state in which the disk may be found afterwards (disk.h says
// which). What is loaded is the old checkpoint or the new one to the bit, and the new one where the
// save had said ok; from a disk that lied about a sync it is anything that was saved, or nothing.
// Two ranks take turns at the disk, in both orders, so that change number k is always the same.
#include <cstdio>

#include "checkpoint/keep.h"
#include "checkpoint/load.h"
#include "tests/support/forgetful/forgetful_file_system.h"
#include "tests/unit/checkpoint/save_load_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing_support::ForgetfulFileSystem;
using testing_support::ForgetfulMachine;
using testing_support::Misfortune;
using testing_support::Tree;

const Path kFolder = "/runs/checkpoints";
constexpr Misfortune kAll[] = {Misfortune::kPowerCut,        Misfortune::kErrorOnce,
                               Misfortune::kErrorThoughDone, Misfortune::kErrorsForEver,
                               Misfortune::kDiskFull,        Misfortune::kSyncThatLies};

/// Between two meetings one rank does all of its work before the other begins.
class Turns {
 public:
  explicit Turns(int first) : first_(first) {}
  void wait(int rank) {
    std::unique_lock lock(mutex_);
    if (rank == first_) return;
    changed_.wait(lock, [&] { return left_ || meetings_[first_] > meetings_[rank]; });
  }
  void meet(int rank) {
    const std::lock_guard lock(mutex_);
    ++meetings_[rank];
    changed_.notify_all();
  }
  void leave(int rank) {
    const std::lock_guard lock(mutex_);
    left_ = left_ || rank == first_;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  const int first_;
  int meetings_[2] = {};
  bool left_ = false;  ///< the first rank has done all that it will do
};

/// A save of `step` by two ranks; true when any of them said that it is done.
bool save_by_two(ForgetfulMachine& machine, std::uint64_t step, int first, bool scheduled = true) {
  const SampleTensors sample(step);
  RunPosition position = position_at(step);
  position.scheduled = scheduled;
  Turns turns(first);
  const auto results = on_ranks(2, [&](const Coordination& seat) {
    const int rank = seat.rank;
    ForgetfulFileSystem files(machine, [&turns, rank] { turns.wait(rank); });
    const AllGather gather = [&](const std::string& mine) {
      turns.meet(rank);
      return seat.all_gather(mine);
    };
    auto result = save(files, {rank, 2, gather}, {kFolder, {}}, sample.views(), position);
    turns.leave(rank);
    return result;
  });
  return results[0].ok() || results[1].ok();
}

struct Scenario {
  Tree before;
  std::uint64_t old_step = 0;  ///< that is loaded from `before`; 0: none
  std::uint64_t new_step = 0;
  /// Which rank is `first` at the disk; true when it said that it is done.
  std::function<bool(ForgetfulMachine&, int first)> act;
};

/// What was walked, for the person who reads the log.
struct Walk {
  std::uint64_t points = 0, states = 0;
  std::uint64_t olds = 0, news = 0;  ///< of the states that differ
};

class Durability : public testing::Test {
 protected:
  /// Checkpoints of these steps, on a disk that did nothing wrong.
  static Tree with_steps(const std::vector<std::uint64_t>& steps) {
    ForgetfulMachine machine(Tree{{"/runs/", ""}});
    for (const std::uint64_t step : steps) EXPECT_TRUE(save_by_two(machine, step, 0));
    return machine.visible();
  }

  void walk(const Scenario& scenario) {
    for (const int first : {0, 1}) {
      ForgetfulMachine undisturbed(scenario.before);
      ASSERT_TRUE(scenario.act(undisturbed, first));
      const std::uint64_t changes = undisturbed.changes();
      ASSERT_GT(changes, 2U);
      for (const Misfortune misfortune : kAll) {
        for (std::uint64_t at = 0; at < changes && !HasFailure(); ++at)
          strike(scenario, first, misfortune, at);
      }
    }
    EXPECT_GT(walked_.news, 0U);
    std::printf(
        "%s: %llu points, %llu states of the disk; of different ones %llu give the old, %llu the "
        "new\n",
        testing::UnitTest::GetInstance()->current_test_info()->name(),
        static_cast<unsigned long long>(walked_.points),
        static_cast<unsigned long long>(walked_.states),
        static_cast<unsigned long long>(walked_.olds),
        static_cast<unsigned long long>(walked_.news));
  }

  bool old_is_damaged_ = false;  ///< so that it may be seen, and skipped

  void strike(const Scenario& scenario, int first, Misfortune misfortune, std::uint64_t at) {
    ForgetfulMachine machine(scenario.before);
    machine.strike(misfortune, at);
    const bool said_ok = scenario.act(machine, first);
    std::set<Tree> states = machine.after_power_cut();
    states.insert(machine.visible());
    ++walked_.points;
    for (const Tree& state : states) {
      ++walked_.states;
      SCOPED_TRACE(testing::Message()
                   << "rank " << first << " first, misfortune " << static_cast<int>(misfortune)
                   << " at change " << at << (said_ok ? ", said ok" : ", said no"));
      const bool honest = misfortune != Misfortune::kSyncThatLies;
      if (judged_.emplace(state, honest, said_ok).second) judge(scenario, state, honest, said_ok);
      if (HasFailure()) FAIL() << "on this disk:" << names_of(state);
    }
  }

  void judge(const Scenario& scenario, const Tree& state, bool honest, bool said_ok) {
    ForgetfulMachine machine(state);
    ForgetfulFileSystem files(machine);
    const auto newest = load_newest(files, kFolder, {.parts = {}, .threads = 1});
    ASSERT_TRUE(newest.ok()) << newest.status().to_string();
    const std::uint64_t step = newest->found ? newest->manifest.position.step : 0;
    const bool is_new = step == scenario.new_step;
    ++(is_new ? walked_.news : walked_.olds);
    EXPECT_TRUE(!newest->found || SampleTensors(step).equals(newest->tensors)) << "step " << step;
    if (!honest) return;
    EXPECT_TRUE(is_new || step == scenario.old_step) << "step " << step;
    EXPECT_TRUE(is_new || !said_ok) << "what had been committed is lost";
    if (!old_is_damaged_ && !newest->skipped.empty())
      ADD_FAILURE() << "seen and damaged: " << newest->skipped[0].reason.to_string();
    go_on(machine);
  }

  static std::string names_of(const Tree& state) {
    std::string names;
    for (const auto& [name, bytes] : state)
      names += "\n  " + name + " " + std::to_string(bytes.size());
    return names;
  }

 private:
  /// The job that is started again saves as if nothing had happened.
  static void go_on(ForgetfulMachine& machine) {
    ForgetfulFileSystem files(machine);
    const Coordination alone{0, 1, [](const std::string& mine) -> Result<std::vector<std::string>> {
                               return std::vector{mine};
                             }};
    const auto saved = save(files, alone, {kFolder, {}}, SampleTensors(9).views(), position_at(9));
    ASSERT_TRUE(saved.ok()) << saved.status().to_string();
    EXPECT_TRUE(SampleTensors(9).equals(load(files, *saved, {.parts = {}, .threads = 1}).value()));
  }

  Walk walked_;
  std::set<std::tuple<Tree, bool, bool>> judged_;  ///< many points leave the same disk
};

TEST_F(Durability, FirstSave_LeavesNothingOrTheNewCheckpoint) {
  walk({.before = {{"/runs/", ""}},
        .old_step = 0,
        .new_step = 1,
        .act = [](auto& machine, int first) { return save_by_two(machine, 1, first); }});
}

/// kill -9 leaves names that are seen and not durable. Who is started again sees a checkpoint and
/// may be told that it is saved: from then on that must be true.
TEST_F(Durability, KilledAndSavedAgain_IsDurableFromThen) {
  for (const Tree& before : {Tree{{"/runs/", ""}}, with_steps({1})}) {
    ForgetfulMachine undisturbed(before);
    ASSERT_TRUE(save_by_two(undisturbed, 2, 0));
    const std::uint64_t changes = undisturbed.changes();
    for (std::uint64_t at = 0; at < changes && !HasFailure(); ++at) {
      SCOPED_TRACE(testing::Message() << "killed at change " << at);
      ForgetfulMachine machine(before);
      machine.strike(Misfortune::kPowerCut, at);
      save_by_two(machine, 2, 0);
      machine.strike(Misfortune::kNone, 0);  // the machine itself had not gone off
      ASSERT_TRUE(save_by_two(machine, 2, 0));
      for (const Tree& state : machine.after_power_cut()) {
        judge({.before = before, .old_step = 2, .new_step = 2, .act = {}}, state, true, true);
        if (HasFailure()) FAIL() << "on this disk:" << names_of(state);
      }
    }
  }
}

TEST_F(Durability, SaveBesideAnEarlierStep_LeavesTheOldOrTheNewCheckpoint) {
  walk({.before = with_steps({1}),
        .old_step = 1,
        .new_step = 2,
        .act = [](auto& machine, int first) { return save_by_two(machine, 2, first); }});
}

/// The manifest is replaced, because the same state was saved as an unscheduled one before.
TEST_F(Durability, ScheduledSaveOverAnUnscheduledOne_LeavesAWholeCheckpoint) {
  ForgetfulMachine machine(with_steps({1}));
  ASSERT_TRUE(save_by_two(machine, 2, 0, false));
  walk({.before = machine.visible(),
        .old_step = 2,
        .new_step = 2,
        .act = [](auto& struck, int first) { return save_by_two(struck, 2, first); }});
}

/// Step 2 is there and damaged: it is set aside, and the new one takes its place.
TEST_F(Durability, SaveOverADamagedCheckpoint_LeavesTheOldOrTheNewCheckpoint) {
  Tree before = with_steps({1, 2});
  before.at(kFolder / "step-00000002/rank-00001-of-00002.safetensors").back() ^= 1;
  ForgetfulMachine machine(before);
  ForgetfulFileSystem files(machine);
  ASSERT_EQ(load_newest(files, kFolder)->manifest.position.step, 1U);
  old_is_damaged_ = true;
  walk({.before = before, .old_step = 1, .new_step = 2, .act = [](auto& struck, int first) {
          return save_by_two(struck, 2, first);
        }});
}

/// Rank 0 alone removes; the newest is never touched and nothing that is half removed is seen.
TEST_F(Durability, Removal_LeavesTheNewestAndNothingThatLooksDamaged) {
  walk({.before = with_steps({1, 2, 3}),
        .old_step = 3,
        .new_step = 3,
        .act = [](auto& machine, int) {
          ForgetfulFileSystem files(machine);
          return retain(files, kFolder, {.last = 1}).ok();
        }});
}

TEST_F(Durability, SaveThenRemoval_NeverLeaveLessThanTheOldCheckpoint) {
  walk({.before = with_steps({1}),
        .old_step = 1,
        .new_step = 2,
        .act = [](auto& machine, int first) {
          ForgetfulFileSystem files(machine);
          return save_by_two(machine, 2, first) && retain(files, kFolder, {.last = 1}).ok();
        }});
}

}  // namespace
}  // namespace tagalign::checkpoint
