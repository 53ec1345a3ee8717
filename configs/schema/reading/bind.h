/// From a tree to a checked job configuration. Internal to configs/schema.
#pragma once

#include <optional>

#include "configs/schema/document/binder.h"
#include "configs/schema/reading/checks.h"

namespace tagalign::config {

/// Reads T from `root`, then applies the rules between fields, once all fields are good. `path` is
/// put before the path of each field in messages. nullopt when a problem was added.
template <class T>
std::optional<T> bind(const Node& root, const std::string& path, Problems& problems) {
  T config;
  Problems found;
  Reader reader(&root, root.origin, path, found);
  visit_fields(reader, config);
  reader.finish();
  if (found.empty()) {
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const Finding& finding : check(config)) {
      found.add(locate(root, finding.path), prefix + finding.path + ": " + finding.message);
    }
  }
  problems.append(found);
  if (!found.empty()) return std::nullopt;
  return config;
}

}  // namespace tagalign::config
