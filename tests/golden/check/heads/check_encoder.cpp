#include <ATen/core/grad_mode.h>

#include <optional>
#include <regex>

#include "base/format.h"
#include "model/clip/last_block.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/heads/bounds.h"
#include "tests/golden/check/heads/encoder.h"

namespace tagalign::golden::heads {
namespace {

using model::LastBlock;
using model::PatchGrid;
using model::TokenWeights;
constexpr auto kRule = model::PositionRule::kBicubicScale;

/// "naclip.std5", "clearclip.keep_residual", "vanilla_arch.csa" as the heads' last block; nullopt
/// for a word that is none.
std::optional<LastBlock> variant_of(const std::string& text) {
  static const std::regex kName(
      R"((vanilla_arch\.)?([a-z]+)(?:\.std([0-9.]+))?(\.keep_residual|\.no_residual)?)");
  static const std::map<std::string, LastBlock> kKnown = {
      {"vanilla", {}},
      {"maskclip", {.weights = TokenWeights::kIdentity}},
      {"csa", {.weights = TokenWeights::kQueryPlusKey}},
      {"sclip", {.weights = TokenWeights::kQueryPlusKey}},
      {"naclip", {.weights = TokenWeights::kKeyNeighbours, .reduced = true}},
      {"nonly", {.weights = TokenWeights::kNeighbours, .reduced = true}},
      {"kk", {.weights = TokenWeights::kKey, .reduced = true}},
      {"clearclip", {.weights = TokenWeights::kQuery, .reduced = true}}};
  std::smatch match;
  if (!std::regex_match(text, match, kName) || !kKnown.contains(match[2])) return std::nullopt;
  LastBlock how = kKnown.at(match[2]);
  if (match[3].matched) how.gaussian_std = std::stod(match[3]);
  if (match[1].matched || match[4] == ".keep_residual") how.reduced = false;
  if (match[4] == ".no_residual") how.reduced = true;
  return how;
}

class EncoderCheck {
 public:
  EncoderCheck(TensorFile& file, TensorFile& inputs, const model::VisionTower& vision,
               Report& report)
      : file_(file), inputs_(inputs), vision_(vision), report_(report) {}

  void compare(const std::string& name) {
    static const std::regex kName(R"((.+)\.([0-9]+x[0-9]+)(?:\.(features|attention))?)");
    std::smatch match;
    if (!std::regex_match(name, match, kName)) return;
    const std::string what = match[1], size = match[2], part = match[3];
    if (what == "input") return;
    if (what.starts_with("gaussian_addition.std")) return compare_gaussian(name, what, size);
    const at::Tensor images = input(size);
    if (!images.defined()) return;
    if (what == "position_embedding")
      return line(name, vision_.positions(vision_.grid_of(images), kRule), kBicubicPositions);
    if (what == "last_block_input")
      return line(name, vision_.encode_before_last(images, kRule), kTokens);
    const auto how = variant_of(what);
    if (!how) return report_.not_compared(name, "no head of the product");
    compare_variant(name, images, *how, part == "attention");
  }

 private:
  void line(const std::string& name, const at::Tensor& found, const Tolerance& tolerance) {
    compare_tensor(report_, "encoder " + name, found, file_, name, tolerance);
  }

  at::Tensor input(const std::string& size) {
    const std::string name = "input." + size;
    TensorFile& file = file_.has(name) ? file_ : inputs_;
    const at::Tensor* found = file.find(name);
    return found == nullptr ? at::Tensor() : *found;
  }

  void compare_gaussian(const std::string& name, const std::string& what, const std::string& size) {
    const std::size_t by = size.find('x');
    const PatchGrid grid{std::stoll(size.substr(0, by)), std::stoll(size.substr(by + 1))};
    const double width = std::stod(what.substr(what.find(".std") + 4));
    const at::Tensor like = vision_.projection().proj;
    line(name, model::neighbour_weights(grid, width, like), kGaussian);
  }

  /// Some variants were run on the first image alone, and some kept the patches alone.
  void compare_variant(const std::string& name, const at::Tensor& images, const LastBlock& how,
                       bool attention) {
    const at::Tensor& expected = *file_.find(name);
    const at::Tensor part = images.narrow(0, 0, std::min(images.size(0), expected.size(0)));
    const at::Tensor tokens = vision_.encode_before_last(part, kRule);
    const PatchGrid grid = vision_.grid_of(part);
    const auto& block = vision_.last_block();
    if (attention) return line(name, model::token_weights(block, tokens, grid, how), kAttention);
    at::Tensor found = vision_.projection().forward(model::forward_last(block, tokens, grid, how));
    if (found.size(1) == expected.size(1) + 1) found = found.slice(1, 1);
    line(name, found, kFeatures);
  }

  TensorFile& file_;
  TensorFile& inputs_;
  const model::VisionTower& vision_;
  Report& report_;
};

}  // namespace

void compare_encoder(Folder& folder, Folder& base, const std::string& method,
                     const model::VisionTower& vision, Report& report) {
  TensorFile* file = folder.tensors(method + "/encoder.safetensors");
  TensorFile* inputs = base.tensors("clip/image_encoder.safetensors");
  if (file == nullptr || inputs == nullptr) return;
  EncoderCheck check(*file, *inputs, vision, report);
  for (const std::string& name : file->names()) check.compare(name);
}

}  // namespace tagalign::golden::heads
