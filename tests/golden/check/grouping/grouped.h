/// What the groups of GroupViT and OVSegmentor share: their folders differ in names alone.
///
/// A folder holds weights/NAME.json and .safetensors of several models; every size
/// is read from them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/methods/grouping/group_model.h"
#include "model/methods/method.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden {

/// A model of the folder, through its method's row of the registry.
struct GroupedModel {
  std::unique_ptr<model::DenseModel> model;
  model::GroupTower tower;  ///< the same image tower, to look inside
};

/// How a method builds its models from a folder.
class GroupedMethod {
 public:
  virtual ~GroupedMethod() = default;
  /// Name in the registry.
  virtual std::string name() const = 0;
  virtual config::EvaluationMethod config(const Json& sizes) const = 0;
  virtual model::Materials materials() const = 0;
  /// Bounds of its README: relative to max(1, the largest entry), or absolute.
  virtual Tolerance activation() const = 0;  ///< tokens, blocks, groups
  virtual Tolerance soft_assignment() const = 0;
  virtual Tolerance projected() const = 0;
  virtual Tolerance class_embedding() const = 0;
  virtual Tolerance score(double logit_scale) const = 0;
  virtual Tolerance group_map() const = 0;
};

/// The models of a folder, built once.
class GroupedModels {
 public:
  GroupedModels(Folder& folder, Report& report, const GroupedMethod& method)
      : folder_(folder), report_(report), method_(method) {}

  std::vector<std::string> names() const;
  /// weights/NAME.json and .safetensors; nullptr after a line.
  const Json* sizes(const std::string& name);
  /// The method's own tensors; nullopt after a line.
  std::optional<model::StateDict> weights(const std::string& name);
  /// nullptr after a line.
  GroupedModel* find(const std::string& name);
  const GroupedMethod& method() const { return method_; }

 private:
  std::optional<GroupedModel> build(const std::string& name);

  Folder& folder_;
  Report& report_;
  const GroupedMethod& method_;
  std::map<std::string, std::optional<GroupedModel>> models_;
};

/// A tolerance relative to max(1, the largest expected entry).
constexpr Tolerance scaled_bound(double bound) {
  return {.absolute = bound, .typical = 1};
}

/// image/NAME.safetensors: every tensor but the inputs. The groups' names in the file are those of
/// StageObserver; `renamed` gives others.
void check_grouped_images(Folder& folder, Report& report, GroupedModels& models,
                          const std::map<std::string, std::string>& renamed);

/// inference/: runs, scores and label maps.
void check_grouped_inference(Folder& folder, Report& report, GroupedModels& models);

/// checkpoints/checkpoint.json and its file, which the program's own reader reads: the tensors of
/// weights/`model` must come out of it.
void check_grouped_checkpoint(Folder& folder, Report& report, GroupedModels& models,
                              const std::string& model);

}  // namespace tagalign::golden
