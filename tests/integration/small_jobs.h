/// Jobs that end in seconds on two cores, and are long enough to be met in the middle.
#pragma once

#include <sstream>
#include <string>

namespace tagalign {

inline constexpr char kScenes[] =
    "output: scenes\ntrain_count: 32\ntrain_size: 32\n"
    "validation: [{name: val, count: 4, size: 48, look: day}]\n";
inline constexpr char kData[] =
    "data: {root: scenes/train/images, captions: scenes/train/captions.csv, tags: "
    "scenes/train/tags.json, tag_names: scenes/tag_names.txt, image_size: 32}\n"
    "augment: {scale_min: 0.5, rand_augment: \"\", erase: 0.0}\n";
inline constexpr char kClip[] =
    "checkpoint: {directory: clip_checkpoints, every_steps: 1000}\nvision_width: 64\n"
    "vision_layers: 7\npatch_size: 8\ntext_width: 64\ntext_layers: 1\nembed_dim: 32\n"
    "global_batch: 8\nsteps: 3\n";
/// Some seconds on two ranks: long enough to be met in the middle.
inline constexpr char kTrain[] =
    "runtime: {log_every_steps: 20}\nclip: {weights: clip.safetensors}\n"
    "optimizer: {base_lr: 1.0e-3, lr_reference_batch: 16}\n"
    "checkpoint: {every_steps: 150, keep_last: 0}\nglobal_batch: 16\nsteps: 450\n";
inline constexpr char kScores[] =
    "clip: {weights: clip.safetensors}\n"
    "datasets: [{name: val, root: scenes/val, short_side: 48, window: 32, stride: 16}]\n";
inline constexpr char kLastStep[] = "step-00000450";

/// Those jobs as one workflow, with an evaluation behind the training, which has so many ranks.
inline std::string small_workflow(int ranks = 2) {
  const auto job = [](const std::string& head, std::string config) {
    std::string text = "  " + head + "    config:\n";
    std::istringstream lines(config);
    for (std::string line; std::getline(lines, line);) text += "      " + line + "\n";
    return text;
  };
  std::string train = std::string(kData) + kTrain;
  train.replace(train.find("checkpoint: {"), 13, "checkpoint: {directory: run, ");
  return "name: small\njobs:\n" + job("scenes:\n    kind: scenes\n", kScenes) +
         job("clip:\n    kind: pretrain\n    after: [scenes]\n", std::string(kData) + kClip) +
         job("train:\n    kind: train\n    after: [clip]\n    ranks: " + std::to_string(ranks) +
                 "\n",
             train) +
         job("scores:\n    kind: evaluate\n    after: [train]\n",
             std::string(kScores) + "checkpoint: run/" + kLastStep + "\n");
}

}  // namespace tagalign
