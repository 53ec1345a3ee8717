/// Where the frames of a ZMTP 3 stream (rfc.zeromq.org/spec/23) begin, without looking into them:
/// 64 bytes of greeting, then flags, size and body of each.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace tagalign::wire {

class ZmtpFrames {
 public:
  /// What a stretch of bytes brought.
  struct Seen {
    std::size_t frames = 0;          ///< that began
    std::uint64_t largest_body = 0;  ///< that one of them announces
    bool ready = false;              ///< a command READY: the server accepted the key
  };

  Seen pass(std::string_view bytes) {
    Seen seen;
    while (!bytes.empty()) {
      if (to_skip_ > 0) {
        skip(bytes, seen);
      } else {
        header_.push_back(bytes.front());
        bytes.remove_prefix(1);
        if (header_.size() == header_bytes()) begin(seen);
      }
    }
    return seen;
  }

 private:
  static constexpr std::uint64_t kGreetingBytes = 64;
  static constexpr unsigned char kLong = 2;
  static constexpr unsigned char kCommand = 4;
  static constexpr std::string_view kReady = "\5READY";

  std::size_t header_bytes() const {
    return (static_cast<unsigned char>(header_[0]) & kLong) != 0 ? 9 : 2;
  }

  void begin(Seen& seen) {
    to_skip_ = 0;
    for (std::size_t i = 1; i < header_.size(); ++i) {
      to_skip_ = to_skip_ << 8 | static_cast<unsigned char>(header_[i]);
    }
    is_command_ = (static_cast<unsigned char>(header_[0]) & kCommand) != 0;
    header_.clear();
    name_.clear();
    ++seen.frames;
    if (to_skip_ > seen.largest_body) seen.largest_body = to_skip_;
  }

  void skip(std::string_view& bytes, Seen& seen) {
    const auto count =
        static_cast<std::size_t>(to_skip_ < bytes.size() ? to_skip_ : std::uint64_t{bytes.size()});
    if (is_command_ && name_.size() < kReady.size()) {
      name_ += bytes.substr(0, std::min(count, kReady.size() - name_.size()));
      if (name_ == kReady) seen.ready = true;
    }
    to_skip_ -= count;
    bytes.remove_prefix(count);
  }

  std::uint64_t to_skip_ = kGreetingBytes;
  std::string header_;
  std::string name_;  ///< of a command, as far as it is needed
  bool is_command_ = false;
};

}  // namespace tagalign::wire
