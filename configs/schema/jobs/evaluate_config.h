/// tagalign-worker evaluate, and the data sets that it measures on.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "configs/schema/jobs/shared_configs.h"
#include "configs/schema/methods/methods.h"

namespace tagalign::config {

/// What one protocol uses on one data set. Unset: what the protocol uses everywhere, which is the
/// preset that configs/schema/methods gives it.
struct ProtocolDataConfig {
  std::optional<double> background_threshold;
  std::optional<int> short_side;
  std::optional<int> window;
  std::optional<int> stride;
  std::vector<std::string> templates;
  std::vector<std::string> class_prompts;
  bool in_reference = true;

  bool operator==(const ProtocolDataConfig&) const = default;
};

template <class V>
void visit_fields(V& v, ProtocolDataConfig& c) {
  v.field("background_threshold", c.background_threshold,
          Rule("the background's score or threshold; unset: the protocol's, if it has one"));
  v.field("short_side", c.short_side,
          Rule("images are resized to it; unset: the protocol's").between(16, 8192).in("pixels"));
  v.field("window", c.window,
          Rule("side of the sliding window, 8192: the whole image; unset: the protocol's")
              .between(16, limits::kWholeImageWindow)
              .in("pixels"));
  v.field("stride", c.stride,
          Rule("step of the sliding window; unset: the protocol's (v1 224, v3 56)")
              .between(1, 8192)
              .in("pixels"));
  v.field("templates", c.templates, Rule("empty: the protocol's").one_as_list());
  v.field("class_prompts", c.class_prompts,
          Rule("what stands for each class in a prompt, in the order of the classes; empty: their "
               "names"));
  v.field("in_reference", c.in_reference,
          Rule("false: the reference cannot evaluate this set under this protocol; every result "
               "says so")
              .keeps_numbers());
}

/// One segmentation data set: images, a PNG of class indices for each, and names of the classes.
/// Images and labels stand at the same relative path, NAME + suffix, at any depth. Ready files for
/// public benchmarks lie in configs/benchmarks.
struct SegmentationDataConfig {
  std::string name;
  std::string root;
  std::string images = "images";
  std::string labels = "labels";
  std::string split;
  std::string image_suffix;
  std::string label_suffix = ".png";
  LabelEncoding label_encoding = LabelEncoding::kIndex;
  std::string classes = "classes.txt";
  std::vector<std::string> class_names;
  int expected_images = 0;
  int ignore_index = 255;
  bool reduce_zero_label = false;
  bool background = false;
  std::optional<double> background_threshold;
  int max_pixels = 0;
  int max_pixels_side = 1000;
  std::vector<std::string> templates;
  std::optional<int> short_side;
  int long_side_max = 2048;
  std::optional<int> window;
  std::optional<int> stride;
  std::map<std::string, ProtocolDataConfig> protocols;

