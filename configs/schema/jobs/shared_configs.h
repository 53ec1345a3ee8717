/// Sections that several kinds of job have.
#pragma once

#include <cstdint>
#include <string>

#include "configs/schema/document/choices.h"
#include "configs/schema/document/rule.h"

namespace tagalign::config {

/// How a rank runs.
struct RuntimeConfig {
  std::uint64_t seed = 1;
  int threads_per_rank = 1;
  Precision precision = Precision::kFp32;
  DeviceChoice device = DeviceChoice::kAuto;
  CollectivesChoice collectives = CollectivesChoice::kAuto;
  double bucket_mib = 4.0;
  int collective_timeout_s = 600;
  int log_every_steps = 10;

  bool operator==(const RuntimeConfig&) const = default;
};

template <class V>
void visit_fields(V& v, RuntimeConfig& c) {
  v.field("seed", c.seed, Rule("names every random stream of the job"));
  v.field("threads_per_rank", c.threads_per_rank,
          Rule("CPU threads of one rank. A training's bits are only comparable at equal counts; an "
               "evaluation deals images to them, and its integers do not depend on them")
              .between(1, 256));
  v.field("precision", c.precision,
          Rule("number format of matrix work; bf16 is autocast, trained weights stay fp32"));
  v.field("device", c.device, Rule("auto: a GPU when there is one").keeps_numbers());
  v.field("collectives", c.collectives,
          Rule("library that ranks talk through; auto: nccl on GPUs, else mpi").keeps_numbers());
  v.field("bucket_mib", c.bucket_mib,
          Rule("gradients are averaged in buckets of this size").between(0.25, 1024).in("MiB"));
  v.field("collective_timeout_s", c.collective_timeout_s,
          Rule("a collective that takes longer ends the gang")
              .between(1, 86'400)
              .in("s")
              .keeps_numbers());
  v.field("log_every_steps", c.log_every_steps,
          Rule("a log line every so many steps").between(1, 1'000'000).in("steps").keeps_numbers());
}

/// Image-caption-tag data in the forms that data/format.md lists.
struct CaptionDataConfig {
  std::string root;
  std::string captions;
  std::string tags;
  std::string tag_names;
  std::string attributes;
  std::string attribute_names;
  std::string cache;
  int image_size = 224;
  int loader_threads = 1;
  int prefetch_batches = 2;
  double broken_share_max = 0.2;
  ImageDecoding decode = ImageDecoding::kExact;

  bool operator==(const CaptionDataConfig&) const = default;
};

/// How a rank loads its images.
template <class V>
void visit_loading(V& v, CaptionDataConfig& c) {
  v.field("image_size", c.image_size,
          Rule("side of the training crop").between(16, 1024).in("pixels"));
  v.field("loader_threads", c.loader_threads,
          Rule("decoding threads of a rank; 0: decode in the training thread")
              .between(0, 64)
              .keeps_numbers());
  v.field("prefetch_batches", c.prefetch_batches,
          Rule("batches decoded ahead").between(1, 64).keeps_numbers());
  v.field(
      "broken_share_max", c.broken_share_max,
      Rule("share of an epoch's first 10,000 images (of all, when it has fewer) that may be broken "
           "and replaced before the training ends; 1: any")
          .between(0, 1)
          .keeps_numbers());
  v.field("decode", c.decode,
          Rule("exact: the reference's pixels; fast: JPEGs at 1/2, 1/4 or 1/8 where the crop is at "
               "least that many times image_size, which is the same on every machine"));
}

/// Where files lie is no part of a digest: the data set has one of its own.
template <class V>
void visit_fields(V& v, CaptionDataConfig& c) {
  v.field("root", c.root,
          Rule("folder of images, which a CSV's file names are relative to; or a zip, a tar, a "
               "folder of those, a pattern with * for several")
              .required()
              .keeps_numbers());
  v.field("captions", c.captions,
          Rule("CSV with header file,caption; lines of URL, tab, caption, as CC12M's; JSON lines "
               "with id and caption; empty: the .txt or .json beside each image")
              .keeps_numbers());
  v.field("tags", c.tags,
          Rule("JSON object: file, URL or key → list of tag indices; for a method that learns tags")
              .keeps_numbers());
  v.field("tag_names", c.tag_names,
          Rule("text file, one tag a line (or object_list.csv); for a method that learns tags")
              .keeps_numbers());
  v.field("attributes", c.attributes,
          Rule("a second list of tags in the form of tags; read by a method whose "
               "attributes.weight is above 0, which keeps images without an entry")
              .keeps_numbers());
  v.field("attribute_names", c.attribute_names,
          Rule("their names in the form of tag_names (attribute_list.csv)").keeps_numbers());
  v.field("cache", c.cache,
          Rule("folder for the indexes of shards where their own may not be written; empty: they "
               "are made at every start")
              .keeps_numbers());
  visit_loading(v, c);
}

/// What happens to a training image (reference: timm's create_transform).
struct AugmentConfig {
  double scale_min = 0.08;
  double scale_max = 1.0;
  double ratio_min = 0.75;
  double ratio_max = 4.0 / 3.0;
  double flip = 0.5;
  std::string rand_augment = "rand-m9-mstd0.5-inc1";
  double erase = 0.25;

  bool operator==(const AugmentConfig&) const = default;
};

template <class V>
void visit_fields(V& v, AugmentConfig& c) {
  v.field("scale_min", c.scale_min,
          Rule("RandomResizedCrop, smallest share of the area; at most scale_max").between(0, 1));
  v.field("scale_max", c.scale_max, Rule("largest share of the area").between(0, 1));
  v.field("ratio_min", c.ratio_min, Rule("smallest aspect ratio; at most ratio_max").above(0));
  v.field("ratio_max", c.ratio_max, Rule("largest aspect ratio").above(0));
  v.field("flip", c.flip, Rule("probability of a horizontal flip").between(0, 1));
  v.field("rand_augment", c.rand_augment, Rule("RandAugment in timm's notation; empty: off"));
  v.field("erase", c.erase, Rule("probability of random erasing").between(0, 1));
}

/// AdamW and its schedule, as in the reference.
struct OptimizerConfig {
  double base_lr = 1e-3;
  double lr_reference_batch = 4096;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-6;
  double weight_decay = 0.05;
  double clip_grad_norm = 5.0;
  ScheduleKind schedule = ScheduleKind::kConstant;
  std::uint64_t warmup_steps = 0;
  double min_lr = 0.0;
  OptimizerSharding sharding = OptimizerSharding::kNone;
  DivergenceChoice on_divergence = DivergenceChoice::kStop;
  double loss_spike = 0.0;
  int divergences_max = 10;
  Determinism determinism = Determinism::kOrder;
  int logical_ranks = 4;

  bool operator==(const OptimizerConfig&) const = default;
};

template <class V>
void visit_fields(V& v, OptimizerConfig& c) {
  v.field("base_lr", c.base_lr,
          Rule("learning rate is base_lr · global_batch / lr_reference_batch").above(0));
  v.field("lr_reference_batch", c.lr_reference_batch,
          Rule("global batch that base_lr is meant for").above(0).in("samples"));
  v.field("beta1", c.beta1, Rule("AdamW: decay of the first moment").from_to_below(0, 1));
  v.field("beta2", c.beta2, Rule("AdamW: decay of the second moment").from_to_below(0, 1));
  v.field("eps", c.eps, Rule("AdamW: added to the denominator").above(0));
  v.field("weight_decay", c.weight_decay,
          Rule("AdamW: not applied to 1-D tensors and *.bias").at_least(0));
  v.field("clip_grad_norm", c.clip_grad_norm,
          Rule("gradients are scaled down to this global L2 norm").above(0));
  v.field("schedule", c.schedule,
          Rule("course of the learning rate; cosine: linear warm-up, then cosine to min_lr"));
  v.field("warmup_steps", c.warmup_steps,
          Rule("linear warm-up from 1e-4 of the rate; cosine only, fewer than steps").in("steps"));
  v.field("min_lr", c.min_lr,
          Rule("end of the cosine, scaled like base_lr and at most that").at_least(0));
  v.field(
      "sharding", c.sharding,
      Rule("zero1: each rank keeps AdamW's moments of its share of the parameters alone, updates "
           "those and gathers the others'; the bits are the same")
          .keeps_numbers());
  v.field(
      "on_divergence", c.on_divergence,
      Rule("a step whose loss or gradient is not finite, or whose loss is a spike; skip: without "
           "its batch; rewind: from the newest checkpoint, behind the data up to here"));
  v.field("loss_spike", c.loss_spike,
          Rule("a loss of more than so many times its running mean is a divergence; 0: none is")
              .at_least(0));
  v.field("divergences_max", c.divergences_max,
          Rule("so many since the newest checkpoint are passed over, the next one ends the job")
              .between(1, 1'000'000)
              .keeps_numbers());
  v.field("determinism", c.determinism,
          Rule("order: the same samples in the same order, and the same bits at the same number of "
               "ranks; bitwise: the same bits at any number of ranks that divides logical_ranks "
               "(CPUs only; more memory and traffic for gradients)"));
  v.field("logical_ranks", c.logical_ranks,
          Rule("bitwise: the run has the numbers of one on so many ranks").between(1, 256));
}

/// As how many ranks a step is computed; 0: as those that there are.
inline int logical_ranks(const OptimizerConfig& optimizer) {
  return optimizer.determinism == Determinism::kBitwise ? optimizer.logical_ranks : 0;
}

/// When the training saves, and where.
struct CheckpointConfig {
  std::string directory = "checkpoints";
  std::uint64_t every_steps = 1000;
  int keep_last = 3;
  std::uint64_t keep_every = 0;
  bool strict = false;

  bool operator==(const CheckpointConfig&) const = default;
};

template <class V>
void visit_fields(V& v, CheckpointConfig& c) {
  v.field("directory", c.directory,
          Rule("folder that holds step-00001200/ folders").required().keeps_numbers());
  v.field("every_steps", c.every_steps,
          Rule("a checkpoint every so many steps").at_least(1).in("steps").keeps_numbers());
  v.field("keep_last", c.keep_last,
          Rule("older checkpoints are removed, but for pinned ones; 0 keeps all")
              .between(0, 1'000'000)
              .keeps_numbers());
  v.field("keep_every", c.keep_every,
          Rule("of the older ones those stay whose step is a multiple of it; 0: none do")
              .in("steps")
              .keeps_numbers());
  v.field(
      "strict", c.strict,
      Rule("a damaged newest checkpoint ends the job, instead of being skipped for an older one")
          .keeps_numbers());
}

/// The frozen CLIP.
struct ClipConfig {
  std::string weights;
  Attention attention = Attention::kSurgery;

  bool operator==(const ClipConfig&) const = default;
};

template <class V>
void visit_fields(V& v, ClipConfig& c) {
  v.field(
      "weights", c.weights,
      Rule("CLIP weights, told by content: OpenAI's TorchScript archive, a state dict (.pth) or "
           "safetensors; they have a digest of their own. Required by methods that use CLIP")
          .keeps_numbers());
  v.field("attention", c.attention, Rule("how the last layers of the vision tower attend"));
}

}  // namespace tagalign::config
