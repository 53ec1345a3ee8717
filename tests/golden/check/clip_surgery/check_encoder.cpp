#include <optional>
#include <regex>

#include "base/format.h"
#include "tests/golden/check/clip_surgery/bounds.h"
#include "tests/golden/check/clip_surgery/parts.h"
#include "tests/golden/check/compare.h"

namespace tagalign::golden::clip_surgery {
namespace {

using model::PositionRule;
using model::VisionAttention;

class EncoderCheck {
 public:
  EncoderCheck(Folder& folder, const Clip& clip, Report& report)
      : folder_(folder), clip_(clip), report_(report) {}

  void run() {
    file_ = folder_.tensors(std::string(kFolder) + "encoder.safetensors");
    inputs_ = clip_.base->tensors("clip/image_encoder.safetensors");
    if (file_ == nullptr || inputs_ == nullptr) return;
    for (const std::string& name : file_->names()) compare(name);
    for (const std::string& path : folder_.list("clip_surgery", "blocks_", ".safetensors"))
      compare_blocks(path);
  }

 private:
  /// "128x128" → the images of that size.
  std::optional<at::Tensor> input(const std::string& size) {
    const std::string name = "input." + size;
    const at::Tensor* images = file_->has(name) ? file_->find(name) : inputs_->find(name);
    return images == nullptr ? std::nullopt : std::optional(*images);
  }

  /// "128x128" → 8×8 patches of 16 pixels.
  model::PatchGrid grid_of(const std::string& size) const {
    const std::int64_t patch = clip_.vision.shape().patch_size;
    return {std::stoll(size) / patch, std::stoll(size.substr(size.find('x') + 1)) / patch};
  }

  void compare(const std::string& name) {
    static const std::regex kName(R"((\w+)\.(\d+x\d+)(?:\w*)(?:\.features)?)");
    std::smatch match;
    if (!std::regex_match(name, match, kName) || match[1] == "input") return;
    const std::string what = match[1];
    if (what == "defect")
      return report_.not_compared("encoder " + name, "a defect that the product does not have");
    if (what == "position_embedding")
      return compare_tensor(
          report_, "encoder " + name,
          clip_.vision.positions(grid_of(match[2]), PositionRule::kBilinearSquare), *file_, name,
          kPositions);
    const auto images = input(match[2]);
    if (!images) return;
    const auto attention = what == "plain" ? VisionAttention::kPlain : VisionAttention::kSurgery;
    const at::Tensor tokens =
        clip_.vision.encode(*images, attention, {}, PositionRule::kBilinearSquare);
    compare_tensor(report_, "encoder " + name, clip_.vision.projection().forward(tokens), *file_,
                   name, kFeatures);
  }

  /// The tokens after each block; those of the original path where there are two.
  void compare_blocks(const std::string& path) {
    static const std::regex kPath(R"(.*blocks_(\d+x\d+)\.safetensors)");
    std::smatch match;
    TensorFile* blocks = folder_.tensors(path);
    if (blocks == nullptr || !std::regex_match(path, match, kPath)) return;
    const auto images = input(match[1]);
    if (!images) return;
    const auto compare_block = [&](std::int64_t block, const at::Tensor& x,
                                   const at::Tensor& original) {
      if (block < 0) return;
      const std::string name = format("block{}.x", block);
      compare_tensor(report_, "blocks " + name, x, *blocks, name, kTokens);
      if (original.defined())
        compare_tensor(report_, "blocks " + name + "_ori", original, *blocks, name + "_ori",
                       kTokens);
    };
    clip_.vision.encode(*images, VisionAttention::kSurgery, compare_block,
                        PositionRule::kBilinearSquare);
  }

  Folder& folder_;
  const Clip& clip_;
  Report& report_;
  TensorFile* file_ = nullptr;
  TensorFile* inputs_ = nullptr;
};

}  // namespace

void compare_encoder(Folder& folder, const Clip& clip, Report& report) {
  EncoderCheck(folder, clip, report).run();
}

}  // namespace tagalign::golden::clip_surgery
