#include "data/datasets/caption_dataset.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/checksum.h"
#include "base/format.h"
#include "base/limits.h"
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
    return add(value > INT32_MAX ? INT32_MAX : static_cast<std::int64_t>(value));
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
    if (tag < 0 || tag >= tag_count_)
      return fail(format("tag index {}, but there are {} tag names", tag, tag_count_));
    current_->push_back(static_cast<std::int32_t>(tag));
    return true;
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

Result<std::vector<std::string>> read_tag_names(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kTableFileBytesMax));
  CsvReader csv(text);
  std::vector<std::string> names;
  std::size_t replaced = 0;
  while (true) {
    auto row = csv.next();
    if (!row.ok())
      return invalid_argument(
          format("read tag names {}:{}", path.string(), row.status().message()));
    if (!row->has_value()) break;
    if ((*row)->size() != 1) {
      return invalid_argument(
          format("read tag names {}:{}: expected one tag a line, found {} columns", path.string(),
                 csv.line(), (*row)->size()));
    }
    names.push_back(repair_utf8((*row)->front(), replaced));
  }
  if (names.empty())
    return invalid_argument(
        format("read tag names {}: expected one tag a line, found none", path.string()));
  return names;
}

struct CaptionTable {
  std::vector<CaptionRecord> records;
  std::size_t repaired = 0;    ///< captions with bytes that are not UTF-8
  std::string first_repaired;  ///< image of the first of them
};

Status check_header(CsvReader& csv, const Path& path) {
  auto header = csv.next();
  if (!header.ok())
    return invalid_argument(
        format("read captions {}:{}", path.string(), header.status().message()));
  if (header->has_value() && **header == std::vector<std::string>{"file", "caption"}) return {};
  std::string found = "an empty file";
  if (header->has_value()) {
    found = "'";
    for (const std::string& name : **header)
      found += (found.size() > 1 ? "," : "") + name.substr(0, 60);
    found += "'";
  }
  return invalid_argument(
      format("read captions {}:1: expected the header 'file,caption', found {}; add it",
             path.string(), found));
}

Result<CaptionTable> read_captions(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kTableFileBytesMax));
  CsvReader csv(text);
  TA_RETURN_IF_ERROR(check_header(csv, path));
  CaptionTable table;
  while (true) {
    auto row = csv.next();
    if (!row.ok())
      return invalid_argument(format("read captions {}:{}", path.string(), row.status().message()));
    if (!row->has_value()) return table;
    std::vector<std::string>& fields = **row;
    if (fields.size() != 2 || fields[0].empty()) {
      return invalid_argument(
          format("read captions {}:{}: expected two columns, file and caption, found {}; "
                 "quote captions that hold commas",
                 path.string(), csv.line(),
                 fields.size() == 2 ? "an empty file name" : format("{}", fields.size())));
    }
    std::size_t replaced = 0;
    table.records.push_back({std::move(fields[0]), repair_utf8(fields[1], replaced), {}});
    if (replaced > 0 && table.repaired++ == 0) table.first_repaired = table.records.back().file;
  }
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
  if (captions.repaired > 0) {
    dataset.notices_.push_back(
        format("{}: {} of {} captions hold bytes that are not UTF-8, the first is that of {}; each "
               "byte became U+FFFD",
               options.captions.string(), captions.repaired, total, captions.first_repaired));
  }
  if (options.tags.empty() != options.tag_names.empty()) {
    return invalid_argument(
        format("open {}: tags and tag names belong together, but only {} is given",
               options.captions.string(), options.tags.empty() ? "tag names" : "tags"));
  }
  if (!options.tags.empty()) {
    TA_ASSIGN_OR_RETURN(dataset.tag_names_, read_tag_names(files, options.tag_names));
    TA_ASSIGN_OR_RETURN(const std::string text,
                        files.read_file(options.tags, limits::kTableFileBytesMax));
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
