#include "tests/golden/check/reference_checkpoint.h"

#include "base/format.h"

namespace tagalign::golden {
std::optional<model::TorchArchive> open_archive(Folder& folder, Report& report,
                                                const std::string& relative) {
  const auto path = folder.file(relative);
  if (!path) return std::nullopt;
  auto source = model::file_source(posix_file_system(), *path);
  if (!source.ok()) {
    report.failed(relative, source.status().message());
    return std::nullopt;
  }
  auto archive = model::TorchArchive::open(std::move(source).value(), relative);
  if (!archive.ok()) {
    report.failed(relative, archive.status().message());
    return std::nullopt;
  }
  return std::move(archive).value();
}

Result<const model::PickleDict*> dict_at(const model::PickleDict& dict, const std::string& key) {
  const model::PickleRef value = dict.find(key);
  if (value == nullptr) return invalid_argument(format("there is no '{}'", key));
  if (const auto* found = value->as<model::PickleDict>()) return found;
  return invalid_argument(format("'{}' is {}, expected a dict", key, value->describe()));
}

}  // namespace tagalign::golden
