#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/process.h"
#include "base/reserved_file.h"

namespace tagalign {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tagalign-files-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~FilesTest() override { std::filesystem::remove_all(folder_); }

  Path folder_;
  FileSystem& files_ = posix_file_system();
};

TEST_F(FilesTest, WriteDurable_ReplacesAndLeavesNoTemporary) {
  ASSERT_TRUE(files_.write_durable(folder_ / "a", "one").ok());
  ASSERT_TRUE(files_.write_durable(folder_ / "a", "two").ok());
  EXPECT_EQ(*files_.read_file(folder_ / "a", 100), "two");
  EXPECT_THAT(*files_.list_directory(folder_), ElementsAre("a"));
}

TEST_F(FilesTest, Reserve_IsFilledByWhatIsAppendedNext) {
  auto file = files_.create_file(folder_ / "a");
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->append(as_bytes(std::string("ab"))).ok());
  ASSERT_TRUE(reserve(**file, 4).ok());
  EXPECT_EQ(*files_.read_file(folder_ / "a", 100), std::string("ab\0\0\0\0", 6));
  ASSERT_TRUE((*file)->append(as_bytes(std::string("cd"))).ok());
  EXPECT_EQ(*files_.read_file(folder_ / "a", 100), std::string("abcd\0\0", 6));
  ASSERT_TRUE((*file)->append(as_bytes(std::string("efg"))).ok());
  ASSERT_TRUE((*file)->sync().ok());
  EXPECT_EQ(*files_.read_file(folder_ / "a", 100), "abcdefg");
}

/// In /tmp the bytes go past the page cache, in /dev/shm they cannot: the file is the same.
TEST_F(FilesTest, DirectFile_HoldsWhatWasAppended_AlignedOrNot) {
  alignas(kDirectAlignment) static char memory[3 * kDirectAlignment];
  for (std::size_t i = 0; i < sizeof memory; ++i) memory[i] = static_cast<char>(i % 251);
  const std::string_view all(memory, sizeof memory);
  const auto written = [&](const Path& path, const std::vector<std::string_view>& pieces) {
    const auto file = files_.create_direct_file(path).value();
    for (const std::string_view piece : pieces) EXPECT_TRUE(file->append(as_bytes(piece)).ok());
    EXPECT_TRUE(file->sync().ok());
    EXPECT_TRUE(file->close().ok());
    std::string text = files_.read_file(path, 1 << 20).value();
    EXPECT_TRUE(files_.remove_all(path).ok());
    return text;
  };
  const Path memory_disk = "/dev/shm/" + folder_.filename().string();
  for (const Path& path : {folder_ / "a", memory_disk}) {
    EXPECT_EQ(written(path, {all}), all);
    EXPECT_EQ(written(path, {all.substr(0, 8192), all.substr(8192, 100)}), all.substr(0, 8292));
    EXPECT_EQ(written(path, {all.substr(0, 5000), all.substr(0, 4096)}),
              std::string(all.substr(0, 5000)) + std::string(all.substr(0, 4096)));
    EXPECT_EQ(written(path, {all.substr(1, 4096), "", "x"}),
              std::string(all.substr(1, 4096)) + "x");
  }
}

