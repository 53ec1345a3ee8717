#include "coordinator/cli/convert/result_files.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/format.h"
#include "base/limits.h"
#include "coordinator/wire/result_document.h"

namespace tagalign::cli {
namespace {

using wire::ResultDocument;

struct ResultFile {
  Path path;
  ResultDocument document;
};

Result<ResultFile> read(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kConfigFileBytesMax));
  TA_ASSIGN_OR_RETURN(auto document, wire::parse_result(text, path.string()));
  return ResultFile{path, std::move(document)};
}

/// Results by key, and what is wrong with the others.
class Collection {
 public:
  void add(Result<ResultFile> file) {
    if (!file.ok()) {
      complaints_.push_back(file.status().message());
      return;
    }
    const std::string key = file->document.result.key;
    const auto [kept, is_new] = by_key_.try_emplace(key, *file);
    if (is_new) order_.push_back(key);
    const auto& first = kept->second;
    if (!wire::same_counts(first.document.result, file->document.result)) {
      complaints_.push_back(
          format("result file {}: counted other pixels than {} for the same key; "
                 "that one stays: equal input must give equal counts, report this",
                 file->path.string(), first.path.string()));
    }
  }

  CollectedResults finish() {
    std::ranges::stable_sort(order_, {}, [&](const auto& key) { return revision_of(key); });
    const int newest = order_.empty() ? 0 : revision_of(order_.back());
    CollectedResults collected;
    for (const std::string& key : order_) {
      const ResultFile& file = by_key_.at(key);
      collected.rows.push_back({.job = {}, .result = file.document.result, .at_ms = 0});
      if (revision_of(key) == newest) continue;
      complaints_.push_back(
          format("result file {}: evaluation revision {}, others have {}: their "
                 "numbers do not compare; evaluate again",
                 file.path.string(), revision_of(key), newest));
    }
    collected.complaints = std::move(complaints_);
    return collected;
  }

 private:
  int revision_of(const std::string& key) const {
    return by_key_.at(key).document.evaluation_revision;
  }

  std::map<std::string, ResultFile> by_key_;
  std::vector<std::string> order_;
  std::vector<std::string> complaints_;
};

}  // namespace

Result<CollectedResults> collect_results(FileSystem& files, const std::vector<Path>& folders) {
  Collection collection;
  for (const Path& folder : folders) {
    TA_ASSIGN_OR_RETURN(const auto names, files.list_directory(folder));
    for (const std::string& name : names) {
      if (Path(name).extension() == ".json") collection.add(read(files, folder / name));
    }
  }
  return collection.finish();
}

}  // namespace tagalign::cli
