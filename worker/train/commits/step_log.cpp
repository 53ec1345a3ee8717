#include "worker/train/commits/step_log.h"

#include <bit>
#include <charconv>
#include <sstream>
#include <utility>

#include "base/checksum.h"
#include "base/format.h"
#include "base/log.h"

namespace tagalign::jobs {
namespace {

constexpr std::string_view kHead = "# tagalign steps 1\n";
constexpr std::uint64_t kBytesMax = 64 << 20;  // far more than is ever written

/// The columns of a line; their order is the file's.
struct Columns {
  std::string step, samples, losses, norm, rate, mark;
};

std::string line_of(const StepRecord& record, const std::string& mark) {
  return format("{} {} {:016x} {} {} {}", record.step, record.samples, record.losses,
                record.gradient_norm, record.learning_rate, mark);
}

Columns columns_of(const std::string& line) {
  Columns c;
  std::istringstream stream(line);
  stream >> c.step >> c.samples >> c.losses >> c.norm >> c.rate >> c.mark;
  return c;
}

/// 0: no line of a step.
std::uint64_t step_of(const Columns& columns) {
  std::uint64_t step = 0;
  const char* end = columns.step.data() + columns.step.size();
  const auto read = std::from_chars(columns.step.data(), end, step);
  return read.ec == std::errc() && read.ptr == end && !columns.mark.empty() ? step : 0;
}

std::string outcome(const Columns& columns) {
  return format("losses {}, gradient norm {}, learning rate {}", columns.losses, columns.norm,
                columns.rate);
}

}  // namespace

std::uint64_t loss_print(int rank, double loss) {
  // SplitMix64's finaliser (Steele et al. 2014): ranks that swap their losses do not cancel out.
  std::uint64_t x = std::bit_cast<std::uint64_t>(loss);
  x += (static_cast<std::uint64_t>(rank) + 1) * 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

StepLog::StepLog(FileSystem& files, const Path& folder, std::string terms)
    : files_(files),
      path_(folder / "steps.log"),
      terms_(std::move(terms)),
      mark_(format("{:016x}", digest64(as_bytes(terms_)))) {}

StepLog::~StepLog() = default;

void StepLog::open(std::uint64_t step) {
  read();
  for (auto line = lines_.upper_bound(step); line != lines_.end();) {
    const bool same_terms = columns_of(line->second).mark == mark_;
    if (same_terms) repeat_.insert(*line);
    line = same_terms ? std::next(line) : lines_.erase(line);
  }
  rewrite();
}

/// Of a step that stands there twice the later line counts. What is no line is passed over, and so
/// is a last one that was cut off.
void StepLog::read() {
  lines_.clear();
  repeat_.clear();
  const Result<std::string> text = files_.read_file(path_, kBytesMax);
  if (!text.ok()) {
    if (text.status().code() != ErrorCode::kNotFound) warn(text.status());
    return;
  }
  for (std::size_t at = 0; at < text->size();) {
    const std::size_t end = text->find('\n', at);
    if (end == std::string::npos) return;
    std::string line = text->substr(at, end - at);
    at = end + 1;
    const std::uint64_t step = step_of(columns_of(line));
    if (step > 0) lines_[step] = std::move(line);
  }
}

/// Under another name first, so that a kill in the middle loses no line.
void StepLog::rewrite() {
  while (lines_.size() > kKept) lines_.erase(lines_.begin());
  std::string text = format("{}# {}: {}\n", kHead, mark_, terms_);
  for (const auto& [step, line] : lines_) text += line + '\n';
  const Path fresh = path_.parent_path() / "steps.log.new";
  Result<std::unique_ptr<WritableFile>> file = files_.create_file(fresh);
  if (!file.ok()) return warn(file.status());
  file_ = std::move(file).value();
  appended_ = 0;
  append(text);
  if (!file_) return;
  if (const Status renamed = files_.rename_durable(fresh, path_); !renamed.ok()) warn(renamed);
}

void StepLog::append(std::string_view text) {
  if (!file_) return;
  if (const Status status = file_->append(as_bytes(text)); !status.ok()) warn(status);
}

void StepLog::warn(const Status& status) {
  file_.reset();
  log_warning("steps are not written down any more: {}", status.message());
}

void StepLog::forget_behind(std::uint64_t step) {
  repeat_.clear();
  const auto later = lines_.upper_bound(step);
  if (later == lines_.end()) return;
  lines_.erase(later, lines_.end());
  rewrite();
}

std::string StepLog::add(const StepRecord& record) {
  std::string line = line_of(record, mark_);
  std::string said;
  const auto before = repeat_.find(record.step);
  const bool differs = before != repeat_.end() && before->second != line;
  const Columns now = columns_of(line);
  if (differs) {
    const Columns then = columns_of(before->second);
    // With other data, as after a rewind that no checkpoint knows of, another outcome is right.
    if (then.samples == now.samples) {
      said = format(
          "step {} came out otherwise than before the interruption: {}; then {}. Ranks, settings "
          "and data are the same: look at what else may have changed, the program, a library or "
          "the machine",
          record.step, outcome(now), outcome(then));
    }
  }
  lines_[record.step] = line;
  append(line + '\n');
  if (differs) forget_behind(record.step);
  if (++appended_ >= kKept) rewrite();
  return said;
}

void StepLog::rewind(std::uint64_t step) {
  forget_behind(step);
}

}  // namespace tagalign::jobs
