/// From a tree to a checked job configuration. Internal to configs/schema.
#pragma once

#include "configs/schema/binder.h"
#include "configs/schema/checks.h"

namespace tagalign::config {

/// Reads T from `root`, then applies the rules between fields, once all fields are good.
template <class T>
Result<T> bind(const Node& root) {
  T config;
  Problems problems;
  Reader reader(&root, root.origin, "", problems);
  visit_fields(reader, config);
  reader.finish();
  TA_RETURN_IF_ERROR(problems.to_status());
  for (const Finding& finding : check(config)) {
    problems.add(locate(root, finding.path), finding.path + ": " + finding.message);
  }
  TA_RETURN_IF_ERROR(problems.to_status());
  return config;
}

}  // namespace tagalign::config
