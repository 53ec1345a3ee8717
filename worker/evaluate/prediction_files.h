/// What an evaluation keeps of an image for people and other programs: its label map, and what the
/// method says of it beside that. Files are written durably, an image at a time, from any thread.
///
/// FOLDER/DATASET/NAME.png           label map
/// FOLDER/DATASET.GROUP/NAME.png     a method's own label map, such as stage0
/// FOLDER/DATASET.maps/NAME/0.png    where class 0 is seen, 0…255, at the image's own size
/// FOLDER/DATASET.points/NAME.json   points of each class, for a promptable segmenter
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/segmentation_loader.h"
#include "model/inference/dense_scorer.h"

namespace tagalign::jobs {

class PredictionFiles {
 public:
  /// Of one data set. Borrows `files`.
  PredictionFiles(FileSystem& files, Path folder, std::string dataset)
      : files_(&files), folder_(std::move(folder)), dataset_(std::move(dataset)) {}

  /// Something was kept before.
  bool present() const { return files_->exists(folder_ / dataset_); }
  Status keep_prediction(const std::string& name, const data::LabelMap& labels) const;
  /// What `scorer` says of `image` beside its scores; `pixels` [3, H, W] are the image's, normalised.
  /// `classes` are the data set's; evidence is of its last ones.
  Status keep_extras(const model::DenseScorer& scorer, const data::EvaluationImage& image,
                     const at::Tensor& pixels, const std::vector<std::string>& classes) const;

 private:
  Path folder_of(const std::string& what) const { return folder_ / (dataset_ + "." + what); }
  Status write(const Path& path, const std::string& bytes) const;
  Status keep_evidence(const model::ClassEvidence& evidence, const data::EvaluationImage& image,
                       const std::vector<std::string>& classes) const;

  FileSystem* files_;
  Path folder_;
  std::string dataset_;
};

}  // namespace tagalign::jobs
