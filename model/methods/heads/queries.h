/// Texts of classes as queries: one or several a class.
///
/// Axes: N classes, Q queries, T templates, E joint embedding.
#pragma once

#include <string>
#include <vector>

#include "model/methods/method.h"

namespace tagalign::model {

/// Each class cut at `separator` (empty: not at all), blanks kept; a class without a name is one
/// query of an empty name. In order: {"sky", "house", "building"}, {0, 1, 1}.
struct QueryNames {
  std::vector<std::string> names;      ///< [Q]
  std::vector<std::int64_t> class_of;  ///< [Q]
};
QueryNames split_names(const std::vector<std::string>& classes, const std::string& separator);

/// Of each name the mean over templates of its prompts' normalised embeddings, normalised.
ClassText embed_queries(const Materials& materials, QueryNames queries,
                        const std::vector<std::string>& templates, int threads);

}  // namespace tagalign::model
