#include "tests/support/tiny_models.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/format.h"
#include "model/clip/random_tensors.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kWidth = 32;
constexpr std::int64_t kPatch = 8;
constexpr std::int64_t kPatches = 16;
constexpr std::int64_t kProjectorHidden = 24;
constexpr std::int64_t kEmbedding = 16;

class Drawing {
 public:
  explicit Drawing(std::uint64_t seed) : seed_(seed) {}

  void tensor(const std::string& name, const std::vector<std::int64_t>& shape, double std = 0.3) {
    all_[name] = normal_tensor({.seed = seed_, .name = name}, shape, std);
  }
  void linear(const std::string& name, std::int64_t out, std::int64_t in) {
    tensor(name + ".weight", {out, in});
    tensor(name + ".bias", {out}, 0.1);
  }
  /// By names of its parts, each of `width` → `width`.
  void linears(const std::string& name, std::int64_t width, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) linear(name + part, width, width);
  }
  void norms(const std::string& name, std::int64_t width, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) {
      all_[name + part + ".weight"] = at::ones({width});
      all_[name + part + ".bias"] = at::zeros({width});
    }
  }
  void mlp(const std::string& name, std::int64_t out, std::int64_t in) {
    linear(name + ".fc1", 2 * in, in);
    linear(name + ".fc2", out, 2 * in);
  }
  void put(const std::string& name, at::Tensor value) { all_[name] = std::move(value); }
  StateDict take() { return std::move(all_); }

 private:
  std::uint64_t seed_;
  StateDict all_;
};

void draw_block(Drawing& drawing, const std::string& name, std::int64_t width) {
  drawing.norms(name, width, {"norm1", "norm2"});
  drawing.linear(name + "attn.qkv", 3 * width, width);
  drawing.linear(name + "attn.proj", width, width);
  drawing.mlp(name + "mlp", width, width);
}

/// `tokens` tokens of groups into `groups` groups.
void draw_grouping(Drawing& drawing, const std::string& name, std::int64_t tokens,
                   std::int64_t groups) {
  drawing.tensor(name + "group_token", {1, tokens, kWidth}, 1.0);
  const std::string down = name + "downsample.";
  drawing.norms(down, kWidth, {"norm_tokens", "norm_post_tokens", "norm_x", "norm_new_x"});
  drawing.mlp(down + "mlp_inter", groups, tokens);
  drawing.mlp(down + "mlp_channels", kWidth, kWidth);
  drawing.linears(down + "assign.", kWidth, {"q_proj", "k_proj", "v_proj", "proj"});
  const std::string pre = down + "pre_assign_attn.";
  drawing.linears(pre + "attn.", kWidth, {"q_proj", "k_proj", "v_proj", "proj"});
  drawing.norms(pre, kWidth, {"norm2", "norm_post"});
  drawing.mlp(pre + "mlp", kWidth, kWidth);
}

void draw_projector(Drawing& drawing, const std::string& name, std::int64_t width) {
  drawing.tensor(name + "linear_hidden.0.weight", {kProjectorHidden, width, 1});
  drawing.tensor(name + "linear_hidden.0.bias", {kProjectorHidden}, 0.1);
  drawing.norms(name, kProjectorHidden, {"linear_hidden.1"});
  drawing.put(name + "linear_hidden.1.running_mean", at::zeros({kProjectorHidden}));
  drawing.put(name + "linear_hidden.1.running_var", at::ones({kProjectorHidden}));
  drawing.put(name + "linear_hidden.1.num_batches_tracked", at::zeros({}, at::kLong));
  drawing.tensor(name + "linear_out.weight", {kEmbedding, kProjectorHidden, 1});
  drawing.tensor(name + "linear_out.bias", {kEmbedding}, 0.1);
}

void draw_image_tower(Drawing& drawing) {
  drawing.tensor("img_encoder.patch_embed.proj.weight", {kWidth, 3, kPatch, kPatch}, 0.1);
  drawing.tensor("img_encoder.patch_embed.proj.bias", {kWidth}, 0.1);
  drawing.norms("img_encoder.", kWidth, {"norm"});
  for (const char* stage : {"0", "1"})
    draw_block(drawing, format("img_encoder.layers.{}.blocks.0.", stage), kWidth);
  draw_projector(drawing, "img_projector.", kWidth);
  drawing.put("logit_scale", at::full({}, 3.0));
}

void draw_bert(Drawing& drawing, std::int64_t vocabulary) {
  constexpr std::int64_t kBertWidth = 16;
  const std::string text = "text_encoder.transformer.";
  drawing.tensor(text + "embeddings.word_embeddings.weight", {vocabulary, kBertWidth});
  drawing.tensor(text + "embeddings.position_embeddings.weight", {96, kBertWidth});
  drawing.tensor(text + "embeddings.token_type_embeddings.weight", {2, kBertWidth});
  drawing.norms(text, kBertWidth, {"embeddings.LayerNorm"});
  const std::string layer = text + "encoder.layer.0.";
  drawing.norms(layer, kBertWidth, {"attention.output.LayerNorm", "output.LayerNorm"});
  drawing.linears(layer + "attention.", kBertWidth,
                  {"self.query", "self.key", "self.value", "output.dense"});
  drawing.linear(layer + "intermediate.dense", 2 * kBertWidth, kBertWidth);
  drawing.linear(layer + "output.dense", kBertWidth, 2 * kBertWidth);
  draw_projector(drawing, "text_projector.", kBertWidth);
}

}  // namespace

ClipShape tiny_clip(std::int64_t layers) {
  return {.vision_width = 64,
          .vision_layers = layers,
          .vision_heads = 1,
          .patch_size = 8,
          .grid = 3,
          .text_width = 64,
          .text_layers = 1,
          .text_heads = 1,
          .context = 8,
          .vocabulary = 16,
          .embed_dim = 16};
}

StateDict tiny_dino(std::int64_t patch) {
  constexpr std::int64_t kDinoWidth = 8;
  Drawing drawing(1);
  drawing.tensor("patch_embed.proj.weight", {kDinoWidth, 3, patch, patch}, 0.1);
  drawing.tensor("patch_embed.proj.bias", {kDinoWidth}, 0.1);
  drawing.tensor("cls_token", {1, 1, kDinoWidth});
  drawing.tensor("pos_embed", {1, 5, kDinoWidth});
  drawing.norms("", kDinoWidth, {"norm"});
  draw_block(drawing, "blocks.0.", kDinoWidth);
  return drawing.take();
}

StateDict tiny_ovsegmentor() {
  Drawing drawing(3);
  draw_image_tower(drawing);
  drawing.tensor("img_encoder.pos_embed", {kPatches, kWidth});
  draw_grouping(drawing, "img_encoder.layers.0.", 6, 3);
  const std::string vocabulary = tiny_vocabulary();
  draw_bert(drawing, std::count(vocabulary.begin(), vocabulary.end(), '\n'));
  return drawing.take();
}

std::string tiny_vocabulary() {
  std::string text;
  for (const char* special : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"})
    text += std::string(special) + "\n";
  for (char letter = 'a'; letter <= 'z'; ++letter) text += format("{0}\n##{0}\n", letter);
  return text;
}

}  // namespace tagalign::model
