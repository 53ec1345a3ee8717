/// The door of a method: what training and evaluation ask of it, and nothing else of the program
/// knows how it works.
///
/// A method is a folder below model/methods and a row in registry.cpp. The frozen CLIP is made once
/// by the caller; a method with an encoder of its own builds it from the trained tensors and leaves
/// the frozen one alone.
/// Axes: B rows of a rank or windows of a batch, N classes, T tags, E joint embedding, h×w a
/// method's own grid.
/// Threads: objects that score are immutable and safe from several threads; an
/// objective belongs to one.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "configs/schema/jobs/job_configs.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/inference/dense_scorer.h"
#include "model/training/state_dict.h"
#include "model/training/training_objective.h"

namespace tagalign::model {

/// A method's own setting, as its results record it: {"clip_weight", "0.3"}.
struct MethodSetting {
  std::string subject;
  std::string value;
};

/// A method ready to predict, with its weights.
class DenseModel {
 public:
  virtual ~DenseModel() = default;
  /// `text` [N, E] before any normalisation. Borrows the materials, not the model.
  virtual std::unique_ptr<DenseScorer> scorer(const at::Tensor& text,
                                              const ScoreOptions& options) const = 0;
  /// False: every mix gives the same map.
  virtual bool mixes() const = 0;
  /// What the method is under this mix.
  virtual std::vector<MethodSetting> settings(double mix) const = 0;
  /// Why the reference gives no number to compare with; empty: it gives one.
  virtual std::string missing_reference(std::string_view protocol, double mix) const = 0;
  /// Those that were trained; none for a frozen baseline.
  virtual const Parameters& parameters() const = 0;
};

/// What every method is built on. All of it outlives what is built.
struct Materials {
  const VisionTower& vision;
  const TextTower& text;
  VisionAttention attention = VisionAttention::kSurgery;
  at::Device device = at::kCPU;
};

struct ReferenceCheckpoint;
class TorchArchive;

/// What trained tensors say of their method.
struct WeightLayout {
  std::string architecture;  ///< "gdecoder, 2 layers, width 768"
  std::int64_t width = 0;    ///< of the CLIP that they fit, and its joint embedding
  std::int64_t embedding = 0;
};
using TensorShapes = std::map<std::string, std::vector<std::int64_t>>;

/// A method's trained tensors in files: what import, export and show ask. `own` tensors have the
/// names that training gives them, those of the reference's branch main.
struct WeightNames {
  bool (*is_own)(const std::string& name);          ///< under any spelling
  StateDict (*own)(const StateDict& tensors);       ///< those that is_own(), under their own names
  std::string_view optional;                        ///< the own name that may be absent
  std::string (*naming)(const StateDict& tensors);  ///< which spelling: "main" or "dev"
  Result<StateDict> (*respelled)(const StateDict& own, const std::string& naming);
  /// kInvalidArgument when `own` holds no weights of this method.
  Result<WeightLayout> (*layout)(const StateDict& own);
  /// The architecture that `config` asks for, at the width that was found.
  Result<std::string> (*asked)(const config::TrainConfig& config, const WeightLayout& found);
  /// Of all own tensors but the optional one; as `config` asks, or else as `own` has them.
  Result<TensorShapes> (*shapes)(const StateDict& own, const config::TrainConfig* config);
  /// A file that torch.save wrote: a training checkpoint of the reference, or less.
  Result<ReferenceCheckpoint> (*read_reference)(TorchArchive& archive);
};

/// A row of the registry.
struct Method {
  std::string_view name;
  const WeightNames* weights;  ///< nullptr: there is nothing to train
  /// nullptr: there is nothing to train.
  Result<std::unique_ptr<TrainingObjective>> (*objective)(const config::TrainConfig& config,
                                                          const Materials& materials,
                                                          const Tokenizer& tokenizer,
                                                          const std::vector<std::string>& tags);
  /// From trained tensors under the names of branch main; a method without weights ignores them.
  /// kInvalidArgument for tensors that do not fit.
  Result<std::unique_ptr<DenseModel>> (*dense_model)(const Materials& materials,
                                                     const StateDict& trained);
};

std::span<const Method> all_methods();
/// kInvalidArgument names those that there are.
Result<const Method*> find_method(std::string_view name);

}  // namespace tagalign::model
