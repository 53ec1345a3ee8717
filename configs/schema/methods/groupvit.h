/// GroupViT's section of a training and of an evaluation (Xu et al., CVPR 2022). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "configs/schema/document/rule.h"
#include "configs/schema/methods/preset.h"

namespace tagalign::config {

/// The image encoder. Defaults are the published ones, here and below.
struct GroupVitImage {
  int width = 384;
  int heads = 6;
  int patch_size = 16;
  std::vector<int> depths = {6, 3, 3};
  std::vector<int> groups = {64, 8};

  bool operator==(const GroupVitImage&) const = default;
};

template <class V>
void visit_fields(V& v, GroupVitImage& c) {
  v.field("width", c.width, Rule("channels; a multiple of heads").between(8, 4096));
  v.field("heads", c.heads, Rule("attention heads of every stage").between(1, 64));
  v.field("patch_size", c.patch_size,
          Rule("side of a patch; divides data.image_size").between(1, 256).in("pixels"));
  v.field("depths", c.depths, Rule("transformer blocks a stage").required().between(1, 64));
  v.field("groups", c.groups,
          Rule("groups that the stages end in, and group tokens that they begin with; none in the "
               "last stage")
              .required()
              .between(1, 4096));
}

/// The text tower, of CLIP's architecture with heads of 64 channels.
struct GroupVitTextTower {
  int width = 256;
  int layers = 12;

  bool operator==(const GroupVitTextTower&) const = default;
};

template <class V>
void visit_fields(V& v, GroupVitTextTower& c) {
  v.field("width", c.width, Rule("channels; a multiple of 64").between(64, 4096));
  v.field("layers", c.layers, Rule("transformer blocks").between(1, 64));
}

struct GroupVitTraining {
  static constexpr std::string_view kName = "groupvit";
  static constexpr bool kNeedsClip = false;

  GroupVitImage image;
  GroupVitTextTower text;
  int embed_dim = 256;
  int projector_width = 4096;
  double drop_path = 0.1;
  double temperature = 0.07;
  int noun_prompts = 0;
  std::vector<std::string> prompt_templates = {"full"};

  bool operator==(const GroupVitTraining&) const = default;

  /// Their words are the prompts' nouns.
  bool needs_tags() const { return noun_prompts > 0; }
  static std::uint64_t late_step() { return 0; }
  void check(const std::string& path, Findings& findings) const;
};

template <class V>
void visit_fields(V& v, GroupVitTraining& c) {
  v.section("image", c.image, "the image encoder");
  v.section("text", c.text, "the text tower");
  v.field("embed_dim", c.embed_dim, Rule("channels of the joint embedding").between(1, 4096));
  v.field("projector_width", c.projector_width,
          Rule("hidden channels of both projectors").between(1, 65'536));
  v.field("drop_path", c.drop_path,
          Rule("share of the last block's residual branches that a step leaves out; it grows "
               "linearly from 0 at the first block")
              .between(0, 0.99));
  v.field("temperature", c.temperature,
          Rule("of both contrasts at the start; their scales train from ln(1/temperature)")
              .between(0.01, 1));
  v.field("noun_prompts", c.noun_prompts,
          Rule("prompts of a caption's tags beside the caption, 3 in the published YFCC "
               "configuration and 0 in the RedCaps one; above 0 it needs data.tags")
              .between(0, 16));
  v.field("prompt_templates", c.prompt_templates,
          Rule("what a noun is put in: prompts with {}, or names of template sets").required());
}

/// Both published configurations differ in their weights alone.
struct GroupVitEvaluation {
  static constexpr std::string_view kName = "groupvit";
  static constexpr bool kTrained = true;
  static constexpr bool kNeedsClip = false;

  int heads = 6;
  int kept_classes = 5;

  bool operator==(const GroupVitEvaluation&) const = default;

  /// Thresholds of the background stand in the data sets' files.
  static EvaluationPreset preset() { return {.name = std::string(kName)}; }
  static std::vector<std::string> files() { return {}; }
  /// There is no frozen map.
  static double mix() { return 0.0; }
  GroupVitEvaluation effective() const { return *this; }
  void check(const std::string&, Findings&) const {}
};

template <class V>
void visit_fields(V& v, GroupVitEvaluation& c) {
  v.field(
      "heads", c.heads,
      Rule("attention heads of the image encoder, which its weights do not tell").between(1, 64));
  v.field("kept_classes", c.kept_classes,
          Rule("a window holds at most this many classes, those closest to its mean feature")
              .between(1, 100'000));
}

}  // namespace tagalign::config
