#include "data/tags/words/lists.h"

#include <algorithm>

#include "base/format.h"
#include "base/limits.h"

namespace tagalign::data {
namespace {

struct Section {
  std::string_view name;
  WordSet TagLists::*words;  ///< null: the spellings
};
struct ListFile {
  std::string_view name;
  std::vector<Section> sections;
};

std::vector<ListFile> word_files() {
  return {{"nouns.txt",
           {{"keep", &TagLists::keep},
            {"stop", &TagLists::stop},
            {"see through", &TagLists::see_through},
            {"measures", &TagLists::measures},
            {"plural only", &TagLists::plural_only},
            {"same in the plural", &TagLists::same_in_plural},
            {"addressed", &TagLists::addressed},
            {"makers", &TagLists::makers},
            {"models", &TagLists::models},
            {"designs", &TagLists::designs},
            {"absent of", &TagLists::absent_of}}},
          {"attributes.txt",
           {{"colours", &TagLists::colours},
            {"shades", &TagLists::shades},
            {"materials", &TagLists::materials},
            {"patterns", &TagLists::patterns},
            {"visible", &TagLists::visible},
            {"of the nearest noun", &TagLists::of_the_nearest_noun},
            {"of the living", &TagLists::of_the_living},
            {"not visible", &TagLists::not_visible},
            {"predicate verbs", &TagLists::predicate_verbs},
            {"colouring verbs", &TagLists::colouring_verbs},
            {"making verbs", &TagLists::making_verbs}}},
          {"compounds.txt",
           {{"compounds", &TagLists::compounds},
            {"not compounds", &TagLists::not_compounds},
            {"dead", &TagLists::dead}}}};
}
std::vector<ListFile> text_files() {
  return {{"text.txt",
           {{"phrases", &TagLists::phrases},
            {"noise suffixes", &TagLists::noise_suffixes},
            {"site endings", &TagLists::site_endings},
            {"units", &TagLists::units},
            {"foreign words", &TagLists::foreign_words},
            {"spellings", nullptr}}},
          {"grammar.txt",
           {{"determiners", &TagLists::determiners},
            {"owners", &TagLists::owners},
            {"pronouns", &TagLists::pronouns},
            {"relatives", &TagLists::relatives},
            {"prepositions", &TagLists::prepositions},
            {"conjunctions", &TagLists::conjunctions},
            {"auxiliaries", &TagLists::auxiliaries},
            {"modals", &TagLists::modals},
            {"adverbs", &TagLists::adverbs},
            {"describing ends", &TagLists::describing_ends},
            {"wearers", &TagLists::wearers},
            {"unchanging verbs", &TagLists::unchanging_verbs},
            {"calls to action", &TagLists::calls_to_action},
            {"usually nouns", &TagLists::usually_nouns},
            {"means", &TagLists::means},
            {"also open", &TagLists::also_open},
            {"numbers", &TagLists::numbers},
            {"reporting verbs", &TagLists::reporting_verbs},
            {"absent", &TagLists::absent},
            {"places", &TagLists::places},
            {"days", &TagLists::days},
            {"leading verbs", &TagLists::leading_verbs},
            {"wanting verbs", &TagLists::wanting_verbs},
            {"agents", &TagLists::agents},
            {"seen ends", &TagLists::seen_ends},
            {"joining ends", &TagLists::joining_ends},
            {"addresses", &TagLists::addresses}}}};
}

const std::vector<ListFile>& list_files() {
  static const std::vector<ListFile> files = [] {
    std::vector<ListFile> all = word_files();
    const auto more = text_files();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return files;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

/// Reads one file into the lists.
class Reader {
 public:
  Reader(TagLists& lists, const ListFile& file, Path path)
      : lists_(lists), file_(file), path_(std::move(path)) {}

  Status read(std::string_view text) {
    while (!text.empty()) {
      ++line_;
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      TA_RETURN_IF_ERROR(take(trimmed(line.substr(0, line.find('#')))));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    for (const Section& section : file_.sections) {
      if (!seen_.contains(section.name))
        return invalid_argument(
            format("read lists of words {}: expected a section [{}], found none", path_.string(),
                   section.name));
    }
    return ok_status();
  }

 private:
  Status problem(std::string_view expected, std::string_view found) const {
    return invalid_argument(format("read lists of words {}:{}: expected {}, found '{}'",
                                   path_.string(), line_, expected, found.substr(0, 60)));
  }

  Status take(std::string_view line) {
    if (line.empty()) return ok_status();
    if (line.front() == '[') return enter(line);
    if (section_ == nullptr) return problem("a section like [keep] before the first entry", line);
    while (!line.empty()) {
      const std::size_t end = std::min(line.find(','), line.size());
      TA_RETURN_IF_ERROR(add(trimmed(line.substr(0, end))));
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    return ok_status();
  }

  Status enter(std::string_view line) {
    const std::string_view name = line.substr(1, line.find(']') - 1);
    const auto found = std::find_if(file_.sections.begin(), file_.sections.end(),
                                    [&](const Section& each) { return each.name == name; });
    if (found == file_.sections.end()) {
      std::vector<std::string_view> names;
      for (const Section& each : file_.sections) names.push_back(each.name);
      return problem(format("one of the sections [{}]", fmt::join(names, "], [")), line);
    }
    section_ = &*found;
    seen_.emplace(name);
    return ok_status();
  }

  Status add(std::string_view entry) {
    if (entry.empty()) return ok_status();
    if (section_->words != nullptr) {
      (lists_.*section_->words).emplace(entry);
      return ok_status();
    }
    const std::size_t sign = entry.find('=');
    if (sign == std::string_view::npos) return problem("'written = meant'", entry);
    lists_.spellings.insert_or_assign(std::string(trimmed(entry.substr(0, sign))),
                                      std::string(trimmed(entry.substr(sign + 1))));
    return ok_status();
  }

  TagLists& lists_;
  const ListFile& file_;
  Path path_;
  const Section* section_ = nullptr;
  WordSet seen_;
  int line_ = 0;
};

}  // namespace

Result<TagLists> TagLists::open(FileSystem& files, const Path& folder) {
  TagLists lists;
  for (const ListFile& file : list_files()) {
    const Path path = folder / file.name;
    auto text = files.read_file(path, limits::kConfigFileBytesMax);
    if (!text.ok()) return text.status().with_context("read lists of words");
    TA_RETURN_IF_ERROR(Reader(lists, file, path).read(*text));
  }
  return lists;
}

}  // namespace tagalign::data
