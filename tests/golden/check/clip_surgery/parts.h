/// The parts of the group: the encoder, texts, and what is computed from images and texts.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "configs/schema/methods/clip_surgery.h"
#include "model/methods/method.h"
#include "tests/golden/check/folder.h"
#include "tests/golden/check/heads/sources.h"
#include "tests/golden/check/report.h"

namespace tagalign::golden::clip_surgery {

inline constexpr char kFolder[] = "clip_surgery/";

/// The product's model with its texts of some classes, by the evaluation's path.
class Texts {
 public:
  Texts(const Clip& clip, const std::vector<std::string>& classes);
  /// [Q + 1, E], the empty text's row last.
  const at::Tensor& rows() const { return text_.rows; }
  std::unique_ptr<model::DenseScorer> scorer(const config::ClipSurgeryEvaluation& section) const;

 private:
  const Clip& clip_;
  model::ClassText text_;
};

/// By the method's row of the registry.
std::unique_ptr<model::DenseModel> surgery_model(const Clip& clip,
                                                 const config::ClipSurgeryEvaluation& section);

void compare_encoder(Folder& folder, const Clip& clip, Report& report);
void compare_texts(Folder& folder, const Clip& clip, const Json& facts, Report& report);
void compare_images(Folder& folder, const Clip& clip, const Json& facts, Report& report);

}  // namespace tagalign::golden::clip_surgery
