#include "data/tags/words/wordnet.h"

#include <algorithm>
#include <charconv>

#include "base/format.h"
#include "base/limits.h"

namespace tagalign::data {
namespace {

constexpr std::array<std::string_view, kWordClasses> kEndings = {"noun", "verb", "adj", "adv"};
/// lexnames(5): noun.animal, artifact, body, food, object, person, plant, substance.
constexpr std::array<std::uint8_t, 8> kVisible = {5, 6, 8, 13, 17, 18, 20, 27};
constexpr std::array<std::uint8_t, 3> kKinds = {5, 13, 20};
constexpr std::size_t kFieldOffset = 9;  ///< of the two digits behind "00001740 "

Result<std::string> read(FileSystem& files, const Path& folder, const std::string& name) {
  auto text = files.read_file(folder / name, limits::kManifestBytesMax);
  if (text.ok()) return text;
  if (text.status().code() != ErrorCode::kNotFound) return text.status();
  return not_found(
      format("read WordNet: {} is not there; install Debian's package wordnet-base, or name the "
             "folder that holds index.noun and data.noun of WordNet 3.0 (--wordnet DIR)",
             (folder / name).string()));
}

Status broken(const Path& folder, const std::string& name, std::string_view line) {
  return invalid_argument(format("read WordNet: {}: expected a line of wndb(5), found '{}'",
                                 (folder / name).string(), line.substr(0, 60)));
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    if (end > 0) fields.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return fields;
}

template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto end = text.data() + text.size();
  return std::from_chars(text.data(), end, number).ptr == end && !text.empty();
}

std::string with_blanks(std::string_view word) {
  std::string text(word);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

/// The line of data.noun that describes a sense.
std::string_view sense_line(std::string_view data, std::string_view offset_text) {
  std::size_t offset = 0;
  if (!parse(offset_text, offset) || offset >= data.size()) return {};
  return data.substr(offset, std::min(data.find('\n', offset), data.size()) - offset);
}

std::uint8_t field_of(std::string_view sense) {
  std::uint8_t field = 0;
  return sense.size() > kFieldOffset + 2 && parse(sense.substr(kFieldOffset, 2), field) ? field : 0;
}

/// True when the sense spells the word's last part with a capital only: "Turkey" and "Golden Gate
/// Bridge", but not "turkey", "German shepherd" or "T-shirt".
bool is_name(std::string_view sense, std::string_view word) {
  sense = sense.substr(0, sense.find(" |"));
  const std::size_t cut = word.find_last_of("_-");
  const std::string_view last = cut == std::string_view::npos ? word : word.substr(cut + 1);
  return sense.find(format("{}{} ", cut == std::string_view::npos ? ' ' : word[cut], last)) ==
         std::string_view::npos;
}

/// The fields of the first two common senses; of names, when the word has no other.
void add_senses(std::string_view data, std::string_view word,
                std::span<const std::string_view> offsets, WordEntry& entry) {
  std::vector<std::uint8_t> common;
  std::vector<std::uint8_t> names;
  for (const std::string_view offset : offsets) {
    const std::string_view sense = sense_line(data, offset);
    (is_name(sense, word) ? names : common).push_back(field_of(sense));
  }
  entry.proper = common.empty();
  const auto& fields = entry.proper ? names : common;
  for (std::size_t i = 0; i < std::min(entry.fields.size(), fields.size()); ++i)
    entry.fields[i] = fields[i];
}

}  // namespace

bool names_something_visible(const WordEntry& entry) {
  return std::any_of(entry.fields.begin(), entry.fields.end(), [](std::uint8_t field) {
    return std::find(kVisible.begin(), kVisible.end(), field) != kVisible.end();
  });
}

bool names_one(const WordEntry& entry) {
  constexpr std::uint8_t kArtifact = 6;
  return entry.proper && entry.fields.front() != kArtifact && !names_a_kind(entry);
}

bool may_be_a_kind(const WordEntry& entry) {
  return std::any_of(entry.fields.begin(), entry.fields.end(), [](std::uint8_t field) {
    return std::find(kKinds.begin(), kKinds.end(), field) != kKinds.end();
  });
}

bool names_a_kind(const WordEntry& entry) {
  return std::find(kKinds.begin(), kKinds.end(), entry.fields.front()) != kKinds.end();
}

Status WordNet::read_index(FileSystem& files, const Path& folder, WordClass word_class) {
  const auto c = static_cast<std::size_t>(word_class);
  const std::string name = format("index.{}", kEndings[c]);
  TA_ASSIGN_OR_RETURN(const std::string text, read(files, folder, name));
  std::string data;
  if (word_class == WordClass::kNoun) {
    TA_ASSIGN_OR_RETURN(data, read(files, folder, "data.noun"));
  }
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (line.empty() || line.starts_with("  ")) continue;  // the licence stands before the words
    const auto fields = split(line);
    std::size_t pointers = 0;
    if (fields.size() < 7 || !parse(fields[3], pointers) || fields.size() < 7 + pointers)
      return broken(folder, name, line);
    WordEntry& entry = words_[with_blanks(fields[0])];
    entry.is[c] = true;
    if (word_class != WordClass::kNoun) continue;
    add_senses(data, fields[0], std::span(fields).subspan(6 + pointers), entry);
  }
  return ok_status();
}

