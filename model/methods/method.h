/// The door of a method: what training and evaluation ask of it, and nothing else of the program
/// knows how it works.
///
/// A method is a folder below model/methods and a row in registry.cpp. The frozen CLIP is made once
/// by the caller; a method with an encoder of its own builds it from the trained tensors, or from
/// files that its section names, and says that it needs no CLIP.
/// Axes: B rows of a rank or windows of a batch, N classes, T tags, E joint embedding, h×w a
/// method's own grid.
/// Threads: objects that score are immutable and safe from several threads; an
/// objective belongs to one.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "configs/schema/jobs/job_configs.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/inference/dense_scorer.h"
#include "model/inference/refinement.h"
#include "model/methods/label_rows.h"
#include "model/training/state_dict.h"
#include "model/training/training_objective.h"

namespace tagalign::model {

/// What a result says of its method: {"clip_weight", "0.3", true}.
struct MethodSetting {
  std::string subject;
  std::string value;
  /// Sets rows of the table apart, not columns: how the method works, not how it is measured.
  bool of_method = true;
};

/// The classes of a data set as text.
struct ClassText {
  at::Tensor rows;  ///< [Q, E] fp32, a row a prompt; Q = N where a class has one
  std::vector<std::int64_t> class_of = {};  ///< [Q]; empty: row i is class i
};

/// What a scorer is made for, beside the text.
struct ScorerTask {
  std::string dataset = {};                ///< a method may have settings of its own for it
  const Refinement* refinement = nullptr;  ///< nullptr: none
  bool background = false;                 ///< the data set has one: a channel under kInWindow
};

/// A method ready to predict, with its weights and its section of the evaluation.
class DenseModel {
 public:
  virtual ~DenseModel() = default;
  /// By the frozen CLIP or by a text tower of its own, in up to `threads` threads. The materials'
  /// tokenizer is there. `classes` begin with the background only under BackgroundRule::kAtEnd.
  virtual ClassText embed_classes(const std::vector<std::string>& classes,
                                  const std::vector<std::string>& templates, int threads) const = 0;
  /// `text` as embed_classes() makes it. Borrows the materials and the refinement, not the model.
  virtual std::unique_ptr<DenseScorer> scorer(const ClassText& text,
                                              const ScorerTask& task) const = 0;
  /// Of its scorers.
  virtual BackgroundRule background() const { return BackgroundRule::kConstant; }
  /// False: every mix gives the same map.
  virtual bool mixes() const = 0;
  /// What the method is under this mix on this data set.
  virtual std::vector<MethodSetting> settings(double mix, const std::string& dataset) const = 0;
  /// Why the reference gives no number to compare with; empty: it gives one.
  virtual std::string missing_reference(double mix) const = 0;
  /// Those that were trained; none for a frozen baseline.
  virtual const Parameters& parameters() const = 0;
};

/// What every method is built on. All of it outlives what is built.
struct Materials {
  /// The frozen CLIP, of which both are there for a method that needs one.
  const VisionTower* vision = nullptr;
  const TextTower* text = nullptr;
  const Tokenizer* tokenizer = nullptr;  ///< CLIP's; may be missing where no text is read
  VisionAttention attention = VisionAttention::kSurgery;
  at::Device device = at::kCPU;
  /// For the files that a method's section names: text, and tensors of any weight file.
  FileSystem* files = nullptr;
  std::function<Result<StateDict>(const Path&)> read_weights = {};
  LabelStore* labels = nullptr;  ///< of a training's labels; nullptr: each is embedded on the spot
};

class TorchArchive;

/// What trained tensors say of their method.
struct WeightLayout {
  std::string architecture;  ///< "gdecoder, 2 layers, width 768"
  std::int64_t width = 0;    ///< of the CLIP that they fit, and its joint embedding
  std::int64_t embedding = 0;
};
using TensorShapes = std::map<std::string, std::vector<std::int64_t>>;

/// AdamW's moments as a reference's checkpoint holds them.
struct ReferenceMoments {
  StateDict tensors;          ///< "optimizer.exp_avg.NAME", "optimizer.exp_avg_sq.NAME"
  std::uint64_t updates = 0;  ///< steps that changed parameters: fp16 may have skipped some
  /// Of parameters that train from a later step on, where the method has such.
  std::optional<std::uint64_t> late_updates = std::nullopt;
};

/// A file that a method's reference wrote with torch.save: a training checkpoint, or less.
struct ReferenceFile {
  StateDict tensors;                        ///< as WeightNames::own() gives them
  std::string naming;                       ///< its spelling
  std::optional<std::uint64_t> steps_done;  ///< what the next four say is missing where it is unset
  std::optional<std::uint64_t> schedule_position;
  std::optional<double> next_lr;  ///< of the step after it
  std::optional<ReferenceMoments> moments;
};

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
  Result<ReferenceFile> (*read_reference)(TorchArchive& archive);
};

/// Names of the tags of the training data, in the order of their indices.
struct TagNames {
  std::vector<std::string> objects;          ///< of data.tags
  std::vector<std::string> attributes = {};  ///< of data.attributes; empty where none are learned
};

/// A row of the registry.
struct Method {
  std::string_view name;
  bool needs_clip = true;      ///< false: it has towers of its own, and the materials may lack CLIP
  const WeightNames* weights;  ///< nullptr: there is nothing to train
  /// nullptr: there is nothing to train.
  /// `config.method` is this method's; the materials' tokenizer is there.
  Result<std::unique_ptr<TrainingObjective>> (*objective)(const config::TrainConfig& config,
                                                          const Materials& materials,
                                                          const TagNames& tags);
  /// From trained tensors under their own names; a method without weights ignores them. `config` is
  /// this method's. kInvalidArgument for tensors that do not fit.
  Result<std::unique_ptr<DenseModel>> (*dense_model)(const Materials& materials,
                                                     const StateDict& trained,
                                                     const config::EvaluationMethod& config);
};

std::span<const Method> all_methods();
/// kInvalidArgument names those that there are.
Result<const Method*> find_method(std::string_view name);

}  // namespace tagalign::model
