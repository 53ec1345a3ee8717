#include "configs/schema/reading/load.h"

#include <tuple>
#include <type_traits>

#include "configs/schema/document/inherit.h"
#include "configs/schema/document/yaml.h"
#include "configs/schema/jobs/job_kinds.h"
#include "configs/schema/jobs/published_scores.h"
#include "configs/schema/reading/bind.h"

namespace tagalign::config {
namespace {

template <class T>
Result<T> finish(Node root, const Overrides& overrides) {
  for (const std::string& text : overrides) TA_RETURN_IF_ERROR(apply_override(root, text));
  Problems problems;
  std::optional<T> config = bind<T>(root, "", problems);
  TA_RETURN_IF_ERROR(problems.to_status());
  return *std::move(config);
}

}  // namespace

template <class T>
Result<T> load_job_config(FileSystem& files, const Path& file, const Overrides& overrides) {
  TA_ASSIGN_OR_RETURN(Node root, read_document(files, file));
  return finish<T>(std::move(root), overrides);
}

template <class T>
Result<T> parse_job_config(const std::string& text, const std::string& name,
                           const Overrides& overrides) {
  TA_ASSIGN_OR_RETURN(Node root, read_text(text, name));
  return finish<T>(std::move(root), overrides);
}

template <class T>
Result<std::string> dump(const T& config) {
  T copy = config;
  const std::string text = emit_yaml(Writer::write(copy));
  TA_ASSIGN_OR_RETURN(const T reread, parse_job_config<T>(text, "effective configuration"));
  if (!(reread == config)) {
    return invalid_argument(
        "the configuration cannot be written as YAML: expected text in UTF-8 and finite numbers");
  }
  return text;
}

namespace {

template <class T>
constexpr std::tuple kFunctionsOf = {&load_job_config<T>, &parse_job_config<T>, &dump<T>};

/// Naming the templates here is what makes them for every kind in the table.
[[gnu::used]] const auto kEveryKind = std::apply(
    [](const auto&... kinds) {
      return std::tuple{kFunctionsOf<typename std::decay_t<decltype(kinds)>::ConfigType>...};
    },
    kJobKinds);

}  // namespace

template Result<PublishedScores> load_job_config(FileSystem&, const Path&, const Overrides&);
template Result<SegmentationDataConfig> load_job_config(FileSystem&, const Path&, const Overrides&);

}  // namespace tagalign::config
