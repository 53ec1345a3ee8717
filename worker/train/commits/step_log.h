/// What came out of each step, written down beside the checkpoints in FOLDER/steps.log
/// (checkpoint/format.md): a run that is resumed repeats the steps behind its checkpoint and sees
/// whether they come out the same.
///
/// Lines are written at once and never synced: a process that is killed loses none, a machine that
/// falls the last ones. A log that cannot be written costs a warning, not the run.
///
/// Threads  that of the training loop, on the first rank.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/status.h"

namespace tagalign::jobs {

struct StepRecord {
  std::uint64_t step = 0;     ///< done with it
  std::uint64_t samples = 0;  ///< where the next batch begins
  std::uint64_t losses = 0;   ///< sum of all ranks' loss_print()
  double gradient_norm = 0;
  double learning_rate = 0;
};

/// What one rank adds to StepRecord::losses: a mark of its number and the bits of its loss.
std::uint64_t loss_print(int rank, double loss);

class StepLog {
 public:
  /// So many steps are kept, and at most twice as many.
  static constexpr std::size_t kKept = 10'000;

  /// `terms`: all that must be equal for two steps to be comparable, in words on one line. Borrows
  /// `files` for as long as it lives.
  StepLog(FileSystem& files, const Path& folder, std::string terms);
  ~StepLog();

  /// The run goes on behind `step`. Later steps that are in the file under equal terms are what it
  /// will repeat; those of other terms are forgotten.
  void open(std::uint64_t step);
  /// Writes the step down. Not empty once at most: in which step the run left the way that it
  /// went before, with both values; from there on nothing is compared any more.
  std::string add(const StepRecord& record);
  /// The run goes back behind `step` and on with other data.
  void rewind(std::uint64_t step);

 private:
  void read();
  void rewrite();
  void append(std::string_view text);
  void warn(const Status& status);
  void forget_behind(std::uint64_t step);

  FileSystem& files_;
  const Path path_;
  const std::string terms_;
  const std::string mark_;                       ///< of the terms, in each line
  std::map<std::uint64_t, std::string> lines_;   ///< by step; the newest of each
  std::map<std::uint64_t, std::string> repeat_;  ///< of them, what is compared with
  std::unique_ptr<WritableFile> file_;           ///< absent where it cannot be written
  std::size_t appended_ = 0;                     ///< since it was rewritten
};

}  // namespace tagalign::jobs
