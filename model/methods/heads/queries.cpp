#include "model/methods/heads/queries.h"

#include <utility>

#include "model/inference/segmentation.h"
#include "model/training/losses.h"

namespace tagalign::model {

QueryNames split_names(const std::vector<std::string>& classes, const std::string& separator) {
  QueryNames queries;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    std::size_t from = 0;
    while (true) {
      const std::size_t to =
          separator.empty() ? std::string::npos : classes[i].find(separator, from);
      queries.names.push_back(classes[i].substr(from, to - from));
      queries.class_of.push_back(static_cast<std::int64_t>(i));
      if (to == std::string::npos) break;
      from = to + separator.size();
    }
  }
  return queries;
}

ClassText embed_queries(const Materials& materials, QueryNames queries,
                        const std::vector<std::string>& templates, int threads) {
  TA_CHECK(materials.text != nullptr && materials.tokenizer != nullptr,
           "a text tower, a tokenizer");
  const at::Tensor prompts = prompt_embeddings(clip_prompts(*materials.text, *materials.tokenizer),
                                               queries.names, templates, threads);  // [Q, T, E]
  return {normalize_features(normalize_features(prompts).mean(1)), std::move(queries.class_of)};
}

}  // namespace tagalign::model
