/// The page configs/KEYS.md: every key of every kind of job, from the
/// visit_fields() that loading uses.
#pragma once

#include <string>

namespace tagalign::config {

/// The whole page, in Markdown.
std::string keys_page();

}  // namespace tagalign::config
