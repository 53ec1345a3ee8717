#include "data/sources/archives/gzip_stream.h"

#include <zlib.h>

#include <algorithm>

#include "base/format.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kInputBytes = 64u << 10;
constexpr std::size_t kOutputBytes = 128u << 10;
constexpr int kGzipWindowBits = 15 + 16;
constexpr int kRawWindowBits = -15;
constexpr std::uint64_t kTrailerBytes = 8;

unsigned char* writable(const std::string& text) {
  return reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
}

}  // namespace

struct GzipStream::State {
  State(const OpenFile& from_file, const GzipPoint& from)
      : file(from_file), read_at(from.packed), unpacked(from.unpacked), last_point(from.unpacked) {
    raw = !from.window.empty();
    TA_CHECK(inflateInit2(&z, raw ? kRawWindowBits : kGzipWindowBits) == Z_OK, "out of memory");
    if (!raw) return;
    if (from.bits > 0) {
      std::string byte;
      failed = file.read(from.packed - 1, 1, byte);
      if (byte.empty()) return;
      inflatePrime(&z, from.bits, static_cast<unsigned char>(byte[0]) >> (8 - from.bits));
    }
    inflateSetDictionary(&z, writable(from.window), static_cast<uInt>(from.window.size()));
  }
  ~State() { inflateEnd(&z); }

  Status refill() {
    if (z.avail_in > 0) return ok_status();
    TA_RETURN_IF_ERROR(file.read(read_at, kInputBytes, input));
    read_at += input.size();
    z.next_in = writable(input);
    z.avail_in = static_cast<uInt>(input.size());
    return ok_status();
  }
  std::uint64_t packed() const { return read_at - z.avail_in; }

  /// Behind the end of one gzip member another may begin.
  Status begin_member() {
    if (raw) {
      read_at = packed() + kTrailerBytes;
      z.avail_in = 0;
      raw = false;
    }
    TA_RETURN_IF_ERROR(refill());
    ended = z.avail_in == 0;
    inflateReset2(&z, kGzipWindowBits);
    return ok_status();
  }

  void note_point() {
    if ((z.data_type & 128) == 0 || (z.data_type & 64) != 0) return;  // inside, or the last one
    if (unpacked - last_point < kGzipPointBytes) return;
    GzipPoint point{unpacked, packed(), z.data_type & 7, std::string(32768, '\0')};
    uInt length = 0;
    inflateGetDictionary(&z, writable(point.window), &length);
    point.window.resize(length);
    points.push_back(std::move(point));
    last_point = unpacked;
  }

  const OpenFile& file;
  z_stream z{};
  std::uint64_t read_at;
  std::uint64_t unpacked;
  std::uint64_t last_point;
  bool raw = false;  ///< began inside a member: no header, no check of its sum
  bool ended = false;
  Status failed;  ///< every later call returns it
  std::string input;
  std::string output = std::string(kOutputBytes, '\0');
  std::vector<GzipPoint> points;
};

GzipStream::GzipStream(const OpenFile& file, const GzipPoint& from)
    : state_(std::make_unique<State>(file, from)) {}
GzipStream::~GzipStream() = default;

Result<std::string_view> GzipStream::next() {
  State& s = *state_;
  TA_RETURN_IF_ERROR(s.failed);
  s.z.next_out = writable(s.output);
  s.z.avail_out = kOutputBytes;
  while (!s.ended && s.z.avail_out > 0) {
    TA_RETURN_IF_ERROR(s.refill());
    const uInt before = s.z.avail_out;
    const bool at_end = s.z.avail_in == 0;
    const int code = inflate(&s.z, Z_BLOCK);
    s.unpacked += before - s.z.avail_out;
    if (code == Z_STREAM_END) {
      TA_RETURN_IF_ERROR(s.begin_member());
      continue;
    }
    const bool cut = at_end && s.z.avail_out == before;
    if ((code != Z_OK && code != Z_BUF_ERROR) || cut) {
      s.failed = data_loss(format("unpack {}: the gzip stream is {} at byte {}",
                                  s.file.path().string(), cut ? "cut" : "damaged", s.packed()));
      if (s.z.avail_out == kOutputBytes) return s.failed;
      break;  // what was unpacked before is good
    }
    s.note_point();
  }
  return std::string_view(s.output).substr(0, kOutputBytes - s.z.avail_out);
}

std::vector<GzipPoint> GzipStream::take_points() {
  return std::move(state_->points);
}

Result<std::string> read_in_gzip(const OpenFile& file, const MemberPlace& place,
                                 const GzipPoint& from) {
  TA_CHECK(from.unpacked <= place.offset, "a point behind the member");
  GzipStream stream(file, from);
  std::uint64_t skip = place.offset - from.unpacked;
  std::string bytes;
  bytes.reserve(place.bytes);
  while (bytes.size() < place.bytes) {
    TA_ASSIGN_OR_RETURN(std::string_view part, stream.next());
    if (part.empty()) {
      return data_loss(format("unpack {}: ends {} bytes too early", file.path().string(),
                              place.bytes - bytes.size()));
    }
    const auto passed = std::min<std::uint64_t>(skip, part.size());
    skip -= passed;
    part.remove_prefix(passed);
    bytes += part.substr(0, place.bytes - bytes.size());
  }
  return bytes;
}

}  // namespace tagalign::data
