/// Files that were cut, in which bits were flipped or blocks zeroed: what remains is whole, or is
/// refused with the way out; after that way a coordinator starts from a state that was once true.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <random>

#include "base/format.h"
#include "coordinator/store/history.h"
#include "coordinator/store/repair.h"
#include "tests/unit/store/sample_facts.h"
#include "tests/unit/store/store_fixture.h"

namespace tagalign::store {
namespace {

using testing::HasSubstr;

constexpr std::size_t kPageBytes = 4096;

std::string read_bytes(const Path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_bytes(const Path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class DamageTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    make_history();
  }

  /// The samples, and hundreds of facts with two snapshots behind them; every state that was true.
  void make_history() {
    std::vector<core::Fact> facts = sample_facts();
    for (int i = 0; i < 400; ++i) {
      core::WorkflowTaken taken = sample_order();
      taken.workflow = {static_cast<std::uint64_t>(10 + i)};
      taken.token = format("t{}", i);
      taken.jobs = {
          {{static_cast<std::uint64_t>(100 + i)},
           taken.workflow,
           {.name = "j", .kind = "train", .config_yaml = std::string(i % 7 == 0 ? 9000 : 200, 'y')},
           {},
           {},
           {}}};
      taken.templates.clear();
      facts.push_back({60 + i, taken});
    }
    auto store = open();
    states_.push_back(core::dump(state_));
    for (std::size_t i = 0; i < facts.size(); ++i) {
      append(*store, facts[i]);
      if (i % 150 != 149) continue;
      ASSERT_TRUE(store->save_snapshot(state_).ok());
    }
    store.reset();
    whole_ = read_bytes(folder_ / "coordinator.sqlite");
    archive_ = read_bytes(folder_ / "archive.sqlite");
  }

  void append(Store& store, const core::Fact& fact) {
    core::evolve(state_, fact);
    states_.push_back(core::dump(state_));
    ASSERT_TRUE(store.append({&fact, 1}).ok());
  }

  /// A folder that holds these files and no others.
  void lay_out(const std::string& live, const std::string& journal = {}) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    write_bytes(folder_ / "coordinator.sqlite", live);
    write_bytes(folder_ / "archive.sqlite", archive_);
    if (!journal.empty()) write_bytes(folder_ / "coordinator.sqlite-wal", journal);
  }

  /// The number of the state, among those that were true; -1 for any other.
  int state_number(const core::State& state) {
    const auto found = std::ranges::find(states_, core::dump(state));
    return found == states_.end() ? -1 : static_cast<int>(found - states_.begin());
  }

  Result<core::State> start() {
    TA_ASSIGN_OR_RETURN(const auto store, open_store(folder_));
    TA_ASSIGN_OR_RETURN(Snapshot loaded, load_state(*store));
    TA_RETURN_IF_ERROR(store->append(std::vector<core::Fact>{}));
    return std::move(loaded.state);
  }

  /// Whole, or refused and then repaired. Counts which.
  void expect_whole_or_way_out(const std::string& what) {
    const auto started = start();
    if (started.ok()) {
      ++whole_starts_;
      EXPECT_EQ(core::dump(*started), states_.back()) << what << ": facts are missing";
      return;
    }
    ++refused_;
    EXPECT_EQ(started.status().code(), ErrorCode::kDataLoss)
        << what << started.status().to_string();
    EXPECT_THAT(started.status().message(), HasSubstr("tagalign coordinator repair")) << what;
    expect_repaired(what);
  }

  void expect_repaired(const std::string& what) {
    const auto repaired = repair_store(folder_, 77);
    ASSERT_TRUE(repaired.ok()) << what << ": " << repaired.status().to_string();
    EXPECT_TRUE(repaired->repaired) << what;
    EXPECT_TRUE(std::filesystem::exists(folder_ / "damaged-77/coordinator.sqlite")) << what;
    const auto again = start();
    ASSERT_TRUE(again.ok()) << what << ": " << again.status().to_string();
    const int number = state_number(*again);
    EXPECT_GE(number, 0) << what << ": a state that was never true";
    kept_ += static_cast<std::size_t>(std::max(number, 0));
    ++repaired_;
    const auto second = repair_store(folder_, 78);
    EXPECT_TRUE(second.ok() && !second->repaired) << what << ": it is whole now";
    const auto read =
        read_history(folder_, [](std::uint64_t, const core::Fact&) { return ok_status(); });
    EXPECT_TRUE(read.ok()) << what << ": " << read.status().to_string();
  }

  void print(const char* what) {
    std::cout << what << ": " << whole_starts_ << " whole, " << refused_ << " refused; of "
              << states_.size() - 1 << " facts " << (repaired_ == 0 ? 0 : kept_ / repaired_)
              << " kept on average\n";
  }

  std::vector<std::string> states_;
  core::State state_;
  std::string whole_, archive_;
  std::size_t whole_starts_ = 0, refused_ = 0, repaired_ = 0, kept_ = 0;
};

TEST_F(DamageTest, CutAtEveryPage_IsRefusedWithTheWayOut) {
  ASSERT_GT(whole_.size(), 50 * kPageBytes);
  for (std::size_t size = 0; size < whole_.size(); size += kPageBytes) {
    lay_out(whole_.substr(0, size));
    expect_whole_or_way_out(format("cut to {} bytes", size));
  }
  print("cut at a page");
  EXPECT_GT(refused_, 0u);
}

TEST_F(DamageTest, FlippedBits_AreHarmlessOrRefused) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string bytes = whole_;
    const std::size_t at = random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    lay_out(bytes);
    expect_whole_or_way_out(format("bit flipped in byte {}", at));
  }
  print("a bit flipped");
  EXPECT_GT(refused_, 0u);
}

