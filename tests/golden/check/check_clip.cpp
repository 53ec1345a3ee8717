// CLIP's towers: every mode, size and block, the text tower, and the shape that the weights tell.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/format.h"
#include "model/clip/tokenizer.h"
#include "model/clip/towers.h"
#include "model/files/zip_reader.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/groups.h"
#include "tests/golden/check/sources.h"
#include "tests/golden/check/tolerances.h"
#include "worker/weights/weights.h"

namespace tagalign::golden {
namespace {

using model::TextTower;
using model::VisionTower;

constexpr char kInfo[] = "clip/clip.json";
constexpr char kImages[] = "clip/image_encoder.safetensors";
constexpr char kText[] = "clip/text_encoder.safetensors";
constexpr char kInput[] = "input.";
constexpr char kCut[] = "token_embedding.weight";  // a state dict may hold its first rows only
const std::vector<std::string> kModes = {"surgery", "plain", "maskclip"};

/// "64x112" of every "input.64x112".
std::vector<std::string> image_sizes(const TensorFile& file) {
  std::vector<std::string> sizes;
  for (const std::string& name : file.names()) {
    if (name.starts_with(kInput)) sizes.push_back(name.substr(std::string_view(kInput).size()));
  }
  return sizes;
}

void check_feature_std(Folder& folder, Report& report, const std::string& name,
                       const at::Tensor& feature) {
  const Json* info = folder.json(kInfo);
  if (info == nullptr || !info->contains("feature_std")) return;
  const Json& all = info->at("feature_std");
  if (!all.contains(name)) return report.missing("feature_std " + name, "clip.json lacks it");
  report.number("feature_std " + name, feature.std().item<double>(), all.at(name),
                bounds::kStandardDeviation);
}

void check_images(Folder& folder, Report& report, const VisionTower& tower) {
  TensorFile* golden = folder.tensors(kImages);
  if (golden == nullptr) return;
  const auto sizes = image_sizes(*golden);
  if (sizes.empty()) report.missing("input.HxW", format("{} has no images", kImages));
  for (const std::string& mode : kModes) {
    const auto attention = model::vision_attention_from_name(mode).value();
    for (const std::string& size : sizes) {
      const at::Tensor sequence = tower.encode(*golden->find(kInput + size), attention);
      const std::string name = mode + "." + size;
      const at::Tensor projected = tower.projection().forward(sequence);
      compare_tensor(report, name + ".sequence", sequence, *golden, name + ".sequence",
                     bounds::kImageSequence);
      compare_tensor(report, name + ".clip_proj", projected, *golden, name + ".clip_proj",
                     bounds::kClipProjected);
      check_feature_std(folder, report, name + ".sequence", sequence);
      check_feature_std(folder, report, name + ".clip_proj", projected);
    }
  }
}

/// All stages of one mode, as the block file names them.
Tensors observe_blocks(const VisionTower& tower, const at::Tensor& images,
                       const std::string& mode) {
  Tensors stages;
  tower.encode(images, model::vision_attention_from_name(mode).value(),
               [&](std::int64_t block, const at::Tensor& x, const at::Tensor& x_ori) {
                 const std::string stage =
                     mode + (block < 0 ? ".ln_pre" : format(".block{}.x", block));
                 stages[stage] = x;
                 if (x_ori.defined()) stages[stage + "_ori"] = x_ori;
               });
  return stages;
}

/// `path` is clip/image_encoder_blocks_HxW.safetensors.
void check_blocks(Folder& folder, Report& report, const VisionTower& tower,
                  const std::string& path) {
  TensorFile* golden = folder.tensors(path);
  TensorFile* inputs = folder.tensors(kImages);
  if (golden == nullptr || inputs == nullptr) return;
  const std::size_t from = path.rfind('_') + 1;
  const at::Tensor* images = inputs->find(kInput + path.substr(from, path.rfind('.') - from));
  if (images == nullptr) return;
  std::set<std::string> produced;
  for (const std::string& mode : kModes) {
    for (const auto& [stage, x] : observe_blocks(tower, *images, mode)) {
      compare_tensor(report, "blocks " + stage, x, *golden, stage, bounds::kImageSequence);
      produced.insert(stage);
    }
  }
  for (const std::string& name : golden->names()) {
    if (!produced.contains(name))
      report.failed(path + ": " + name, "our towers have no such stage");
  }
}

void check_text(Folder& folder, Report& report, const TextTower& tower) {
  TensorFile* golden = folder.tensors(kText);
  if (golden == nullptr) return;
  const at::Tensor* stored = golden->find("token_ids");
  if (stored == nullptr) return;
  const at::Tensor ids = stored->to(at::kLong);
  const at::Tensor features = tower.encode(ids);
  compare_tensor(report, "text_features", features, *golden, "text_features",
                 bounds::kTextFeatures);
  const std::string first = "transformer_output_first";
  for (const std::string& name : golden->names()) {
    if (!name.starts_with(first)) continue;
    const std::int64_t count = std::stoll(name.substr(first.size()));
    compare_tensor(report, name, tower.encode_sequence(ids.slice(0, 0, count)), *golden, name,
                   bounds::kTextFeatures);
  }
  const Json* info = folder.json(kInfo);
  if (info == nullptr) return;
  if (info->contains("text_cosines")) {
    const auto rows = info->at("text_cosines").get<std::vector<std::vector<double>>>();
    const at::Tensor unit = features / features.norm(2, 1, true);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const at::Tensor cosines = at::matmul(unit, unit[static_cast<std::int64_t>(i)]);
      report.deviation(format("text_cosines {}", i),
                       deviation_of(cosines, at::tensor(rows[i], at::kDouble)), bounds::kRounded4);
    }
  }
}

/// Captions of clip.json to the stored ids.
void check_captions(Folder& folder, Report& report) {
  const Json* info = folder.json(kInfo);
  TensorFile* golden = folder.tensors(kText);
  if (info == nullptr || golden == nullptr) return;
  const at::Tensor* stored = golden->find("token_ids");
  const auto tokenizer = load_tokenizer(folder, report);
  if (stored == nullptr || !tokenizer) return;
  const auto captions = info->at("captions").get<std::vector<std::string>>();
  auto ids = tokenizer->encode_padded(captions, static_cast<int>(stored->size(1)));
  report.deviation("token_ids of the captions",
                   deviation_of(at::tensor(ids, at::kLong).view({-1, stored->size(1)}), *stored),
                   {});
}

void check_shape(Folder& folder, Report& report, const Tensors& weights) {
  const Json* info = folder.json(kInfo);
  if (info == nullptr) return;
  const auto shape = model::infer_clip_shape(weights);
  if (!shape.ok()) return report.failed("shape of the CLIP", shape.status().message());
  const Json& sizes = info->at("sizes");
  report.equal("sizes vw (vision width)", shape->vision_width, sizes.at("vw").get<std::int64_t>());
  report.equal("sizes vl (vision blocks)", shape->vision_layers,
               sizes.at("vl").get<std::int64_t>());
  report.equal("sizes tw (text width)", shape->text_width, sizes.at("tw").get<std::int64_t>());
  report.equal("sizes tl (text blocks)", shape->text_layers, sizes.at("tl").get<std::int64_t>());
  report.equal("sizes E", shape->embed_dim, sizes.at("E").get<std::int64_t>());
  report.equal("sizes grid", shape->grid, sizes.at("grid").get<std::int64_t>());
  std::int64_t entries = 0;
  for (const auto& [name, tensor] : weights) entries += tensor.numel();
  report.equal("n_params", entries, info->at("n_params").get<std::int64_t>());
}

/// How many values of `ours` differ from `expected`.
void compare_weights(Report& report, const std::string& quantity, const Tensors& ours,
                     const Tensors& expected) {
  std::uint64_t values = 0, differing = 0;
  std::string first;
  for (const auto& [name, tensor] : expected) {
    const auto found = ours.find(name);
    const bool there = found != ours.end() && found->second.dim() == tensor.dim();
    const at::Tensor ours_here = there ? found->second : at::empty({0});
    const bool rows = there && name == kCut && ours_here.size(0) < tensor.size(0);
    const at::Tensor all = rows ? tensor.narrow(0, 0, ours_here.size(0)) : tensor;
    const bool equal = there && ours_here.sizes() == all.sizes();
    const auto count = static_cast<std::uint64_t>(all.numel());
    values += count;
    differing += !equal ? count : count_differing(ours_here.to(at::kFloat), all.to(at::kFloat));
    if (!equal && first.empty()) first = name + " is missing or of another shape";
  }
  report.counted(quantity, values, differing, differing > 0 ? 1 : 0, {}, first);
}

/// A TorchScript archive's own entries and the types of its tensors.
void check_torchscript(Folder& folder, Report& report, const std::string& path,
                       const Tensors& tensors) {
  const Json* info = folder.json(kInfo);
  const auto file = folder.file(path);
  if (info == nullptr || !file) return;
  const auto source = model::file_source(posix_file_system(), *file);
  const auto zip = source.ok() ? model::ZipReader::open(*source, path)
                               : Result<model::ZipReader>(source.status());
  if (!zip.ok()) return report.failed(path, zip.status().message());
  for (const Json& entry : info->at("torchscript_entries")) {
    const auto name = entry.get<std::string>();
    report.equal(path + ": entry", zip->contains(name) ? name : "", name);
  }
  std::map<std::string, std::int64_t> types;
  for (const auto& [name, tensor] : tensors) ++types[dtype_text(tensor.scalar_type())];
  for (const auto& [type, count] : info->at("torchscript_dtypes").items()) {
    report.equal(path + ": tensors of " + type, types[type], count.get<std::int64_t>());
  }
}

/// The same weights in PyTorch's containers: equal values.
void check_archives(Folder& folder, Report& report, const Tensors& weights) {
  const std::string state_dict = "clip/clip_tiny_state_dict_vocab";
  const auto state_dicts = folder.list("clip", "clip_tiny_state_dict_vocab", ".pth");
  if (state_dicts.empty()) folder.file(state_dict + "1024.pth");
  std::vector<std::string> paths = {kTorchScript};
  paths.insert(paths.end(), state_dicts.begin(), state_dicts.end());
  for (const std::string& path : paths) {
    const auto file = folder.file(path);
    if (!file) continue;
    const auto loaded = jobs::load_weights(posix_file_system(), *file);
    if (!loaded.ok()) {
      report.failed(path, loaded.status().message());
      continue;
    }
    compare_weights(report, path + ": weights", loaded->tensors, weights);
    if (path == kTorchScript) check_torchscript(folder, report, path, loaded->tensors);
    const auto towers = model::infer_clip_shape(loaded->tensors);
    report.equal(path + ": usable", towers.ok() ? "yes" : towers.status().message(), "yes");
  }
}

}  // namespace

