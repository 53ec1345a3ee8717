/// Typed configuration of every kind of job. Each field's comment gives effect, unit, default and
/// range.
///
/// Loading (load.h) knows every field through visit_fields(); unknown keys, wrong types and values
/// out of range are refused with file:line. Relative paths are relative to the working directory of
/// the rank: a workflow's workspace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tagalign::config {

// ---------------------------------------------------------------- shared sections

/// How a rank runs.
struct RuntimeConfig {
  std::uint64_t seed = 1;  ///< names every random stream of the job
  /// CPU threads of one rank; 1…256. A training's bits are only comparable at equal counts; an
  /// evaluation deals images to them, and its integers do not depend on them.
  int threads_per_rank = 1;
  std::string precision = "fp32";    ///< fp32 | bf16 (autocast of matrix work; weights stay fp32)
  std::string device = "auto";       ///< auto (a GPU when there is one) | cpu | cuda
  std::string collectives = "auto";  ///< auto (nccl on GPUs, else mpi) | mpi | nccl
  double bucket_mib = 4.0;         ///< gradients are averaged in buckets of this size; 0.25…1024
  int collective_timeout_s = 600;  ///< a collective that takes longer ends the gang; 1…86400
  int log_every_steps = 10;        ///< a log line every so many steps; 1…1e6

  bool operator==(const RuntimeConfig&) const = default;
};

/// Image-caption-tag data in the reference's layout.
struct CaptionDataConfig {
  std::string root;          ///< folder that the CSV's file names are relative to; required
  std::string captions;      ///< CSV with header file,caption; required
  std::string tags;          ///< JSON object: file → list of tag indices; required for train
  std::string tag_names;     ///< text file, one tag a line (or object_list.csv); required for train
  int image_size = 224;      ///< pixels, side of the training crop; 16…1024
  int loader_threads = 1;    ///< decoding threads of a rank; 0 (decode in the training thread)…64
  int prefetch_batches = 2;  ///< batches decoded ahead; 1…64

  bool operator==(const CaptionDataConfig&) const = default;
};

/// What happens to a training image (reference: timm's create_transform).
struct AugmentConfig {
  double scale_min = 0.08;       ///< RandomResizedCrop, smallest share of the area; 0…1
  double scale_max = 1.0;        ///< largest share of the area; 0…1
  double ratio_min = 0.75;       ///< smallest aspect ratio; above 0
  double ratio_max = 4.0 / 3.0;  ///< largest aspect ratio
  double flip = 0.5;             ///< probability of a horizontal flip; 0…1
  std::string rand_augment = "rand-m9-mstd0.5-inc1";  ///< timm's notation; empty: off
  double erase = 0.25;                                ///< probability of random erasing; 0…1

  bool operator==(const AugmentConfig&) const = default;
};

/// AdamW and its schedule, as in the reference.
struct OptimizerConfig {
  double base_lr = 1e-3;             ///< lr = base_lr · global_batch / lr_reference_batch; above 0
  double lr_reference_batch = 4096;  ///< above 0
  double beta1 = 0.9;                ///< 0…1
  double beta2 = 0.999;              ///< 0…1
  double eps = 1e-6;                 ///< above 0
  double weight_decay = 0.05;        ///< not applied to 1-D tensors and *.bias; 0…
  double clip_grad_norm = 5.0;       ///< global L2 norm; above 0
  std::string schedule = "constant";  ///< constant | cosine (linear warm-up, then cosine to min_lr)
  std::uint64_t warmup_steps = 0;     ///< steps of linear warm-up from 1e-4·lr (cosine only)
  double min_lr = 0.0;                ///< end of the cosine, scaled like base_lr

  bool operator==(const OptimizerConfig&) const = default;
};

struct CheckpointConfig {
  std::string directory = "checkpoints";  ///< holds step-00001200/ folders
  std::uint64_t every_steps = 1000;       ///< 1…
  int keep_last = 3;                      ///< older ones are removed; 0 keeps all

  bool operator==(const CheckpointConfig&) const = default;
};