TEST_F(DamageTest, ZeroedBlocks_AreHarmlessOrRefused) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 100; ++round) {
    std::string bytes = whole_;
    const std::size_t blocks = 1 + random() % 8;
    const std::size_t at = random() % (bytes.size() / 512) * 512;
    for (std::size_t i = at; i < std::min(bytes.size(), at + blocks * 512); ++i) bytes[i] = 0;
    lay_out(bytes);
    expect_whole_or_way_out(format("{} blocks zeroed at {}", blocks, at));
  }
  print("blocks zeroed");
  EXPECT_GT(refused_, 0u);
}

TEST_F(DamageTest, JournalDamagedInside_IsRefusedAndItsRowsAreKept) {
  auto store = open();
  for (int i = 0; i < 60; ++i) append(*store, {600 + i, core::PoolChanged{"local", {i, 2}}});
  const std::string journal = read_bytes(folder_ / "coordinator.sqlite-wal");
  const std::string live = read_bytes(folder_ / "coordinator.sqlite");
  store.reset();
  ASSERT_GT(journal.size(), 60 * kPageBytes);
  lay_out(live, journal);
  ASSERT_TRUE(start().ok()) << "whole as it is";
  std::mt19937_64 random(3);
  for (int round = 0; round < 40; ++round) {
    std::string bytes = journal;
    const std::size_t at = random() % (bytes.size() / 2);
    bytes[at] = static_cast<char>(bytes[at] ^ 4);
    lay_out(live, bytes);
    expect_whole_or_way_out(format("bit of the journal flipped in byte {}", at));
  }
  print("a bit of the journal flipped");
  EXPECT_GT(refused_, 20u);
}

TEST_F(DamageTest, DatabaseThatIsGone_IsNotReplacedByAnEmptyOne) {
  std::filesystem::remove(folder_ / "coordinator.sqlite");
  const auto started = start();
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.status().message(), HasSubstr("empty or missing"));
}

TEST_F(DamageTest, DamagedArchive_KeepsTheLiveStateAndWhatVerifies) {
  archive_.replace(kPageBytes, kPageBytes, kPageBytes, '\0');
  lay_out(whole_);
  const auto repaired = repair_store(folder_, 77);
  ASSERT_TRUE(repaired.ok()) << repaired.status().to_string();
  EXPECT_TRUE(repaired->repaired);
  const auto started = start();
  ASSERT_TRUE(started.ok()) << started.status().to_string();
  EXPECT_EQ(core::dump(*started), states_.back());
}

TEST_F(DamageTest, NothingThatVerifies_IsLeftAsItIs) {
  archive_.assign(archive_.size(), 'x');
  lay_out(std::string(whole_.size(), 'x'));
  const auto repaired = repair_store(folder_, 77);
  ASSERT_FALSE(repaired.ok());
  EXPECT_THAT(repaired.status().message(), HasSubstr("move coordinator.sqlite"));
  EXPECT_EQ(read_bytes(folder_ / "coordinator.sqlite"), std::string(whole_.size(), 'x'));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "damaged-77"));
}

TEST_F(DamageTest, RepairCutShort_IsEndedByTheNextStart) {
  lay_out(whole_.substr(0, whole_.size() / 2), "a journal of the damaged file");
  write_bytes(folder_ / "coordinator.sqlite.repaired", whole_);
  write_bytes(folder_ / "archive.sqlite.repairing", "half made");
  const auto started = start();
  ASSERT_TRUE(started.ok()) << started.status().to_string();
  EXPECT_EQ(core::dump(*started), states_.back());
  EXPECT_FALSE(std::filesystem::exists(folder_ / "coordinator.sqlite.repaired"));
}

TEST_F(DamageTest, WholeStore_IsNotTouched) {
  const auto repaired = repair_store(folder_, 77);
  ASSERT_TRUE(repaired.ok()) << repaired.status().to_string();
  EXPECT_FALSE(repaired->repaired);
  EXPECT_EQ(read_bytes(folder_ / "coordinator.sqlite"), whole_);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "repair-work"));
}

TEST_F(DamageTest, StoreInUse_IsNotRepaired) {
  auto store = open();
  EXPECT_EQ(repair_store(folder_, 77).status().code(), ErrorCode::kAlreadyExists);
}

TEST_F(DamageTest, DroppedFacts_AreNamed) {
  sql("UPDATE facts SET payload = zeroblob(length(payload)) WHERE sequence = "
      "(SELECT max(sequence) - 2 FROM facts)");
  const auto repaired = repair_store(folder_, 77);
  ASSERT_TRUE(repaired.ok()) << repaired.status().to_string();
  const std::size_t last = states_.size() - 1;
  EXPECT_THAT(repaired->lines,
              testing::Contains(HasSubstr(format("dropped: facts {} to {}", last - 2, last - 2))));
  EXPECT_THAT(repaired->lines,
              testing::Contains(HasSubstr(format("dropped: fact {}, workflow-taken", last))));
  EXPECT_THAT(repaired->lines, testing::Contains(HasSubstr("damaged-77")));
}

}  // namespace
}  // namespace tagalign::store
