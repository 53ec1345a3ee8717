#include "configs/schema/reading/checks.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/format.h"
#include "configs/schema/jobs/evaluation_settings.h"
#include "configs/schema/methods/template_sets.h"

namespace tagalign::config {
namespace {

void check_augment(const AugmentConfig& augment, Findings& out) {
  if (augment.scale_min > augment.scale_max) {
    out.push_back({"augment.scale_min", format("expected at most scale_max ({}), found {}",
                                               augment.scale_max, augment.scale_min)});
  }
  if (augment.ratio_min > augment.ratio_max) {
    out.push_back({"augment.ratio_min", format("expected at most ratio_max ({}), found {}",
                                               augment.ratio_max, augment.ratio_min)});
  }
  if (!augment.rand_augment.empty() && !augment.rand_augment.starts_with("rand-")) {
    out.push_back({"augment.rand_augment",
                   format("expected \"\" (off) or timm's notation such as rand-m9-mstd0.5-inc1, "
                          "found '{}'",
                          augment.rand_augment)});
  }
}

void check_schedule(const OptimizerConfig& optimizer, std::uint64_t steps, Findings& out) {
  if (optimizer.schedule == ScheduleKind::kConstant && optimizer.warmup_steps > 0) {
    out.push_back(
        {"optimizer.warmup_steps",
         format("expected 0 with schedule 'constant', found {}; schedule 'cosine' warms up",
                optimizer.warmup_steps)});
  }
  if (optimizer.schedule == ScheduleKind::kCosine && optimizer.warmup_steps >= steps) {
    out.push_back({"optimizer.warmup_steps", format("expected fewer than steps ({}), found {}",
                                                    steps, optimizer.warmup_steps)});
  }
  if (optimizer.min_lr > optimizer.base_lr) {
    out.push_back({"optimizer.min_lr", format("expected at most base_lr ({}), found {}",
                                              optimizer.base_lr, optimizer.min_lr)});
  }
}

void check_multiple(const std::string& path, int value, int of, Findings& out) {
  if (value % of != 0) {
    out.push_back({path, format("expected a multiple of {}, found {}", of, value)});
  }
}

/// Names that become folders or columns: distinct, and no path.
template <class T>
void check_names(const std::string& path, const std::vector<T>& items, Findings& out) {
  std::set<std::string> seen;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string& name = items[i].name;
    const std::string where = format("{}.{}.name", path, i);
    if (!seen.insert(name).second) {
      out.push_back({where, format("the name '{}' stands in this list twice", name)});
    }
    if (name.find('/') != std::string::npos || name == "." || name == "..") {
      out.push_back({where, format("expected a name without '/', found '{}'", name)});
    }
  }
}

void check_data(const std::string& prefix, const SegmentationDataConfig& data, Findings& out) {
  if (!data.label_suffix.ends_with(".png")) {
    out.push_back({prefix + "label_suffix",
                   format("expected an ending in .png, found '{}'", data.label_suffix)});
  }
  if (data.image_suffix == data.label_suffix && data.images == data.labels) {
    out.push_back({prefix + "label_suffix", "images and labels have one folder and one suffix"});
  }
  if (data.class_names.size() == 1 && data.background) {
    out.push_back({prefix + "class_names", "expected a class beside the background, found none"});
  }
  for (const auto& [name, protocol] : data.protocols) {
    const std::size_t prompts = protocol.class_prompts.size();
    if (prompts == 0 || data.class_names.empty() || prompts == data.class_names.size()) continue;
    out.push_back({format("{}protocols.{}.class_prompts", prefix, name),
                   format("expected one for each of the {} classes, found {}",
                          data.class_names.size(), prompts)});
  }
}

/// What the method leaves to the data set, and what must fit to it.
void check_settings(const std::string& prefix, const EvaluateConfig& config,
                    const SegmentationDataConfig& data, Findings& out) {
  const DatasetSettings settings = dataset_settings(config, data);
  if (settings.short_side > data.long_side_max) {
    out.push_back({prefix + "short_side", format("expected at most long_side_max ({}), found {}",
                                                 data.long_side_max, settings.short_side)});
  }
  if (settings.stride > settings.window) {
    out.push_back({prefix + "stride",
                   format("expected at most window ({}), or pixels stay without a score; found {}",
                          settings.window, settings.stride)});
  }
  if (data.background && !settings.background_threshold && config.sweep.thresholds.empty()) {
    out.push_back({prefix + "background_threshold",
                   format("protocol {} has no threshold that fits every data set, and this one "
                          "names none; set background_threshold",
                          preset_of(config.method).name)});
  }
}

void check_distinct(const std::string& path, const std::vector<double>& values, Findings& out) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i), values[i]) ==
        values.begin() + static_cast<std::ptrdiff_t>(i)) {
      continue;
    }
    out.push_back({format("{}.{}", path, i), format("the value {} stands here twice", values[i])});
  }
}

void check_sweep(const EvaluateConfig& config, Findings& out) {
  const SweepConfig& sweep = config.sweep;
  check_distinct("sweep.thresholds", sweep.thresholds, out);
  check_distinct("sweep.clip_weights", sweep.clip_weights, out);
  if (!sweep.thresholds.empty() &&
      std::ranges::none_of(config.datasets, &SegmentationDataConfig::background)) {
    out.push_back({"sweep.thresholds", "no data set has a background to which they could apply"});
  }
  if (config.save_predictions > 0 && !(sweep.thresholds.empty() && sweep.clip_weights.empty())) {
    out.push_back({"save_predictions", format("expected 0 in a sweep, whose results share one "
                                              "folder, found {}",
                                              config.save_predictions)});
  }
}

