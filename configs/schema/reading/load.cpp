#include "configs/schema/reading/load.h"

#include "configs/schema/document/inherit.h"
#include "configs/schema/document/yaml.h"
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

template Result<ScenesConfig> load_job_config(FileSystem&, const Path&, const Overrides&);
template Result<PretrainConfig> load_job_config(FileSystem&, const Path&, const Overrides&);
template Result<TrainConfig> load_job_config(FileSystem&, const Path&, const Overrides&);
template Result<EvaluateConfig> load_job_config(FileSystem&, const Path&, const Overrides&);
template Result<SegmentationDataConfig> load_job_config(FileSystem&, const Path&, const Overrides&);
template Result<ScenesConfig> parse_job_config(const std::string&, const std::string&,
                                               const Overrides&);
template Result<PretrainConfig> parse_job_config(const std::string&, const std::string&,
                                                 const Overrides&);
template Result<TrainConfig> parse_job_config(const std::string&, const std::string&,
                                              const Overrides&);
template Result<EvaluateConfig> parse_job_config(const std::string&, const std::string&,
                                                 const Overrides&);
template Result<std::string> dump(const ScenesConfig&);
template Result<std::string> dump(const PretrainConfig&);
template Result<std::string> dump(const TrainConfig&);
template Result<std::string> dump(const EvaluateConfig&);

}  // namespace tagalign::config
