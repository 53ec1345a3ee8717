#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/format.h"
#include "data/sources/archives/archive_names.h"
#include "data/sources/archives/archive_walk.h"
#include "data/sources/archives/gzip_stream.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;

/// The bytes of a tar as libarchive asks for them.
class Input {
 public:
  virtual ~Input() = default;
  /// Empty at the end; the text of the trouble stays in `status`.
  virtual std::string_view next() = 0;
  virtual std::uint64_t skip(std::uint64_t bytes) = 0;
  Status status;
};

class PlainInput final : public Input {
 public:
  explicit PlainInput(const OpenFile& file) : file_(file) {}
  std::string_view next() override {
    status = file_.read(at_, kReadBytes, block_);
    at_ += block_.size();
    return block_;
  }
  std::uint64_t skip(std::uint64_t bytes) override {
    const std::uint64_t taken = std::min(bytes, file_.size() - std::min(at_, file_.size()));
    at_ += taken;
    return taken;
  }

 private:
  const OpenFile& file_;
  std::uint64_t at_ = 0;
  std::string block_;
};

class GzipInput final : public Input {
 public:
  explicit GzipInput(const OpenFile& file) : stream_(file) {}
  std::string_view next() override {
    auto part = stream_.next();
    if (part.ok()) return *part;
    status = part.status();
    return {};
  }
  std::uint64_t skip(std::uint64_t) override { return 0; }
  GzipStream& stream() { return stream_; }

 private:
  GzipStream stream_;
};

la_ssize_t read_callback(archive* reader, void* data, const void** block) {
  auto& input = *static_cast<Input*>(data);
  const std::string_view part = input.next();
  *block = part.data();
  if (input.status.ok()) return static_cast<la_ssize_t>(part.size());
  archive_set_error(reader, EIO, "%s", input.status.message().c_str());
  return ARCHIVE_FATAL;
}

la_int64_t skip_callback(archive*, void* data, la_int64_t bytes) {
  if (bytes <= 0) return 0;
  return static_cast<la_int64_t>(
      static_cast<Input*>(data)->skip(static_cast<std::uint64_t>(bytes)));
}

struct CloseArchive {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, CloseArchive>;

Archive open_archive(Input& input) {
  Archive reader(archive_read_new());
  TA_CHECK(reader != nullptr, "out of memory");
  archive_read_support_format_tar(reader.get());
  archive_read_support_format_empty(reader.get());
  archive_read_set_read_callback(reader.get(), read_callback);
  archive_read_set_skip_callback(reader.get(), skip_callback);
  archive_read_set_callback_data(reader.get(), &input);
  return reader;
}

/// In a locale without UTF-8 the library gives names of pax in one form and others in the other.
std::string_view name_of(archive_entry* entry) {
  const char* name = archive_entry_pathname_utf8(entry);
  if (name == nullptr) name = archive_entry_pathname(entry);
  return name == nullptr ? std::string_view() : plain_name(name);
}

std::string error_of(archive* reader) {
  const char* text = archive_error_string(reader);
  return text == nullptr ? "broken" : text;
}

/// One walk. `end.trouble` is what stopped it.
class Walk {
 public:
  Walk(archive* reader, MemberSink& sink, MemberCoding coding)
      : reader_(reader), sink_(sink), coding_(coding) {}

  Status run() {
    archive_entry* entry = nullptr;
    while (end.trouble.empty()) {
      const int code = archive_read_next_header(reader_, &entry);
      if (code == ARCHIVE_EOF) break;
      if (code < ARCHIVE_WARN) {
        note_trouble();
      } else {
        TA_RETURN_IF_ERROR(visit(entry));
      }
    }
    return ok_status();
  }

  WalkEnd end;

 private:
  Status visit(archive_entry* entry) {
    const bool is_file =
        archive_entry_filetype(entry) == AE_IFREG && archive_entry_hardlink(entry) == nullptr;
    if (!is_file) return ok_status();
    if (archive_entry_sparse_count(entry) > 0) {
      ++end.unreadable;
      return ok_status();
    }
    const auto bytes = static_cast<std::uint64_t>(archive_entry_size(entry));
    ArchiveMember member{name_of(entry), {offset(), bytes, bytes, coding_}, {}};
    std::string text;
    if (!take_contents(sink_.wants_text(member.name, bytes), bytes, text)) {
      note_trouble();
      return ok_status();
    }
    member.text = text;
    return sink_.add(member);
  }

  /// Reads or skips what follows the header; false where the archive ends before it does.
  bool take_contents(bool wanted, std::uint64_t bytes, std::string& text) {
    if (!wanted) return archive_read_data_skip(reader_) >= ARCHIVE_WARN;
    text.resize(bytes);
    std::size_t done = 0;
    while (done < bytes) {
      const la_ssize_t count = archive_read_data(reader_, text.data() + done, bytes - done);
      if (count <= 0) return false;
      done += static_cast<std::size_t>(count);
    }
    return true;
  }

  void note_trouble() { end.trouble = format("{} at byte {}", error_of(reader_), offset()); }
  /// Of the unpacked archive, behind what was read of it.
  std::uint64_t offset() const {
    return static_cast<std::uint64_t>(archive_filter_bytes(reader_, 0));
  }

  archive* reader_;
  MemberSink& sink_;
  MemberCoding coding_;
};

Result<WalkEnd> walk(Input& input, MemberSink& sink, MemberCoding coding) {
  const Archive reader = open_archive(input);
  Walk walk(reader.get(), sink, coding);
  if (archive_read_open1(reader.get()) < ARCHIVE_WARN) {
    walk.end.trouble = error_of(reader.get());
  } else {
    TA_RETURN_IF_ERROR(walk.run());
  }
  const bool of_the_machine = !input.status.ok() && input.status.code() != ErrorCode::kDataLoss;
  if (of_the_machine) return input.status;
  return std::move(walk.end);
}

/// Two blocks of zeros end a tar; a download that was killed between two members lacks them.
Result<bool> has_end_mark(const OpenFile& file) {
  std::string block;
  const std::uint64_t size = file.size();
  if (size < 1024) return false;
  TA_RETURN_IF_ERROR(file.read(size - 1024, 1024, block));
  return std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; });
}

}  // namespace

Result<WalkEnd> walk_tar(const OpenFile& file, MemberSink& sink) {
  PlainInput input(file);
  TA_ASSIGN_OR_RETURN(WalkEnd end, walk(input, sink, MemberCoding::kPlain));
  TA_ASSIGN_OR_RETURN(const bool whole, has_end_mark(file));
  if (end.trouble.empty() && !whole)
    end.trouble = format("no end mark at byte {}: cut between two members", file.size());
  return end;
}

Result<WalkEnd> walk_gzip_tar(const OpenFile& file, MemberSink& sink) {
  GzipInput input(file);
  TA_ASSIGN_OR_RETURN(WalkEnd end, walk(input, sink, MemberCoding::kInGzip));
  end.points = input.stream().take_points();
  end.points.insert(end.points.begin(), GzipPoint{});
  return end;
}

}  // namespace tagalign::data