  bool operator==(const SegmentationDataConfig&) const = default;
};

/// Where the files lie and how the labels are to be read.
template <class V>
void visit_files(V& v, SegmentationDataConfig& c) {
  v.field("name", c.name, Rule("column of the table").required().keeps_numbers());
  v.field("root", c.root, Rule("folder of the data set").required().keeps_numbers());
  v.field("images", c.images, Rule("folder below root").required().keeps_numbers());
  v.field("labels", c.labels, Rule("folder below root").required().keeps_numbers());
  v.field("split", c.split,
          Rule("text file below root, one NAME a line; empty: all images").keeps_numbers());
  v.field("image_suffix", c.image_suffix,
          Rule("what follows NAME; empty: .jpg, .jpeg or .png. With a suffix of its own, other "
               "files in the folder do not matter")
              .keeps_numbers());
  v.field("label_suffix", c.label_suffix,
          Rule("what follows NAME, as in _gtFine_labelTrainIds.png; ends in .png")
              .required()
              .keeps_numbers());
  v.field("label_encoding", c.label_encoding,
          Rule("index: grey or palette PNG; rgb16: R + 256·G of a colour PNG"));
  v.field("classes", c.classes,
          Rule("text file below root; one class a line, in the order of the indices")
              .required()
              .keeps_numbers());
  v.field("class_names", c.class_names, Rule("not empty: the classes; no classes file is read"));
  v.field("expected_images", c.expected_images,
          Rule("another number of images is refused; 0: any")
              .between(0, 1'000'000'000)
              .keeps_numbers());
}

template <class V>
void visit_fields(V& v, SegmentationDataConfig& c) {
  visit_files(v, c);
  v.field("ignore_index", c.ignore_index, Rule("label that counts nowhere").between(0, 65'535));
  v.field("reduce_zero_label", c.reduce_zero_label,
          Rule("label 0 becomes ignored, the others move down by one"));
  v.field("background", c.background,
          Rule("class 0 is background: no prompt, a constant score instead"));
  v.field("background_threshold", c.background_threshold,
          Rule("that constant; unset: the protocol's"));
  v.field(
      "max_pixels", c.max_pixels,
      Rule("larger images are first shrunk, and their label map enlarged to the label's size at "
           "the end; 0: never")
          .between(0, 1'000'000'000)
          .in("pixels"));
  v.field("max_pixels_side", c.max_pixels_side,
          Rule("longer side after that").between(1, 65'536).in("pixels"));
  v.field("templates", c.templates,
          Rule("prompts ({} is the class name) and names of sets: simple, full, subset, maskclip, "
               "custom; empty: the protocol's")
              .one_as_list());
  v.field("short_side", c.short_side,
          Rule("images are resized to it, keeping the ratio; unset: the protocol's (v1, v3: 448)")
              .between(16, 8192)
              .in("pixels"));
  v.field("long_side_max", c.long_side_max,
          Rule("bound of the other side; at least short_side").between(16, 65'536).in("pixels"));
  v.field(
      "window", c.window,
      Rule("side of the sliding window, 8192: the whole image; unset: the protocol's (v1, v3: 448)")
          .between(16, limits::kWholeImageWindow)
          .in("pixels"));
  v.field("stride", c.stride,
          Rule("step of the sliding window, at most window; unset: the protocol's")
              .between(1, 8192)
              .in("pixels"));
  v.map("protocols", c.protocols, "under the protocol of that name, where the above is unset");
}

/// Several results from one pass over the images; an empty list: the configuration's own value.
struct SweepConfig {
  std::vector<double> thresholds;
  std::vector<double> clip_weights;

  bool operator==(const SweepConfig&) const = default;
};

template <class V>
void visit_fields(V& v, SweepConfig& c) {
  v.field("thresholds", c.thresholds, Rule("background thresholds, for data sets with background"));
  v.field("clip_weights", c.clip_weights,
          Rule("shares of the frozen map in the mix").between(0, 1));
}

/// What is unset follows from the method; evaluation_settings.h decides it, and `tagalign
/// submit --dry-run` shows it.
struct EvaluateConfig {
  RuntimeConfig runtime;
  ClipConfig clip;
  EvaluationMethod method;
  RefineChoice refine;
  std::string label;
  std::string checkpoint;
  std::vector<std::string> templates;
  std::vector<SegmentationDataConfig> datasets;
  int read_ahead = 4;
  SweepConfig sweep;
  bool multilabel = false;
  std::string output = "results";
  int save_predictions = 0;

  bool operator==(const EvaluateConfig&) const = default;
};

template <class V>
void visit_fields(V& v, EvaluateConfig& c) {
  v.section("runtime", c.runtime, "how a rank runs");
  v.section("clip", c.clip, "the frozen CLIP");
  v.tagged("method", c.method, "what predicts, and how its maps become scores");
  v.tagged("refine", c.refine,
           "how scores are sharpened by the image; preset: as the method's source does");
  v.field("label", c.label, Rule("row of the table; empty: the method's name").keeps_numbers());
  v.field("checkpoint", c.checkpoint,
          Rule("what the method trained: a checkpoint folder, a folder of them (the newest whole "
               "one), an export, or its reference's .pth; empty for a method that trains nothing. "
               "It has a digest of its own")
              .keeps_numbers());
  v.field("templates", c.templates,
          Rule("not empty: in place of each data set's own").one_as_list());
  v.list("datasets", c.datasets, 1, "segmentation data sets");
  v.field(
      "read_ahead", c.read_ahead,
      Rule("images that a rank reads, decodes and resizes at once, ahead of the model, each in a "
           "thread; memory grows with it, results do not depend on it")
          .between(1, 64)
          .in("images")
          .keeps_numbers());
  v.section("sweep", c.sweep, "several results from one pass over the images");
  v.field("multilabel", c.multilabel,
          Rule("also rank the images for each class: average precision, the mean of which is mAP"));
  v.field("output", c.output,
          Rule("folder of result files, one a content key").required().keeps_numbers());
  v.field("save_predictions", c.save_predictions,
          Rule("label maps of the first so many images of each set are kept as PNG in "
               "output/predictions, and what the method says beside them: groups, similarity maps, "
               "points for a promptable segmenter; not in a sweep")
              .between(0, 1'000'000)
              .in("images")
              .keeps_numbers());
}

}  // namespace tagalign::config
