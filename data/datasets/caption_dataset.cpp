#include "data/datasets/caption_dataset.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/checksum.h"
#include "base/format.h"
#include "base/limits.h"
#include "data/datasets/caption_table.h"
#include "data/datasets/csv.h"

namespace tagalign::data {
namespace {

using TagTable = std::unordered_map<std::string, std::vector<std::int32_t>>;

/// Fills a TagTable while the JSON is parsed, so that tables of many gigabytes
/// need no document tree.
class TagTableReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TagTableReader(std::int64_t tag_count) : tag_count_(tag_count) {}

  bool key(string_t& name) override {
    current_ = &table[name];
    current_->clear();
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
    return true;
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

  TagTable table;
  std::string problem;
  std::size_t broken_at = 0;

 private:
  bool add(std::int64_t tag) {
    if (!in_list_) return fail(format("the number {} outside a list", tag));
    if (tag < 0 || tag >= tag_count_) return out_of_range(tag);
    current_->push_back(static_cast<std::int32_t>(tag));
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
  std::vector<std::int32_t>* current_ = nullptr;
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

Result<TagTable> parse_tags(std::string_view text, const Path& path, std::size_t tag_count) {
  TagTableReader reader(static_cast<std::int64_t>(tag_count));
  std::size_t taken = 0;
  const bool ok =
      nlohmann::json::sax_parse(CountingInput(text.data(), &taken),
                                CountingInput(text.data() + text.size(), &taken), &reader);
  if (ok) return std::move(reader.table);
  return invalid_argument(
      format("read tags {}:{}: expected an object of file name → list of tag indices, found {}",
             path.string(), line_of(text, taken == 0 ? 0 : taken - 1), reader.problem));
}

/// An index is the number of a line, so a line without a name would shift those behind it; at the
/// end there is nothing to shift.
Result<std::vector<std::string>> read_tag_names(FileSystem& files, const Path& path) {
  const std::string what = format("read tag names {}", path.string());
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kTableFileBytesMax));
  TA_RETURN_IF_ERROR(check_encoding(text, what));
  CsvReader csv(text, CsvReader::EmptyLines::kReturn);
  std::vector<std::string> names;
  std::size_t replaced = 0, empty_line = 0;
  while (true) {
    auto row = csv.next();
    if (!row.ok()) return invalid_argument(format("{}:{}", what, row.status().message()));
    if (!row->has_value()) break;
    const std::vector<std::string>& fields = **row;
    if (fields.size() > 1) {
      return invalid_argument(format("{}:{}: expected one tag a line, found {} columns", what,
                                     csv.line(), fields.size()));
    }
    const bool empty = fields.empty() || fields[0].find_first_not_of(" \t") == std::string::npos;
    if (empty && empty_line == 0) empty_line = csv.line();
    if (empty) continue;
    if (empty_line != 0) {
      return invalid_argument(
          format("{}:{}: expected a tag, found an empty line; remove it, or write the tag whose "
                 "index is its line's",
                 what, empty_line));
    }
    names.push_back(repair_utf8(fields[0], replaced));
  }
  if (names.empty())
    return invalid_argument(format("{}: expected one tag a line, found none", what));
  return names;
}

/// Drops records without an entry in the table. Returns how many.
std::size_t attach_tags(std::vector<CaptionRecord>& records, const TagTable& table) {
  return std::erase_if(records, [&](CaptionRecord& record) {
    const auto entry = table.find(record.file);
    if (entry == table.end()) return true;
    record.tags = entry->second;
    return false;
  });
}

std::string digest_records(const std::vector<CaptionRecord>& records,
                           const std::vector<std::string>& tag_names) {
  Hasher128 hasher;
  const auto add = [&](std::string_view text) {
    hasher.update(format("{}:", text.size())), hasher.update(text);
  };
  for (const CaptionRecord& record : records) {
    add(record.file);
    add(record.caption);
    hasher.update(format("{}[", record.tags.size()));
    for (const std::int32_t tag : record.tags) hasher.update(format("{},", tag));
  }
  for (const std::string& name : tag_names) add(name);
  return hasher.digest().hex();
}

}  // namespace

Result<CaptionDataset> CaptionDataset::open(FileSystem& files,
                                            const CaptionDatasetOptions& options) {
  CaptionDataset dataset;
  dataset.root_ = options.root;
  TA_ASSIGN_OR_RETURN(CaptionTable captions, read_captions(files, options.captions));
  dataset.records_ = std::move(captions.records);
  const std::size_t total = dataset.records_.size();
  dataset.notices_ = std::move(captions.notices);
  if (options.tags.empty() != options.tag_names.empty()) {
    return invalid_argument(
        format("open {}: tags and tag names belong together, but only {} is given",
               options.captions.string(), options.tags.empty() ? "tag names" : "tags"));
  }
  if (!options.tags.empty()) {
    TA_ASSIGN_OR_RETURN(dataset.tag_names_, read_tag_names(files, options.tag_names));
    TA_ASSIGN_OR_RETURN(const std::string text,
                        files.read_file(options.tags, limits::kTableFileBytesMax));
    TA_RETURN_IF_ERROR(check_encoding(text, "read tags " + options.tags.string()));
    TA_ASSIGN_OR_RETURN(const TagTable table,
                        parse_tags(text, options.tags, dataset.tag_names_.size()));
    const std::size_t dropped = attach_tags(dataset.records_, table);
    if (dropped > 0)
      dataset.notices_.push_back(
          format("{} of {} images have no tag entry and are left out", dropped, total));
  }
  if (dataset.records_.empty()) {
    return invalid_argument(format(
        "open {}: no record is left of {}; check that file names in {} equal those in the captions",
        options.captions.string(), total, options.tags.string()));
  }
  dataset.digest_ = digest_records(dataset.records_, dataset.tag_names_);
  return dataset;
}

}  // namespace tagalign::data
