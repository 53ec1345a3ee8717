/// Group tokenizer: every text of the list gives the reference's ids.
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/format.h"
#include "model/clip/tokenizer.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/groups.h"
#include "tests/golden/check/sources.h"

namespace tagalign::golden {
namespace {

constexpr char kCases[] = "tokenizer/tokenizer.jsonl";
constexpr char kFacts[] = "tokenizer/tokenizer.json";
constexpr char kCut[] = "truncated_to_";  // followed by the context length
constexpr int kUsualContext = 77;
constexpr std::uint64_t kVocabularyBytesMax = 1 << 26;

/// How many texts match.
struct Tally {
  std::uint64_t all = 0;
  std::uint64_t wrong = 0;
  std::map<std::string, std::uint64_t> wrong_by_kind;
  std::string first_wrong;

  void add(const Json& line, const std::vector<std::int32_t>& ids) {
    ++all;
    if (ids == line.at("ids").get<std::vector<std::int32_t>>()) return;
    ++wrong;
    ++wrong_by_kind[line.value("kind", "")];
    if (first_wrong.empty()) first_wrong = line.at("text").dump();
  }
  std::string note() const {
    const double share = all == 0 ? 0 : static_cast<double>(all - wrong) / static_cast<double>(all);
    std::string text = format("{:.2f} % match", 100 * share);
    for (const auto& [kind, count] : wrong_by_kind) text += format(", {} {}", count, kind);
    return wrong == 0 ? text : text + ", first " + first_wrong;
  }
};

/// What tokenizer.json counts.
struct Counts {
  std::int64_t lines = 0;
  std::int64_t changed = 0;  ///< by ftfy
  std::int64_t matters = 0;  ///< whose ids depend on it
  std::int64_t cut = 0;      ///< that fill the context
  std::map<std::string, std::int64_t> kinds;

  void add(const Json& line, int context) {
    ++lines;
    ++kinds[line.value("kind", "")];
    changed += line.value("ftfy_changed", false) ? 1 : 0;
    matters += line.value("ftfy_matters", false) ? 1 : 0;
    cut += static_cast<int>(line.at("ids").size()) == context ? 1 : 0;
  }
};

int context_length(const Json& facts) {
  for (const auto& [name, value] : facts.items()) {
    if (name.starts_with(kCut)) return std::stoi(name.substr(sizeof kCut - 1));
  }
  return kUsualContext;
}

void compare_count(const std::string& name, const Json& value, const Counts& counts,
                   Report& report) {
  const std::string quantity = format("{}: {}", kFacts, name);
  if (name == "kinds") {
    for (const auto& [kind, count] : value.items()) {
      const auto found = counts.kinds.find(kind);
      report.equal(quantity + " " + kind, found == counts.kinds.end() ? 0 : found->second,
                   count.get<std::int64_t>());
    }
    return;
  }
  const std::map<std::string, std::int64_t> known = {
      {"n", counts.lines}, {"ftfy_changed", counts.changed}, {"ftfy_matters", counts.matters}};
  if (const auto found = known.find(name); found != known.end()) {
    report.equal(quantity, found->second, value.get<std::int64_t>());
  } else if (name.starts_with(kCut)) {
    report.equal(quantity, counts.cut, value.get<std::int64_t>());
  } else if (name != "vocabulary_sha256") {
    report.not_compared(quantity, "names a library of the reference");
  }
}

/// The product's merge list and the folder's. The stored digest is that of the packed file; a plain
/// one is compared with what the product's holds.
void compare_vocabulary(Folder& folder, const Json& facts, Report& report) {
  if (!facts.contains("vocabulary_sha256")) return;
  const auto expected = facts.at("vocabulary_sha256").get<std::string>();
  const auto digest_of = [](const Path& path) {
    const auto bytes = posix_file_system().read_file(path, kVocabularyBytesMax);
    return bytes.ok() ? sha256(*bytes) : bytes.status().message();
  };
  const Path product = model::default_vocabulary();
  report.equal("SHA-256 of the product's vocabulary", digest_of(product), expected);
  const auto plain = folder.file(kVocabulary);
  if (!plain) return;
  const Path packed = folder.root() / (std::string(kVocabulary) + ".gz");
  if (std::filesystem::exists(packed))
    return report.equal("SHA-256 of the folder's vocabulary", digest_of(packed), expected);
  const Path own = folder.scratch("vocabulary") / "plain";
  const Status status = unpack(product, own);
  if (!status.ok()) return report.failed("the product's vocabulary", status.message());
  report.equal("SHA-256 of the folder's unpacked vocabulary", digest_of(*plain), digest_of(own));
}

void compare_lines(const model::Tokenizer& tokenizer, const std::string& cases, const Json& facts,
                   Report& report) {
  const int context = context_length(facts);
  Counts counts;
  Tally plain, repaired;
  std::istringstream lines(cases);
  for (std::string text; std::getline(lines, text);) {
    if (text.empty()) continue;
    const Json line = Json::parse(text);
    const bool matters = line.value("ftfy_matters", false);
    (matters ? repaired : plain)
        .add(line, tokenizer.encode(line.at("text").get<std::string>(), context));
    counts.add(line, context);
  }
  report.counted("ids of texts that ftfy leaves alone", plain.all, plain.wrong, 0, {},
                 plain.note());
  const std::string quantity = "ids of texts that need ftfy's repair";
  if (repaired.all == 0 && facts.value("ftfy_matters", 0) > 0)
    report.missing(quantity, format("{} announces some", kFacts));
  else
    report.counted(quantity, repaired.all, repaired.wrong, 0, {}, repaired.note());
  for (const auto& [name, value] : facts.items()) compare_count(name, value, counts, report);
}

}  // namespace

void check_tokenizer(Folder& folder, Report& report) {
  const auto cases = folder.bytes(kCases);
  const Json* facts = folder.json(kFacts);
  if (!cases || facts == nullptr) return;
  const auto tokenizer = load_tokenizer(folder, report);
  if (!tokenizer) return;
  compare_lines(*tokenizer, *cases, *facts, report);
  compare_vocabulary(folder, *facts, report);
}

}  // namespace tagalign::golden