struct ClipConfig {
  std::string
      weights;  ///< CLIP weights, told by content: OpenAI's TorchScript archive, a state dict
                ///< (.pth) or safetensors; required
  std::string attention = "surgery";  ///< surgery | plain | maskclip

  bool operator==(const ClipConfig&) const = default;
};

struct ProjectorConfig {
  std::string kind = "gdecoder";  ///< gdecoder | transformer
  int layers = 0;                 ///< 0: the reference's (gdecoder 2, transformer 1); …16

  bool operator==(const ProjectorConfig&) const = default;
};

// ---------------------------------------------------------------- jobs

/// tagalign-worker train
struct TrainConfig {
  RuntimeConfig runtime;
  CaptionDataConfig data;
  AugmentConfig augment;
  ClipConfig clip;
  ProjectorConfig projector;
  OptimizerConfig optimizer;
  CheckpointConfig checkpoint;
  double infonce_weight = 1.0;   ///< 0…
  double multitag_weight = 1.0;  ///< 0…
  std::vector<std::string> tag_templates = {
      "a photo of a {}."};  ///< prompts behind the label embedding
  int global_batch = 512;   ///< samples per step over all ranks; a multiple of the world size; 1…
  std::uint64_t steps = 30001;  ///< 1…

  bool operator==(const TrainConfig&) const = default;
};

/// tagalign-worker pretrain: a CLIP of the given size, contrastively, from nothing.
struct PretrainConfig {
  RuntimeConfig runtime;
  CaptionDataConfig data;
  AugmentConfig augment;
  OptimizerConfig optimizer;
  CheckpointConfig checkpoint;
  int vision_width = 768;                   ///< a multiple of 64
  int vision_layers = 12;                   ///< 7… (surgery rewrites the last six)
  int patch_size = 16;                      ///< pixels; divides data.image_size
  int text_width = 512;                     ///< a multiple of 64
  int text_layers = 12;                     ///< 1…
  int embed_dim = 512;                      ///< joint embedding; 1…
  int global_batch = 256;                   ///< samples per step over all ranks
  std::uint64_t steps = 1000;               ///< 1…
  std::string output = "clip.safetensors";  ///< written at the end, durably; OpenAI's names

  bool operator==(const PretrainConfig&) const = default;
};

/// What one protocol uses on one data set. Unset: what the protocol uses everywhere (protocols.h).
struct ProtocolDataConfig {
  std::optional<double> background_threshold;  ///< constant score of the background
  std::optional<int> stride;                   ///< pixels; 1…8192
  bool in_reference = true;  ///< false: the reference cannot evaluate this set under this protocol;
                             ///< every result says so

  bool operator==(const ProtocolDataConfig&) const = default;
};

/// One segmentation data set: images, a PNG of class indices for each, and names of the classes.
/// Images and labels stand at the same relative path, NAME + suffix, at any depth. Ready files for
/// public benchmarks lie in configs/benchmarks.
struct SegmentationDataConfig {
  std::string name;               ///< column of the table; required
  std::string root;               ///< folder; required
  std::string images = "images";  ///< below root
  std::string labels = "labels";  ///< below root
  std::string split;              ///< text file below root, one NAME a line; empty: all images
  std::string image_suffix;       ///< what follows NAME; empty: .jpg, .jpeg or .png. With a suffix
                                  ///< of its own, other files in the folder do not matter
  std::string label_suffix = ".png";     ///< what follows NAME, as in _gtFine_labelTrainIds.png
  std::string label_encoding = "index";  ///< index (grey or palette PNG) | rgb16 (R + 256·G)
  std::string classes =
      "classes.txt";  ///< below root; one class a line, in the order of the indices
  std::vector<std::string> class_names;  ///< not empty: the classes; no classes file is read
  int expected_images = 0;               ///< another number is refused; 0: any; 0…1e9
  int ignore_index = 255;                ///< label that counts nowhere; 0…65535
  bool reduce_zero_label = false;        ///< label 0 becomes ignored, the others move down by one
  bool background = false;  ///< class 0 is background: no prompt, a constant score instead
  std::optional<double> background_threshold;  ///< that constant; unset: v1 or v3 below
  int max_pixels = 0;          ///< larger images are first shrunk, and their label map enlarged to
                               ///< the label's size at the end; 0: never; 0…1e9
  int max_pixels_side = 1000;  ///< pixels, longer side after that; 1…65536
  std::vector<std::string> templates =
      {"simple"};  ///< prompts ({} is the class name) and names of sets: simple, full, subset,
                   ///< maskclip, custom
  int short_side = 448;       ///< pixels; images are resized keeping the ratio; 16…8192
  int long_side_max = 2048;   ///< pixels; 16…65536
  int window = 448;           ///< pixels, side of the sliding window; 16…8192
  std::optional<int> stride;  ///< pixels; 1…8192, at most window; unset: v1 or v3 below
  ProtocolDataConfig v1;      ///< under protocol v1, where the above is unset
  ProtocolDataConfig v3;      ///< under protocol v3