TEST_F(FilesTest, ReadFile_TooLargeMissingOrFolder_NamesThePath) {
  ASSERT_TRUE(files_.write_durable(folder_ / "a", "12345").ok());
  EXPECT_EQ(files_.read_file(folder_ / "a", 4).status().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(files_.read_file(folder_ / "b", 4).status().code(), ErrorCode::kNotFound);
  EXPECT_THAT(files_.read_file(folder_ / "b", 4).status().message(),
              HasSubstr((folder_ / "b").string()));
  EXPECT_THAT(files_.read_file(folder_, 4).status().message(), HasSubstr("folder"));
}

TEST_F(FilesTest, ReadingWhatIsNoRegularFile_SaysAtOncePathExpectedAndFound) {
  const Path fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const Path socket = folder_ / "socket";
  ASSERT_EQ(::mknod(socket.c_str(), S_IFSOCK | 0600, 0), 0);
  std::byte target[1];
  for (const auto& [path, kind] : std::vector<std::pair<Path, std::string>>{
           {fifo, "FIFO"}, {socket, "socket"}, {folder_, "folder"}, {"/dev/zero", "device"}}) {
    for (const Status& status :
         {files_.read_file(path, 4).status(), files_.read_range(path, 0, target),
          files_.file_size(path).status()}) {
      EXPECT_EQ(status.code(), ErrorCode::kInvalidArgument) << status.to_string();
      EXPECT_THAT(status.message(), AllOf(HasSubstr(path.string()), HasSubstr(kind),
                                          HasSubstr("expected a regular file")));
    }
  }
}

TEST_F(FilesTest, ReadRange_BeyondTheEnd_IsDataLoss) {
  ASSERT_TRUE(files_.write_durable(folder_ / "a", "12345").ok());
  std::byte target[4];
  EXPECT_TRUE(files_.read_range(folder_ / "a", 1, target).ok());
  EXPECT_EQ(static_cast<char>(target[0]), '2');
  EXPECT_EQ(files_.read_range(folder_ / "a", 2, target).code(), ErrorCode::kDataLoss);
}

TEST_F(FilesTest, OpenFile_ReadsWhatWasThereWhenItWasOpened) {
  const Path path = folder_ / "a";
  ASSERT_TRUE(files_.write_durable(path, "12345").ok());
  const auto file = files_.open_file(path);
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  ASSERT_TRUE(files_.write_durable(path, "67890").ok());
  std::byte target[4];
  EXPECT_TRUE((*file)->read(1, target).ok());
  EXPECT_EQ(static_cast<char>(target[0]), '2');
  const Status beyond = (*file)->read(2, target);
  EXPECT_EQ(beyond.code(), ErrorCode::kDataLoss);
  EXPECT_THAT(beyond.message(), HasSubstr(path.string()));
  EXPECT_EQ(files_.open_file(folder_ / "none").status().code(), ErrorCode::kNotFound);
  EXPECT_EQ(files_.open_file(folder_).status().code(), ErrorCode::kInvalidArgument);
}

TEST_F(FilesTest, ModifiedMs_IsWhenTheFileWasWritten) {
  const auto before_ms = system_clock().unix_ms();
  ASSERT_TRUE(files_.write_durable(folder_ / "a", "1").ok());
  const auto written_ms = modified_ms(folder_ / "a");
  ASSERT_TRUE(written_ms.ok());
  EXPECT_NEAR(static_cast<double>(*written_ms), static_cast<double>(before_ms), 60'000);
  EXPECT_EQ(modified_ms(folder_ / "none").status().code(), ErrorCode::kNotFound);
}

TEST_F(FilesTest, PrivateFile_IsRefusedWhenOthersCanRead) {
  const Path key = folder_ / "server.secret";
  ASSERT_TRUE(write_private_file(key, "secret").ok());
  EXPECT_TRUE(check_private_file(key).ok());
  ::chmod(key.c_str(), 0640);
  EXPECT_EQ(check_private_file(key).code(), ErrorCode::kPermissionDenied);
  EXPECT_THAT(check_private_file(key).message(), HasSubstr("chmod 600"));
}

/// Field case disk-full-ends-job: which disk was full, and of what.
TEST_F(FilesTest, WriteToAFullDevice_SaysWhatIsFree) {
  const auto file = files_.create_file("/dev/full");
  ASSERT_TRUE(file.ok()) << file.status().to_string();
  const Status status = (*file)->append(as_bytes("x"));
  EXPECT_EQ(status.code(), ErrorCode::kNoSpace);
  EXPECT_TRUE(status.is_of_the_place());
  EXPECT_THAT(status.message(),
              HasSubstr("write /dev/full: No space left on device; the file system of /dev has "));
  EXPECT_THAT(status.message(), HasSubstr(" inodes free"));
}

TEST_F(FilesTest, RunCommand_CapturesOutputAndCode) {
  const auto result = run_command({"sh", "-c", "echo out; echo err >&2; exit 7"}, 20'000);
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  EXPECT_EQ(result->output, "out\nerr\n");
  EXPECT_EQ(result->exit.code, 7);
}

TEST_F(FilesTest, RunCommand_Endless_IsKilledAtItsDeadline) {
  EXPECT_EQ(run_command({"sleep", "1000"}, 100).status().code(), ErrorCode::kTimeout);
}

TEST_F(FilesTest, StartProcess_MissingProgramOrFolder_SaysSo) {
  EXPECT_EQ(start_process({.command = {"no-such-program-here"}}).status().code(),
            ErrorCode::kNotFound);
  const auto status =
      start_process({.command = {"true"}, .working_directory = folder_ / "none"}).status();
  EXPECT_EQ(status.code(), ErrorCode::kNotFound);
}

TEST(ProcessAge, AfterAWhile_HasGrownByIt) {
  const auto before = process_age_ms();
  ASSERT_TRUE(before.has_value());
  EXPECT_GE(*before, 0);
  system_clock().sleep_ms(30);
  EXPECT_GE(*process_age_ms(), *before + 20);
  EXPECT_LT(*process_age_ms(), 600'000);
}

TEST_F(FilesTest, StartProcess_OwnGroup_IsKilledAsAWhole) {
  const auto pid = start_process({.command = {"sh", "-c", "echo $VALUE; sleep 1000"},
                                  .environment = {{"VALUE", "seen"}},
                                  .stdout_file = folder_ / "out",
                                  .own_process_group = true});
  ASSERT_TRUE(pid.ok());
  EXPECT_TRUE(process_start_ticks(*pid).has_value());
  for (int i = 0; i < 200 && files_.file_size(folder_ / "out").value() == 0; ++i)
    system_clock().sleep_ms(50);
  EXPECT_EQ(*files_.read_file(folder_ / "out", 100), "seen\n");
  ASSERT_EQ(::kill(-*pid, SIGKILL), 0);
  siginfo_t ended = {};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(*pid), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(process_start_ticks(*pid).has_value())
      << "it has ended, though nobody waited for it";
  int status = 0;
  ASSERT_EQ(::waitpid(*pid, &status, 0), *pid);
  EXPECT_EQ(decode_exit_status(status).to_string(), "killed by signal 9 (SIGKILL)");
}

}  // namespace
}  // namespace tagalign