void check_tags(const TrainConfig& config, Findings& out) {
  if (config.data.tags.empty())
    out.push_back({"data.tags", "this key is required and missing or empty"});
  if (config.data.tag_names.empty())
    out.push_back({"data.tag_names", "this key is required and missing or empty"});
}

/// Where the method could learn attributes, data and weight belong together. Other methods share
/// their data with such a one and do not read them.
void check_attributes(const TrainConfig& config, Findings& out) {
  const auto weight = attribute_weight(config.method);
  if (!weight) return;
  const std::pair<const char*, const std::string*> files[] = {
      {"data.attributes", &config.data.attributes},
      {"data.attribute_names", &config.data.attribute_names}};
  for (const auto& [path, file] : files) {
    if (*weight > 0 && file->empty()) {
      out.push_back({path, format("this key is required while method.attributes.weight is above 0 "
                                  "({}), and missing or empty",
                                  *weight)});
    }
    if (*weight == 0 && !file->empty()) {
      out.push_back({path, format("expected none while method.attributes.weight is 0, found '{}': "
                                  "nothing would learn from it; set the weight (1 counts them as "
                                  "the objects), or leave the key empty",
                                  *file)});
    }
  }
}

/// Parameters that differ by rank have no share that another rank could update.
void check_sharding(const TrainConfig& config, Findings& out) {
  const std::string_view key = own_gradients_key(config.method);
  if (config.optimizer.sharding == OptimizerSharding::kNone || key.empty()) return;
  out.push_back(
      {"optimizer.sharding",
       format("expected none with method.{0}: each rank then trains with gradients of its "
              "own, found {1}; leave out one of the two",
              key, config.optimizer.sharding)});
}

/// There must be a frozen text tower whose features could be kept.
void check_caption_features(const TrainConfig& config, Findings& out) {
  if (config.caption_features.keep == CaptionKeeping::kOff || needs_clip(config.method)) return;
  out.push_back({"caption_features.keep",
                 format("expected off with method {}, which trains the tower that reads captions; "
                        "found {}",
                        method_name(config.method), config.caption_features.keep)});
}

/// Required by methods that predict or train with the frozen CLIP.
template <class Config>
void check_clip(const Config& config, Findings& out) {
  if (!needs_clip(config.method) || !config.clip.weights.empty()) return;
  out.push_back({"clip.weights", "this key is required and missing or empty"});
}

}  // namespace

Findings check(const ScenesConfig& config) {
  Findings out;
  check_names("validation", config.validation, out);
  for (std::size_t i = 0; i < config.validation.size(); ++i) {
    if (config.validation[i].name == "train") {
      out.push_back(
          {format("validation.{}.name", i), "the name 'train' is taken by the training split"});
    }
  }
  return out;
}

Findings check(const DataReportConfig& config) {
  if (config.tags.empty() == config.tag_names.empty()) return {};
  return {{"tags", "tags and tag_names belong together, but only one of them is given"}};
}

Findings check(const DataPackConfig&) {
  return {};
}

Findings check(const DataTagsConfig& config) {
  Findings out;
  if (config.captions.empty() && config.import.empty())
    out.push_back({"captions", "expected files of captions, or an import; found neither"});
  if (config.raw && config.import.empty())
    out.push_back({"raw", "belongs to an import, which is not given"});
  return out;
}

Findings check(const PretrainConfig& config) {
  Findings out;
  check_augment(config.augment, out);
  check_schedule(config.optimizer, config.steps, out);
  check_multiple("vision_width", config.vision_width, 64, out);
  check_multiple("text_width", config.text_width, 64, out);
  if (config.data.image_size % config.patch_size != 0) {
    out.push_back({"patch_size", format("expected a divisor of data.image_size ({}), found {}",
                                        config.data.image_size, config.patch_size)});
  }
  return out;
}

Findings check(const TrainConfig& config) {
  Findings out;
  check_clip(config, out);
  check_caption_features(config, out);
  if (needs_tags(config.method)) check_tags(config, out);
  check_attributes(config, out);
  check_augment(config.augment, out);
  check_schedule(config.optimizer, config.steps, out);
  check_sharding(config, out);
  check_method(config.method, out);
  return out;
}

Findings check(const EvaluateConfig& config) {
  Findings out;
  check_clip(config, out);
  check_method(config.method, out);
  if (!is_trained(config.method) && !config.checkpoint.empty()) {
    out.push_back({"checkpoint", format("method {} trains nothing; expected none, found '{}'",
                                        method_name(config.method), config.checkpoint)});
  }
  check_templates("templates", config.templates, out);
  check_names("datasets", config.datasets, out);
  for (std::size_t i = 0; i < config.datasets.size(); ++i) {
    const std::string prefix = format("datasets.{}.", i);
    check_data(prefix, config.datasets[i], out);
    check_settings(prefix, config, config.datasets[i], out);
    check_templates(prefix + "templates", config.datasets[i].templates, out);
  }
  check_sweep(config, out);
  return out;
}

Findings check(const SegmentationDataConfig& config) {
  Findings out;
  check_data("", config, out);
  check_templates("templates", config.templates, out);
  return out;
}

Findings check(const PublishedScores& config) {
  Findings out;
  std::set<std::pair<std::string, std::string>> seen;
  for (std::size_t i = 0; i < config.scores.size(); ++i) {
    const PublishedScore& score = config.scores[i];
    if (seen.emplace(score.method, score.dataset).second) continue;
    out.push_back({format("scores.{}", i),
                   format("{} on {} stands in this list twice", score.method, score.dataset)});
  }
  return out;
}

}  // namespace tagalign::config
