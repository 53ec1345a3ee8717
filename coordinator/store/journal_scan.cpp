#include "coordinator/store/journal_scan.h"

#include <cstdint>
#include <functional>

namespace tagalign::store {
namespace {

constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kFrameHeaderBytes = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // its lowest bit: words are big-endian

std::uint32_t big_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

std::uint32_t little_endian(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// Runs on from frame to frame.
struct Checksum {
  bool big = false;
  std::uint32_t first = 0, second = 0;

  void add(std::string_view bytes) {
    const auto word = big ? big_endian : little_endian;
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      first += word(bytes, at) + second;
      second += word(bytes, at + 4) + first;
    }
  }
  bool equals(std::string_view bytes, std::size_t at) const {
    return first == big_endian(bytes, at) && second == big_endian(bytes, at + 4);
  }
};

struct Frame {
  std::size_t page_number = 0;
  bool commits = false;
  bool verifies = false;  ///< and all before it
  std::string_view page;
};

/// Calls visit(frame) for all frames that bear the header's salts, or, where the header is damaged,
/// those of the first frame.
void visit_frames(std::string_view journal, const std::function<void(const Frame&)>& visit) {
  if (journal.size() < kHeaderBytes + kFrameHeaderBytes) return;
  const std::uint32_t magic = big_endian(journal, 0);
  Checksum sum{.big = (magic & 1) != 0};
  sum.add(journal.substr(0, kFrameHeaderBytes));
  bool verifies = (magic | 1) == (kMagic | 1) && sum.equals(journal, 24);
  const std::size_t said = big_endian(journal, 8);
  const std::size_t page_bytes = verifies && said >= 512 ? said : 4096;
  const std::string_view salts =
      verifies ? journal.substr(16, 8) : journal.substr(kHeaderBytes + 8, 8);
  const std::size_t frame_bytes = kFrameHeaderBytes + page_bytes;
  for (std::size_t at = kHeaderBytes; at + frame_bytes <= journal.size(); at += frame_bytes) {
    const std::string_view frame = journal.substr(at, frame_bytes);
    const bool salted = frame.substr(8, 8) == salts;
    sum.add(frame.substr(0, 8));
    sum.add(frame.substr(kFrameHeaderBytes));
    verifies = verifies && salted && sum.equals(frame, 16);
    if (salted) {
      visit({big_endian(frame, 0), big_endian(frame, 4) != 0, verifies,
             frame.substr(kFrameHeaderBytes)});
    }
  }
}

}  // namespace

bool journal_is_damaged(std::string_view journal) {
  int commits_behind = 0;
  visit_frames(journal, [&](const Frame& frame) {
    if (!frame.verifies && frame.commits) ++commits_behind;
  });
  return commits_behind > 1;
}

void lay_journal_over(std::string& file, std::string_view journal) {
  constexpr std::size_t kPagesMax = 1U << 24;  // a page number that is damaged is no reason to grow
  visit_frames(journal, [&](const Frame& frame) {
    if (frame.page_number == 0 || frame.page_number > kPagesMax) return;
    const std::size_t begin = (frame.page_number - 1) * frame.page.size();
    if (begin > file.size() + (64U << 20)) return;
    if (file.size() < begin + frame.page.size()) file.resize(begin + frame.page.size());
    file.replace(begin, frame.page.size(), frame.page);
  });
}

}  // namespace tagalign::store
