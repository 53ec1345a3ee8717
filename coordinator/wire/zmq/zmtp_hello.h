/// How a CURVE client begins a ZMTP 3.1 stream (rfc.zeromq.org/spec/23 and /26): greeting and HELLO,
/// as far as they can be told from anything else without a key. Whose client it is says only the
/// command after them, sealed for the server.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace tagalign::wire {

inline constexpr std::size_t kZmtpGreetingBytes = 64;
inline constexpr std::size_t kZmtpHelloBytes = 202;  ///< flags and length with it

/// What libzmq's server says first: signature, version, CURVE. It is the same for everybody.
inline const std::string& server_greeting() {
  static const std::string bytes = [] {
    std::string text("\xff\0\0\0\0\0\0\0\1\x7f\3\1CURVE", 17);
    text.resize(kZmtpGreetingBytes);
    return text;
  }();
  return bytes;
}

enum class Beginning { kHalf, kWhole, kForeign };

inline Beginning judge_beginning(std::string_view said) {
  using namespace std::string_view_literals;
  constexpr std::string_view kMechanism = "CURVE\0"sv;
  constexpr std::string_view kHello = "\4\xc8\5HELLO\1\0"sv;
  // Compares as much as is there.
  const auto agrees = [&](std::size_t at, std::string_view expected) {
    if (said.size() <= at) return true;
    const std::string_view there = said.substr(at, expected.size());
    return there == expected.substr(0, there.size());
  };
  const bool ours = agrees(0, "\xff"sv) && agrees(9, "\x7f"sv) && agrees(10, "\3"sv) &&
                    agrees(12, kMechanism) && agrees(kZmtpGreetingBytes, kHello);
  if (!ours) return Beginning::kForeign;
  return said.size() < kZmtpGreetingBytes + kZmtpHelloBytes ? Beginning::kHalf : Beginning::kWhole;
}

}  // namespace tagalign::wire
