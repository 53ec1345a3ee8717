/// Repair of text whose UTF-8 was read in a single-byte encoding, once or several times, wholly or
/// in parts ("dÃ©jÃ  vu"); the fix_encoding step of ftfy 6.3.1 with its default options.
///
/// What it does and in which order are facts of ftfy (R. Speer, Apache License 2.0): while a text
/// looks garbled, take the first encoding that has all its characters and under which its bytes,
/// put right where they were damaged, are UTF-8; if there is none, repair the parts that look like
/// misread sequences by themselves; at last read C1 control characters as Windows-1252.
#pragma once

#include <cstddef>
#include <string>

namespace tagalign::model {

/// Bounds the work on a hostile text, of which every pass repairs one character only. Counted in
/// characters times passes, hence the same on every machine.
class WorkBudget {
 public:
  explicit WorkBudget(std::size_t characters) : left_(characters) {}
  /// Takes `characters`; false, and nothing is left, when they are not there.
  bool spend(std::size_t characters) {
    const bool enough = characters <= left_;
    left_ = enough ? left_ - characters : 0;
    return enough;
  }

 private:
  std::size_t left_;
};

/// The repaired text, or the text itself. Without budget the repair stops where it is. Any
/// thread; one budget a thread.
std::u32string repair_mojibake(std::u32string text, WorkBudget& budget);

/// C1 control characters as Windows-1252 reads their bytes; the five that it leaves open stay.
char32_t repair_control(char32_t c);

}  // namespace tagalign::model
