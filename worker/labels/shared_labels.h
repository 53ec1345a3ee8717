/// The rows of a training's labels, made once: each rank makes its share, and a later start reads
/// what this one made.
///
/// The first rank alone looks at the files and sends what it found, so that ranks which see a shared
/// folder differently still learn from the same bytes. Files that cannot be read or written are a
/// notice and cost time, never the run.
#pragma once

#include <string>
#include <utility>

#include "model/methods/label_rows.h"
#include "worker/labels/label_cache.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

class SharedLabels final : public model::LabelStore {
 public:
  /// `folder`: where rows are kept. `weights`: digest of what makes them. Borrows the rank.
  SharedLabels(Rank& rank, Path folder, std::string weights)
      : rank_(rank), cache_(rank.files, std::move(folder)), weights_(std::move(weights)) {}

  /// Collective.
  Result<at::Tensor> rows(const model::LabelRows& rows) override;

 private:
  Result<LabelKey> agree_on_key(const model::LabelRows& rows);
  Result<std::string> find(const LabelKey& key);
  Result<at::Tensor> make(const model::LabelRows& rows);
  void keep(const LabelKey& key, const at::Tensor& rows);

  Rank& rank_;
  LabelCache cache_;
  std::string weights_;
};

}  // namespace tagalign::jobs
