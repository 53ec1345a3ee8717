#include "data/datasets/captions/tag_table.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/utf8.h"
#include "data/datasets/captions/table_text.h"
#include "data/datasets/captions/text_index.h"
#include "data/sources/archives/archive_names.h"
#include "data/sources/files/record_file.h"

namespace tagalign::data {
namespace {

/// An entry: length of the name, name, indices.
Status add_entry(RecordFileWriter& entries, std::string_view name,
                 const std::vector<std::int32_t>& tags) {
  const auto length = static_cast<std::uint32_t>(name.size());
  return entries.add({{reinterpret_cast<const char*>(&length), sizeof length},
                      name,
                      {reinterpret_cast<const char*>(tags.data()), tags.size() * 4}});
}

std::string_view name_of_entry(std::string_view entry) {
  std::uint32_t length = 0;
  std::memcpy(&length, entry.data(), sizeof length);
  return entry.substr(sizeof length, length);
}

std::vector<std::int32_t> tags_of_entry(std::string_view entry) {
  entry.remove_prefix(sizeof(std::uint32_t) + name_of_entry(entry).size());
  std::vector<std::int32_t> tags(entry.size() / 4);
  std::memcpy(tags.data(), entry.data(), entry.size());
  return tags;
}

/// Writes an entry as soon as it is parsed, so that tables of many gigabytes need no document tree.
class TagTableReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  TagTableReader(std::int64_t tag_count, RecordFileWriter& entries)
      : tag_count_(tag_count), entries_(entries) {}

  bool key(string_t& name) override {
    name_ = name;
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_++ == 0) return true;
    return fail("an object inside the table");
  }
  bool end_object() override {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ != 1 || in_list_) return fail("a list where none belongs");
    return in_list_ = true;
  }
  bool end_array() override {
    in_list_ = false;
    written = add_entry(entries_, name_, tags_);
    tags_.clear();
    return written.ok();
  }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > INT64_MAX) return out_of_range(value);
    return add(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t, const string_t& text) override {
    return fail("the number " + text);
  }
  bool string(string_t& text) override { return fail("the text \"" + text.substr(0, 40) + "\""); }
  bool boolean(bool) override { return fail("true or false"); }
  bool null() override { return fail("null"); }
  bool binary(binary_t&) override { return fail("binary data"); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    broken_at = position;
    problem = error.what();
    return false;
  }

  std::string problem;
  Status written;
  std::size_t broken_at = 0;

 private:
  bool add(std::int64_t tag) {
    if (!in_list_) return fail(format("the number {} outside a list", tag));
    if (tag < 0 || tag >= tag_count_) return out_of_range(tag);
    tags_.push_back(static_cast<std::int32_t>(tag));
    return true;
  }
  template <class Integer>
  bool out_of_range(Integer tag) {
    return fail(format("tag index {}, but there are {} tag names", tag, tag_count_));
  }
  bool fail(const std::string& found) {
    problem = found;
    return false;
  }

  std::int64_t tag_count_;
  RecordFileWriter& entries_;
  std::string name_;
  std::vector<std::int32_t> tags_;
  int depth_ = 0;
  bool in_list_ = false;
};

std::size_t line_of(std::string_view text, std::size_t position) {
  return 1 +
         static_cast<std::size_t>(std::count(
             text.begin(),
             text.begin() + static_cast<std::ptrdiff_t>(std::min(position, text.size())), '\n'));
}

/// Counts the bytes that the parser takes, so that an error of our own can name its line.
class CountingInput {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingInput(const char* at, std::size_t* taken) : at_(at), taken_(taken) {}
  reference operator*() const { return *at_; }
  CountingInput& operator++() {
    ++at_;
    ++*taken_;
    return *this;
  }
  CountingInput operator++(int) {
    CountingInput before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingInput& other) const { return at_ == other.at_; }
  bool operator!=(const CountingInput& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  std::size_t* taken_;
};

struct NameOf {
  RecordFile entries;
  std::string_view operator()(std::size_t i) const { return name_of_entry(entries.record(i)); }
};

struct BaseNameOf {
  RecordFile entries;
  std::string_view operator()(std::size_t i) const {
    return base_name(name_of_entry(entries.record(i)));
  }
};

Result<RecordFile> parse(FileSystem& files, const Path& path, std::size_t tag_count,
                         const Path& scratch) {
  TA_ASSIGN_OR_RETURN(const TableText table, TableText::open(files, path));
  const std::string_view text = table.text();
  TA_RETURN_IF_ERROR(check_encoding(text, "read tags " + path.string()));
  RecordFileWriter entries(files, RecordFileKind::kTagTable, {.file = {}, .scratch = scratch});
  TagTableReader reader(static_cast<std::int64_t>(tag_count), entries);
  std::size_t taken = 0;
  const bool ok =
      nlohmann::json::sax_parse(CountingInput(text.data(), &taken),
                                CountingInput(text.data() + text.size(), &taken), &reader);
  TA_RETURN_IF_ERROR(reader.written);
  if (ok) return entries.finish("");
  return invalid_argument(
      format("read tags {}:{}: expected an object of file name → list of tag indices, found {}",
             path.string(), line_of(text, taken == 0 ? 0 : taken - 1), reader.problem));
}

}  // namespace

struct TagTable::Entries {
  explicit Entries(const RecordFile& read)
      : records(read), by_name(read.size(), NameOf{read}, true) {}

  /// Made when the first image is found in no other way.
  const TextIndex<BaseNameOf>& by_base_name() const {
    std::call_once(base_names_made,
                   [this] { base_names.emplace(records.size(), BaseNameOf{records}); });
    return *base_names;
  }

  RecordFile records;
  TextIndex<NameOf> by_name;
  mutable std::once_flag base_names_made;
  mutable std::optional<TextIndex<BaseNameOf>> base_names;
};

Result<TagTable> TagTable::read(FileSystem& files, const Path& path, std::size_t tag_count,
                                const Path& scratch) {
  TA_ASSIGN_OR_RETURN(const RecordFile records, parse(files, path, tag_count, scratch));
  return TagTable(std::make_shared<const Entries>(records));
}

std::size_t TagTable::size() const {
  return entries_->records.size();
}

std::string_view TagTable::name(std::size_t entry) const {
  return name_of_entry(entries_->records.record(entry));
}

std::optional<TagMatch> TagTable::find(std::string_view file, std::string_view url) const {
  const auto tags = [&](std::size_t entry) {
    return tags_of_entry(entries_->records.record(entry));
  };
  const std::string_view base = base_name(file);
  if (const auto entry = entries_->by_name.find(file))
    return TagMatch{TagJoin::kFile, tags(entry->number), false};
  if (const auto entry = entries_->by_name.find(url))
    return TagMatch{TagJoin::kUrl, tags(entry->number), false};
  if (const auto entry = entries_->by_name.find(key_of(base)))
    return TagMatch{TagJoin::kKey, tags(entry->number), false};
  if (const auto entry = entries_->by_base_name().find(base))
    return TagMatch{TagJoin::kBaseName, tags(entry->number), entry->is_ambiguous};
  return std::nullopt;
}

}  // namespace tagalign::data
