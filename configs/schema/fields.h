/// Every key of every struct in job_configs.h, once: name, member and what it may hold. Reading,
/// writing and completion of partial files all walk these functions; the order here is the order in
/// which a configuration is written.
///
/// A visitor V offers  field(name, value, rule)   a scalar (optional: it may stay unset) or a list
///                     section(name, struct)      a nested map
///                     list(name, vector, count_min)  a list of maps
#pragma once

#include <limits>
#include <string_view>
#include <vector>

#include "configs/schema/job_configs.h"

namespace tagalign::config {

/// What a field may hold; an empty Rule allows everything of its type.
struct Rule {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;  ///< low itself is refused
  bool high_open = false;
  std::vector<std::string_view> choices;  ///< not empty: one of these
  bool required = false;                  ///< must not stay empty
  bool one_as_list = false;               ///< a single text stands for a list of one
};

inline Rule between(double low, double high) {
  return {.low = low, .high = high, .choices = {}};
}
inline Rule from_to_below(double low, double high) {
  return {.low = low, .high = high, .high_open = true, .choices = {}};
}
inline Rule at_least(double low) {
  return {.low = low, .choices = {}};
}
inline Rule above(double low) {
  return {.low = low, .low_open = true, .choices = {}};
}
inline Rule one_of(std::vector<std::string_view> choices) {
  return {.choices = std::move(choices)};
}
inline Rule required() {
  return {.choices = {}, .required = true};
}
inline Rule any_number() {
  return {.choices = {}, .one_as_list = true};
}
inline Rule one_or_more() {
  return {.choices = {}, .required = true, .one_as_list = true};
}

template <class V>
void visit_fields(V& v, RuntimeConfig& c) {
  v.field("seed", c.seed);
  v.field("threads_per_rank", c.threads_per_rank, between(1, 256));
  v.field("precision", c.precision, one_of({"fp32", "bf16"}));
  v.field("device", c.device, one_of({"auto", "cpu", "cuda"}));
  v.field("collectives", c.collectives, one_of({"auto", "mpi", "nccl"}));
  v.field("bucket_mib", c.bucket_mib, between(0.25, 1024));
  v.field("collective_timeout_s", c.collective_timeout_s, between(1, 86'400));
  v.field("log_every_steps", c.log_every_steps, between(1, 1'000'000));
}

template <class V>
void visit_fields(V& v, CaptionDataConfig& c) {
  v.field("root", c.root, required());
  v.field("captions", c.captions, required());
  v.field("tags", c.tags);
  v.field("tag_names", c.tag_names);
  v.field("image_size", c.image_size, between(16, 1024));
  v.field("loader_threads", c.loader_threads, between(0, 64));
  v.field("prefetch_batches", c.prefetch_batches, between(1, 64));
}

template <class V>
void visit_fields(V& v, AugmentConfig& c) {
  v.field("scale_min", c.scale_min, between(0, 1));
  v.field("scale_max", c.scale_max, between(0, 1));
  v.field("ratio_min", c.ratio_min, above(0));
  v.field("ratio_max", c.ratio_max, above(0));
  v.field("flip", c.flip, between(0, 1));
  v.field("rand_augment", c.rand_augment);
  v.field("erase", c.erase, between(0, 1));
}

template <class V>
void visit_fields(V& v, OptimizerConfig& c) {
  v.field("base_lr", c.base_lr, above(0));
  v.field("lr_reference_batch", c.lr_reference_batch, above(0));
  v.field("beta1", c.beta1, from_to_below(0, 1));
  v.field("beta2", c.beta2, from_to_below(0, 1));
  v.field("eps", c.eps, above(0));
  v.field("weight_decay", c.weight_decay, at_least(0));
  v.field("clip_grad_norm", c.clip_grad_norm, above(0));
  v.field("schedule", c.schedule, one_of({"constant", "cosine"}));
  v.field("warmup_steps", c.warmup_steps);
  v.field("min_lr", c.min_lr, at_least(0));
}

template <class V>
void visit_fields(V& v, CheckpointConfig& c) {
  v.field("directory", c.directory, required());
  v.field("every_steps", c.every_steps, at_least(1));
  v.field("keep_last", c.keep_last, between(0, 1'000'000));
}

template <class V>
void visit_fields(V& v, ClipConfig& c) {
  v.field("weights", c.weights, required());
  v.field("attention", c.attention, one_of({"surgery", "plain", "maskclip"}));
}

template <class V>
void visit_fields(V& v, ProjectorConfig& c) {
  v.field("kind", c.kind, one_of({"gdecoder", "transformer"}));
  v.field("layers", c.layers, between(0, 16));
}

template <class V>
void visit_fields(V& v, TrainConfig& c) {
  v.section("runtime", c.runtime);
  v.section("data", c.data);
  v.section("augment", c.augment);
  v.section("clip", c.clip);
  v.section("projector", c.projector);
  v.section("optimizer", c.optimizer);
  v.section("checkpoint", c.checkpoint);
  v.field("infonce_weight", c.infonce_weight, at_least(0));
  v.field("multitag_weight", c.multitag_weight, at_least(0));
  v.field("tag_templates", c.tag_templates, required());
  v.field("global_batch", c.global_batch, between(1, 1 << 20));
  v.field("steps", c.steps, at_least(1));
}

template <class V>
void visit_fields(V& v, PretrainConfig& c) {
  v.section("runtime", c.runtime);
  v.section("data", c.data);
  v.section("augment", c.augment);
  v.section("optimizer", c.optimizer);
  v.section("checkpoint", c.checkpoint);
  v.field("vision_width", c.vision_width, between(64, 8192));
  v.field("vision_layers", c.vision_layers, between(7, 128));
  v.field("patch_size", c.patch_size, between(1, 256));
  v.field("text_width", c.text_width, between(64, 8192));
  v.field("text_layers", c.text_layers, between(1, 128));
  v.field("embed_dim", c.embed_dim, between(1, 8192));
  v.field("global_batch", c.global_batch, between(1, 1 << 20));
  v.field("steps", c.steps, at_least(1));
  v.field("output", c.output, required());
}

template <class V>
void visit_fields(V& v, ProtocolDataConfig& c) {
  v.field("background_threshold", c.background_threshold);
  v.field("stride", c.stride, between(1, 8192));
  v.field("in_reference", c.in_reference);
}

template <class V>
void visit_fields(V& v, SegmentationDataConfig& c) {
  v.field("name", c.name, required());
  v.field("root", c.root, required());
  v.field("images", c.images, required());
  v.field("labels", c.labels, required());
  v.field("split", c.split);
  v.field("image_suffix", c.image_suffix);
  v.field("label_suffix", c.label_suffix, required());
  v.field("label_encoding", c.label_encoding, one_of({"index", "rgb16"}));
  v.field("classes", c.classes, required());
  v.field("class_names", c.class_names);
  v.field("expected_images", c.expected_images, between(0, 1'000'000'000));
  v.field("ignore_index", c.ignore_index, between(0, 65'535));
  v.field("reduce_zero_label", c.reduce_zero_label);
  v.field("background", c.background);
  v.field("background_threshold", c.background_threshold);
  v.field("templates", c.templates, one_or_more());
  v.field("max_pixels", c.max_pixels, between(0, 1'000'000'000));
  v.field("max_pixels_side", c.max_pixels_side, between(1, 65'536));
  v.field("short_side", c.short_side, between(16, 8192));
  v.field("long_side_max", c.long_side_max, between(16, 65'536));
  v.field("window", c.window, between(16, 8192));
  v.field("stride", c.stride, between(1, 8192));
  v.section("v1", c.v1);
  v.section("v3", c.v3);
}

template <class V>
void visit_fields(V& v, SweepConfig& c) {
  v.field("thresholds", c.thresholds);
  v.field("clip_weights", c.clip_weights, between(0, 1));
}

template <class V>
void visit_fields(V& v, EvaluateConfig& c) {
  v.section("runtime", c.runtime);
  v.section("clip", c.clip);
  v.field("method", c.method, required());
  v.field("checkpoint", c.checkpoint);
  v.field("protocol", c.protocol, one_of({"v1", "v3"}));
  v.field("clip_weight", c.clip_weight, between(0, 1));
  v.field("scale", c.scale, above(0));
  v.field("bias", c.bias);
  v.field("templates", c.templates, any_number());
  v.list("datasets", c.datasets, 1);
  v.field("batch", c.batch, between(1, 64));
  v.section("sweep", c.sweep);
  v.field("output", c.output, required());
  v.field("save_predictions", c.save_predictions, between(0, 1'000'000));
}

template <class V>
void visit_fields(V& v, SceneSplitConfig& c) {
  v.field("name", c.name, required());
  v.field("count", c.count, between(1, 10'000'000));
  v.field("size", c.size, between(32, 1024));
  v.field("look", c.look, one_of({"day", "dusk"}));
}

template <class V>
void visit_fields(V& v, PrepareConfig& c) {
  v.section("runtime", c.runtime);
  v.field("dataset", c.dataset, one_of({"scenes"}));
  v.field("output", c.output, required());
  v.field("seed", c.seed);
  v.field("train_count", c.train_count, between(1, 100'000'000));
  v.field("train_dusk_share", c.train_dusk_share, between(0, 1));
  v.field("train_size", c.train_size, between(32, 1024));
  v.list("validation", c.validation, 1);
}

}  // namespace tagalign::config
