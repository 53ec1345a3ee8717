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

/// One job of a workflow: its name and keys, then its configuration.
inline std::string small_job(const std::string& head, const std::string& config) {
  std::string text = "  " + head + "    config:\n";
  std::istringstream lines(config);
  for (std::string line; std::getline(lines, line);) text += "      " + line + "\n";
  return text;
}

/// Those jobs as one workflow up to the training, which has so many ranks and saves below `run`.
inline std::string training_workflow(int ranks) {
  std::string train = std::string(kData) + kTrain;
  train.replace(train.find("checkpoint: {"), 13, "checkpoint: {directory: run, ");
  return "name: small\njobs:\n" + small_job("scenes:\n    kind: scenes\n", kScenes) +
         small_job("clip:\n    kind: pretrain\n    after: [scenes]\n", std::string(kData) + kClip) +
         small_job("train:\n    kind: train\n    after: [clip]\n    ranks: " +
                       std::to_string(ranks) + "\n",
                   train);
}

/// With an evaluation behind the training.
inline std::string small_workflow(int ranks = 2) {
  return training_workflow(ranks) +
         small_job("scores:\n    kind: evaluate\n    after: [train]\n",
                   std::string(kScores) + "checkpoint: run/" + kLastStep + "\n");
}

/// With one of each of its three checkpoints.
inline std::string followed_workflow() {
  return training_workflow(1) +
         small_job("scores:\n    kind: evaluate\n    on_commit_of: train\n", kScores);
}

}  // namespace tagalign