void check_clip(Folder& folder, Report& report) {
  const at::NoGradGuard no_grad;
  const auto weights = load_clip_weights(folder, report);
  if (const Json* info = folder.json(kInfo)) {
    report.not_compared("clip.json: deviation_float32_from_float64, worst",
                        "the reference's own error, from which the tolerances come");
    folder.report_other_keys(
        kInfo, *info,
        {"torchscript_entries", "torchscript_dtypes", "sizes", "n_params", "captions",
         "deviation_float32_from_float64", "worst", "text_cosines", "feature_std"});
  }
  if (!weights) return;
  check_shape(folder, report, *weights);
  check_archives(folder, report, *weights);
  const auto vision = VisionTower::create(*weights);
  if (!vision.ok()) return report.failed("vision tower", vision.status().message());
  check_images(folder, report, *vision);
  const auto block_files = folder.list("clip", "image_encoder_blocks_", ".safetensors");
  if (block_files.empty()) folder.tensors("clip/image_encoder_blocks_64x64.safetensors");
  for (const std::string& path : block_files) check_blocks(folder, report, *vision, path);
  const auto text = TextTower::create(*weights);
  if (!text.ok()) return report.failed("text tower", text.status().message());
  check_text(folder, report, *text);
  check_captions(folder, report);
}

}  // namespace tagalign::golden
