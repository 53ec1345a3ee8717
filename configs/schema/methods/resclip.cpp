#include "configs/schema/methods/resclip.h"

#include <algorithm>
#include <functional>

#include "base/format.h"

namespace tagalign::config {
namespace {

AttentionBlend changed(const AttentionBlend& blend, const AttentionBlendChange& change) {
  return {.temperature = change.temperature.value_or(blend.temperature),
          .weight = change.weight.value_or(blend.weight)};
}

}  // namespace

ResClipEvaluation ResClipEvaluation::on(const std::string& dataset) const {
  ResClipEvaluation all = *this;
  const auto found = datasets.find(dataset);
  if (found == datasets.end()) return all;
  const ResClipDataset& change = found->second;
  all.settings = settings.with(change.protocol);
  all.rcs = changed(rcs, change.rcs);
  all.sfr = changed(sfr, change.sfr);
  all.feedback_threshold = change.feedback_threshold.value_or(feedback_threshold);
  all.delete_same_entity = change.delete_same_entity.value_or(delete_same_entity);
  return all;
}

void ResClipEvaluation::check(const std::string& path, Findings& findings) const {
  const HeadAttention attention = settings.attention;
  if (attention == HeadAttention::kIdentity || attention == HeadAttention::kNeighbours) {
    findings.push_back(
        {path + ".attention",
         format("expected query_key, query_plus_key, key_neighbours, key or query, found {}: it "
                "compares no patches that feedback could join",
                word(attention))});
  }
  if (std::ranges::adjacent_find(blocks, std::greater_equal<>()) != blocks.end()) {
    findings.push_back({path + ".blocks", "expected ascending numbers of blocks, each once"});
  }
}

}  // namespace tagalign::config