  bool operator==(const SegmentationDataConfig&) const = default;
};

/// Several results from one pass over the images; an empty list: the configuration's own value.
struct SweepConfig {
  std::vector<double> thresholds;    ///< background thresholds, for data sets with background
  std::vector<double> clip_weights;  ///< 0…1

  bool operator==(const SweepConfig&) const = default;
};

/// tagalign-worker evaluate. What is unset follows from the protocol; protocols.h decides it, and
/// `tagalign submit --dry-run` shows it.
struct EvaluateConfig {
  RuntimeConfig runtime;
  ClipConfig clip;
  std::string method = "tagalign";  ///< row of the table
  std::string checkpoint;  ///< training checkpoint: our folder, an export, or the reference's .pth;
                           ///< empty: the frozen baseline, no projector
  std::string protocol = "v1";         ///< v1 (sigmoid, the paper's first version) | v3 (softmax)
  std::optional<double> clip_weight;   ///< share of the frozen map in the mix; ignored without a
                                       ///< checkpoint; 0…1; unset: v1 0.3, v3 0.5
  std::optional<double> scale;         ///< above 0; unset: v1 10, v3 30
  std::optional<double> bias;          ///< v1 only; unset: −2.5
  std::vector<std::string> templates;  ///< not empty: in place of each data set's own
  std::vector<SegmentationDataConfig> datasets;  ///< at least one
  int batch = 4;  ///< images that a rank reads, decodes and resizes at once, ahead of the model,
                  ///< each in a thread; memory grows with it, results do not depend on it; 1…64
  SweepConfig sweep;
  std::string output = "results";  ///< folder of result files, one a content key
  int save_predictions = 0;  ///< label maps of the first so many images of each set are kept as PNG
                             ///< in output/predictions; not in a sweep; 0…1e6

  bool operator==(const EvaluateConfig&) const = default;
};

/// One segmentation split that prepare draws, with its own look.
struct SceneSplitConfig {
  std::string name;          ///< folder below output; required
  int count = 60;            ///< images; 1…
  int size = 128;            ///< pixels, side; 32…1024
  std::string look = "day";  ///< day | dusk (darker, warmer, noisier)

  bool operator==(const SceneSplitConfig&) const = default;
};

/// tagalign-worker prepare: the embedded data set "scenes".
struct PrepareConfig {
  RuntimeConfig runtime;
  std::string dataset = "scenes";            ///< scenes
  std::string output = "scenes";             ///< folder; complete when it holds dataset.json
  std::uint64_t seed = 1;                    ///< same bytes from the same seed
  int train_count = 4000;                    ///< image-caption-tag samples; 1…
  double train_dusk_share = 0.0;             ///< of the training images that look like dusk; 0…1
  int train_size = 64;                       ///< pixels, side; 32…1024
  std::vector<SceneSplitConfig> validation;  ///< at least one

  bool operator==(const PrepareConfig&) const = default;
};

}  // namespace tagalign::config
