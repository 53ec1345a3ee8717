#include "worker/benchmarks/progress_line.h"

#include <algorithm>

#include "base/format.h"

namespace tagalign::jobs {
namespace {

constexpr std::int64_t kDrawEveryMs = 100;
constexpr std::int64_t kSayEveryMs = 10'000;
constexpr std::uint64_t kBarCells = 20;

}  // namespace

std::string progress_text(const data::Progress& progress) {
  const std::uint64_t total = std::max<std::uint64_t>(progress.total, 1);
  const auto cells = static_cast<std::size_t>(progress.done * kBarCells / total);
  std::string text =
      format("{:3} % [{}{}] {}/{}", progress.done * 100 / total, std::string(cells, '#'),
             std::string(kBarCells - cells, '.'), progress.done, progress.total);
  if (progress.per_second > 0) text += format("  {:.0f}/s", progress.per_second);
  if (progress.remaining_ms && progress.done < progress.total)
    text += format("  {} left", format_duration(*progress.remaining_ms));
  return text;
}

void ProgressLine::show(const data::Progress& progress) {
  const bool is_last = progress.done >= progress.total;
  const MonotonicMs now_ms = clock_.monotonic_ms();
  if (!is_last && now_ms - last_ms_ < (is_terminal_ ? kDrawEveryMs : kSayEveryMs)) return;
  last_ms_ = now_ms;
  if (is_terminal_) {
    err_ << "\r\033[K" << label_ << " " << progress_text(progress) << (is_last ? "\n" : "");
  } else {
    err_ << label_ << " " << progress_text(progress) << "\n";
  }
  err_.flush();
}

}  // namespace tagalign::jobs
