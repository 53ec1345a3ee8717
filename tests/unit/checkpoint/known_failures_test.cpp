// What other checkpoint systems got wrong, each as a test by its name. Those that need a training
// loop stand beside the tests of that loop.
#include <atomic>
#include <future>

#include "checkpoint/keep.h"
#include "checkpoint/load.h"
#include "tests/support/forgetful/forgetful_file_system.h"
#include "tests/unit/checkpoint/save_load_fixture.h"

namespace tagalign::checkpoint {
namespace {

using testing_support::ForgetfulFileSystem;
using testing_support::ForgetfulMachine;
using testing_support::Tree;

Result<std::vector<std::string>> alone(const std::string& mine) {
  return std::vector{mine};
}

class KnownFailures : public SaveLoad {
 protected:
  static std::vector<std::byte> filled(std::size_t size, int value) {
    return std::vector<std::byte>(size, static_cast<std::byte>(value));
  }
  static TensorView view(const std::string& name, const std::vector<std::byte>& bytes) {
    return {name, DType::kU8, {static_cast<std::int64_t>(bytes.size())}, bytes};
  }
  static Manifest finish(Saver& saver) {
    const auto manifest = saver.finish(alone);
    TA_CHECK(manifest.ok(), manifest.status().message());
    return manifest->value();
  }
  static bool holds(const TensorMap& tensors, const std::string& name, int value) {
    const auto found = tensors.find(name);
    return found != tensors.end() && !found->second.bytes.empty() &&
           std::ranges::all_of(found->second.bytes.span(), [&](std::byte byte) {
             return byte == static_cast<std::byte>(value);
           });
  }
};

/// The optimiser makes its moments anew; a saver that kept what it was shown first
/// goes on saving those.
TEST_F(KnownFailures, MomentsInNewMemory_AreSavedAndNotTheOldOnes) {
  Saver saver(files(), {folder(), {}}, 0, 1);
  auto moments = std::make_unique<std::vector<std::byte>>(filled(700'000, 1));
  ASSERT_TRUE(saver.begin({view("moments", *moments)}, position_at(1)).ok());
  EXPECT_TRUE(holds(load(files(), finish(saver)).value(), "moments", 1));
  auto fresh = std::make_unique<std::vector<std::byte>>(filled(700'000, 2));
  moments.reset();
  ASSERT_TRUE(saver.begin({view("moments", *fresh)}, position_at(2)).ok());
  EXPECT_TRUE(holds(load(files(), finish(saver)).value(), "moments", 2));
}

/// A plan that is made once misses the parameters that begin to train later, and
/// keeps those that ended.
TEST_F(KnownFailures, TensorsThatComeAndGo_AreInThePlanOfTheirSave) {
  Saver saver(files(), {folder(), {}}, 0, 1);
  const auto first = filled(300'000, 1), late = filled(500'000, 2), small = filled(3, 3);
  ASSERT_TRUE(saver.begin({view("first", first)}, position_at(1)).ok());
  finish(saver);
  ASSERT_TRUE(saver.begin({view("first", first), view("late", late)}, position_at(2)).ok());
  const TensorMap both = load(files(), finish(saver)).value();
  EXPECT_TRUE(holds(both, "first", 1) && holds(both, "late", 2));
  ASSERT_TRUE(saver.begin({view("small", small)}, position_at(3)).ok());
  const TensorMap only = load(files(), finish(saver)).value();
  EXPECT_EQ(only.size(), 1U);
  EXPECT_TRUE(holds(only, "small", 3));
}

/// What is called the latest must not be called so before it would survive a power cut.
TEST_F(KnownFailures, Newest_IsNotSeenBeforeItIsDurable) {
  const Path runs = "/runs";
  ForgetfulMachine machine(Tree{{"/runs/", ""}});
  ForgetfulFileSystem disk(machine);
  const SampleTensors old_state(1), new_state(2);
  ASSERT_TRUE(save(disk, {0, 1, alone}, {runs, {}}, old_state.views(), position_at(1)).ok());
  int meetings = 0;
  const AllGather watching = [&](const std::string& mine) {
    const bool told = ++meetings == 2;
    for (const Tree& state : machine.after_power_cut()) {
      ForgetfulMachine found(state);
      ForgetfulFileSystem survivor(found);
      EXPECT_EQ(load_newest(survivor, runs)->manifest.position.step, told ? 2U : 1U);
    }
    return alone(mine);
  };
  ASSERT_TRUE(save(disk, {0, 1, watching}, {runs, {}}, new_state.views(), position_at(2)).ok());
  EXPECT_EQ(meetings, 2);
}

/// A disk that stands still must not stop the steps, nor may the saver meet anybody by itself: two
/// threads in one communicator wait for each other for ever.
TEST_F(KnownFailures, SlowDisk_DoesNotMeetTheSteps) {
  ForgetfulMachine machine(Tree{{"/runs/", ""}});
  std::promise<void> go;
  const std::shared_future<void> gone = go.get_future().share();
  std::atomic<int> foreign = 0;
  const auto steps = on_ranks(2, [&](const Coordination& seat) {
    const auto trainer = std::this_thread::get_id();
    const AllGather gather = [&](const std::string& mine) {
      if (std::this_thread::get_id() != trainer) ++foreign;
      return seat.all_gather(mine);
    };
    const int rank = seat.rank;
    ForgetfulFileSystem disk(machine, [rank, gone] {
      if (rank == 1) gone.wait();
    });
    Saver saver(disk, {"/runs", {}}, rank, 2);
    const SampleTensors sample(1);
    EXPECT_TRUE(saver.begin(sample.views(), position_at(1)).ok());
    int step = 0;
    bool saved = false;
    while (!saved) {
      if (++step == 50 && rank == 1) go.set_value();
      const auto votes = gather(saver.ready() ? "ready" : "").value();
      if (votes != std::vector<std::string>{"ready", "ready"}) continue;
      const auto met = saver.meet(gather);
      if (!met.ok()) return -1;
      saved = met->has_value();
    }
    return step;
  });
  EXPECT_GE(steps[0], 50) << "steps went on while rank 1's disk stood still";
  EXPECT_EQ(steps[0], steps[1]);
  EXPECT_EQ(foreign, 0);
}

/// The optimiser writes into the tensors while their copy waits for the disk.
TEST_F(KnownFailures, TensorsChangedInPlace_WhileBeingSaved_AreSavedAsTheyWere) {
  ForgetfulMachine machine(Tree{{"/runs/", ""}});
  std::promise<void> go;
  const std::shared_future<void> gone = go.get_future().share();
  ForgetfulFileSystem disk(machine, [gone] { gone.wait(); });
  Saver saver(disk, {"/runs", {}}, 0, 1);
  auto weights = filled(900'000, 1);
  ASSERT_TRUE(saver.begin({view("weights", weights)}, position_at(1)).ok());
  saver.settle();
  std::ranges::fill(weights, std::byte{2});
  go.set_value();
  EXPECT_TRUE(holds(load(disk, finish(saver)).value(), "weights", 1));
}

/// A whole checkpoint under a name that was never published, and names that only
/// look like a step's.
TEST_F(KnownFailures, LeftoverFolders_AreNoCheckpoints) {
  const SampleTensors state(1);
  const Manifest good = save_ok(2, state, position_at(1));
  for (const char* name :
       {".step-00000009.tmp-1-1-c0-1", "step-00000009.tmp", "step-9", "step-00000008"}) {
    std::filesystem::copy(good.folder, folder() / name);
  }
  ASSERT_TRUE(files().remove_all(folder() / "step-00000008/manifest.json").ok());
  overwrite(folder() / "step-00000010", "a file");
  const auto newest = load_newest(files(), folder());
  ASSERT_TRUE(newest.ok() && newest->found);
  EXPECT_EQ(newest->manifest.position.step, 1U);
  EXPECT_TRUE(state.equals(newest->tensors));
  const auto listed = list(files(), folder());
  ASSERT_TRUE(listed.ok());
  EXPECT_EQ(listed->size(), 1U);
}

/// More ranks than elements: some shards hold no tensor, some ranks have an empty part.
TEST_F(KnownFailures, MoreRanksThanElements_SaveAndLoad) {
  const auto three = filled(3, 7);
  const auto manifests = on_ranks(8, [&](const Coordination& seat) {
    const std::size_t begin = 3U * static_cast<std::size_t>(seat.rank) / 8;
    const std::size_t end = 3U * static_cast<std::size_t>(seat.rank + 1) / 8;
    TensorView part{"part", DType::kU8, {3}, ByteSpan(three).subspan(begin, end - begin), begin};
    return save(files(), seat, {folder(), {}}, {view("copied", three), part}, position_at(1));
  });
  ASSERT_TRUE(manifests[0].ok()) << manifests[0].status().to_string();
  EXPECT_EQ(names_in(manifests[0]->folder).size(), 9U);
  const auto tensors = load(files(), *manifests[0]);
  ASSERT_TRUE(tensors.ok()) << tensors.status().to_string();
  EXPECT_TRUE(holds(*tensors, "copied", 7) && holds(*tensors, "part", 7));
}

/// An evaluation reads an old checkpoint while the training clears up behind itself.
TEST_F(KnownFailures, CheckpointInUse_OutlivesTheCleaning) {
  const Manifest used = save_ok(2, SampleTensors(1), position_at(1));
  ASSERT_TRUE(pin(files(), used.folder, "evaluation-7").ok());
  for (const std::uint64_t step : {2, 3}) save_ok(2, SampleTensors(step), position_at(step));
  ASSERT_TRUE(retain(files(), folder(), {.last = 1}).ok());
  EXPECT_TRUE(SampleTensors(1).equals(load(files(), used).value()));
  EXPECT_FALSE(files().exists(folder() / "step-00000002"));
  ASSERT_TRUE(unpin(files(), used.folder, "evaluation-7").ok());
  ASSERT_TRUE(retain(files(), folder(), {.last = 1}).ok());
  EXPECT_FALSE(files().exists(used.folder));
  EXPECT_EQ(load_newest(files(), folder())->manifest.position.step, 3U);
}

}  // namespace
}  // namespace tagalign::checkpoint
