#include "data/benchmarks/source_record.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/format.h"
#include "base/limits.h"

namespace tagalign::data {
namespace {

constexpr char kFile[] = ".tagalign-sources";
constexpr std::string_view kHead = "TagAlign sources 1\n";

/// The number at the start of `line`, and the blank behind it, taken off.
template <class T>
bool take_number(std::string_view& line, T& number) {
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number);
  if (error != std::errc() || end == line.data() + line.size() || *end != ' ') return false;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()) + 1);
  return true;
}

}  // namespace

SourceRecord SourceRecord::read(FileSystem& files, const Path& root) {
  SourceRecord record;
  const auto text = files.read_file(root / kFile, limits::kTableFileBytesMax);
  if (!text.ok() || !text->starts_with(kHead)) return record;
  std::string_view rest = std::string_view(*text).substr(kHead.size());
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    FileStamp stamp;
    if (take_number(line, stamp.bytes) && take_number(line, stamp.modified_ns))
      record.stamps_.insert_or_assign(std::string(line), stamp);
  }
  return record;
}

std::optional<FileStamp> SourceRecord::source_of(const Path& target) const {
  const std::lock_guard lock(mutex_);
  const auto found = stamps_.find(target.string());
  return found == stamps_.end() ? std::nullopt : std::optional(found->second);
}

void SourceRecord::note(const Path& target, const FileStamp& source) {
  const std::string name = target.string();
  if (name.find('\n') != std::string::npos) return;  // no line of the record can hold it
  const std::lock_guard lock(mutex_);
  const auto [found, fresh] = stamps_.try_emplace(name, source);
  if (!fresh && found->second == source) return;
  found->second = source;
  changed_ = true;
}

std::vector<std::string> SourceRecord::targets_beside(const std::set<std::string>& targets) const {
  std::vector<std::string> others;
  for (const auto& [target, stamp] : stamps_) {
    if (!targets.contains(target)) others.push_back(target);
  }
  return others;
}

Status SourceRecord::write(FileSystem& files, const Path& root) const {
  if (!changed_) return {};
  std::string text(kHead);
  for (const auto& [target, stamp] : stamps_)
    text += format("{} {} {}\n", stamp.bytes, stamp.modified_ns, target);
  return files.write_durable(root / kFile, text);
}

}  // namespace tagalign::data