Status WordNet::read_exceptions(FileSystem& files, const Path& folder, WordClass word_class) {
  const auto c = static_cast<std::size_t>(word_class);
  TA_ASSIGN_OR_RETURN(const std::string text, read(files, folder, format("{}.exc", kEndings[c])));
  for (std::string_view rest = text; !rest.empty();) {
    const auto words = split(take_line(rest));
    for (std::size_t i = 1; i < words.size(); ++i)
      irregular_[c][with_blanks(words[0])].push_back(with_blanks(words[i]));
  }
  return ok_status();
}

/// Lines "word%1:05:00:: 1 20": the digit is the class, the last number the count.
Status WordNet::read_counts(FileSystem& files, const Path& folder) {
  const std::string name = "cntlist.rev";
  TA_ASSIGN_OR_RETURN(const std::string text, read(files, folder, name));
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (line.empty()) continue;
    const std::size_t mark = line.find('%');
    std::uint32_t count = 0;
    if (mark == std::string_view::npos || mark + 1 >= line.size() ||
        !parse(line.substr(line.rfind(' ') + 1), count))
      return broken(folder, name, line);
    const char digit = line[mark + 1];
    const std::size_t c = digit == '5' ? static_cast<std::size_t>(WordClass::kAdjective)
                                       : static_cast<std::size_t>(digit - '1');
    const auto entry = words_.find(with_blanks(line.substr(0, mark)));
    if (entry != words_.end() && c < kWordClasses) entry->second.counts[c] += count;
  }
  return ok_status();
}

Result<WordNet> WordNet::open(FileSystem& files, const Path& folder) {
  WordNet wordnet;
  wordnet.words_.reserve(160'000);
  for (const auto word_class :
       {WordClass::kNoun, WordClass::kVerb, WordClass::kAdjective, WordClass::kAdverb}) {
    TA_RETURN_IF_ERROR(wordnet.read_index(files, folder, word_class));
    TA_RETURN_IF_ERROR(wordnet.read_exceptions(files, folder, word_class));
  }
  TA_RETURN_IF_ERROR(wordnet.read_counts(files, folder));
  return wordnet;
}

const WordEntry* WordNet::find(std::string_view word) const {
  const auto found = words_.find(word);
  return found == words_.end() ? nullptr : &found->second;
}

std::span<const std::string> WordNet::irregular(WordClass word_class, std::string_view form) const {
  const auto& table = irregular_[static_cast<std::size_t>(word_class)];
  const auto found = table.find(form);
  if (found == table.end()) return {};
  return found->second;
}

}  // namespace tagalign::data
