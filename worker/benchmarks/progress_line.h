/// One line that tells how far a long piece of work is: redrawn on a terminal, said
/// now and then elsewhere.
#pragma once

#include <ostream>
#include <string>

#include "base/clock.h"
#include "data/shares/progress.h"

namespace tagalign::jobs {

/// "  41 % [########............]  1200/2898  310/s  5.2 s left".
std::string progress_text(const data::Progress& progress);

/// For one thread at a time. Borrows clock and stream.
class ProgressLine {
 public:
  ProgressLine(std::string label, std::ostream& err, bool is_terminal, Clock& clock)
      : label_(std::move(label)),
        err_(err),
        clock_(clock),
        is_terminal_(is_terminal),
        last_ms_(clock.monotonic_ms()) {}

  /// Draws at most ten times a second, or says a line every ten seconds; always at the end.
  void show(const data::Progress& progress);

 private:
  std::string label_;
  std::ostream& err_;
  Clock& clock_;
  bool is_terminal_;
  MonotonicMs last_ms_;
};

}  // namespace tagalign::jobs
