/// The note that a rank which crashes, or exits without a farewell, leaves for its agent: a file
/// rank-N.end in the attempt's folder. Only what is killed from outside (SIGKILL) leaves none.
///
/// The agent would otherwise learn the signal from mpirun's exit code, which comes seconds later.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

#include "base/process.h"

namespace tagalign::wire {

inline constexpr std::size_t kEndNoteBytesMax = 64;

/// "signal 11" or "exit 3", with a line end; nothing for other text.
inline std::optional<ExitStatus> parse_end_note(std::string_view note) {
  const bool signal = note.starts_with("signal ");
  if (!signal && !note.starts_with("exit ")) return std::nullopt;
  note.remove_prefix(note.find(' ') + 1);
  int number = 0;
  const auto end = std::from_chars(note.data(), note.data() + note.size(), number);
  if (end.ec != std::errc() || number < 0) return std::nullopt;
  return signal ? ExitStatus{.code = 0, .signal = number} : ExitStatus{.code = number, .signal = 0};
}

}  // namespace tagalign::wire
