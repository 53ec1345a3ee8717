/// Group tcl.inference: windows, averaged scores and label maps, of photographs and of images that
/// are smaller than a window.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <map>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "base/format.h"
#include "model/inference/kernels/predict.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/images.h"
#include "tests/golden/check/inference_runs.h"
#include "tests/golden/check/tcl/bounds.h"
#include "tests/golden/check/tcl/checks.h"
#include "tests/golden/check/tcl/models.h"

namespace tagalign::golden::tcl {
namespace {

using data::Image;
using data::ReadAs;

constexpr char kFacts[] = "inference/inference.json";
constexpr char kScores[] = "inference/scores.safetensors";
constexpr char kLabels[] = "inference/labels/";
constexpr char kEmbedding[] = "text_embedding.";

std::int64_t step_of(const std::string& name) {
  const std::size_t mark = name.find("#step");
  return mark == std::string::npos ? 1 : std::stoll(name.substr(mark + 5));
}

at::Tensor every(const at::Tensor& map, std::int64_t step) {
  return map.slice(1, 0, std::nullopt, step).slice(2, 0, std::nullopt, step);
}

struct Input {
  at::Tensor image;  // [3, H, W]
  model::ImageSize original;
};

class InferenceCheck {
 public:
  InferenceCheck(Folder& folder, Report& report, const model::DenseModel& model, const Json& facts,
                 TensorFile& scores)
      : folder_(folder), report_(report), model_(model), facts_(facts), scores_(scores) {}

  void run() {
    check_embeddings();
    for (const std::string path : facts_.at("images")) add_photograph(path);
    for (const auto& [name, run] : facts_.at("runs").items()) check_run(name, run);
    for (const auto& [name, run] : facts_.at("other_sizes").items()) check_other_size(name, run);
    folder_.report_other_keys(
        kFacts, facts_,
        {"img_scale", "window", "stride", "classes", "classes_with_background", "images", "weights",
         "runs", "normalised_input", "other_sizes"});
  }

 private:
  std::vector<std::string> classes(bool background) const {
    std::vector<std::string> names = facts_.at(background ? "classes_with_background" : "classes");
    if (background) names.erase(names.begin());
    return names;
  }

  at::Tensor text(bool background, const std::string& templates) {
    at::Tensor& known = text_[{background, templates}];
    if (!known.defined()) known = embed(model_, classes(background), templates, report_);
    return known;
  }

  /// "text_embedding.background.TEMPLATES", normalised after the mean.
  void check_embeddings() {
    for (const std::string& name : scores_.names()) {
      if (!name.starts_with(kEmbedding)) continue;
      const std::string rest = name.substr(std::string_view(kEmbedding).size());
      const std::size_t dot = rest.find('.');
      const at::Tensor found = text(rest.substr(0, dot) == "background", rest.substr(dot + 1));
      if (found.defined())
        compare_tensor(report_, name, model::normalize_features(found), scores_, name,
                       bounds::kMask);
    }
  }

  // ------------------------------------------------------------------------------- photographs

  /// Resized as the network sees it: the photograph where it is there, else the stored image.
  void add_photograph(const std::string& path) {
    const std::string name = Path(path).filename().string(), stem = Path(path).stem().string();
    const auto stored =
        load_image(folder_, format("inference/resized_{}.png", stem), ReadAs::kEvaluation, report_);
    std::optional<Image> resized = stored;
    std::optional<model::ImageSize> original;
    if (const auto file = folder_.photograph(path)) {
      const auto photo = data::read_image(posix_file_system(), *file, ReadAs::kEvaluation);
      if (!photo.ok()) return report_.failed(path, photo.status().message());
      const data::Size size = network_size({photo->width, photo->height}, facts_.at("img_scale"));
      resized = data::resize_bilinear_opencv(*photo, size.width, size.height);
      original = {photo->height, photo->width};
      if (stored) compare_images("resized_" + stem, *resized, *stored, {}, report_);
    } else {
      original = size_of_labels(stem);
    }
    if (!resized || !original) return;
    const Input input{network_input(*resized), *original};
    check_normalised(name, input.image);
    inputs_.emplace_back(stem, input);
  }

  std::optional<model::ImageSize> size_of_labels(const std::string& stem) {
    for (const std::string& file : folder_.list(kLabels, "", "." + stem + ".png")) {
      if (const auto label = load_label(folder_, file, report_))
        return model::ImageSize{label->height, label->width};
    }
    return std::nullopt;
  }

  void check_normalised(const std::string& name, const at::Tensor& image) {
    const Json& all = facts_.at("normalised_input");
    if (!all.contains(name)) return;
    report_.equal("normalised_input " + name, shape_text(image.unsqueeze(0).sizes()),
                  shape_text(all.at(name).at("shape").get<std::vector<std::int64_t>>()));
    report_.number("normalised_input " + name + " sum", image.to(at::kDouble).sum().item<double>(),
                   all.at(name).at("sum"), {.absolute = 1e-7 * static_cast<double>(image.numel())});
  }

  const Input* input(const std::string& stem) const {
    for (const auto& [name, input] : inputs_) {
      if (name == stem) return &input;
    }
    return nullptr;
  }

  // ------------------------------------------------------------------------------------ scores

  static Tolerance tolerance(const Run& run) {
    return run.pamr ? bounds::kRefinedScores : bounds::kScores;
  }

  at::Tensor window_scores(const Prediction& prediction, const Run& run, const at::Tensor& image,
                           std::size_t number) const {
    const auto windows =
        model::sliding_windows(image.size(1), image.size(2), run.window, run.stride);
    if (number >= windows.size()) return {};
    const model::Window& w = windows[number];
    return prediction.scores(image.narrow(1, w.y, w.height).narrow(2, w.x, w.width).contiguous());
  }

  /// "softmax_crop_yA_B_xC_D#stepN"
  at::Tensor softmax_crop(const Prediction& prediction, const Input& input,
                          const std::string& quantity) const {
    static const std::regex kBox("_y([0-9]+)_([0-9]+)_x([0-9]+)_([0-9]+)");
    std::smatch match;
    if (!std::regex_search(quantity, match, kBox)) return {};
    const auto at = [&](std::size_t k) { return std::stoll(match[k]); };
    return at::softmax(prediction.scores(input.image, input.original), 0)
        .slice(1, at(1), at(2))
        .slice(2, at(3), at(4));
  }

  /// Every "<prefix>QUANTITY" of the score file.
  void check_scores(const std::string& prefix, const Prediction& prediction, const Run& run,
                    const Input& input) {
    for (const std::string& name : scores_.names()) {
      if (!name.starts_with(prefix)) continue;
      const std::string quantity = name.substr(prefix.size());
      at::Tensor found;
      if (quantity.starts_with("window"))
        found = window_scores(prediction, run, input.image, std::stoul(quantity.substr(6)));
      if (quantity.starts_with("slide_average")) found = prediction.scores(input.image);
      if (quantity.starts_with("softmax_crop")) found = softmax_crop(prediction, input, quantity);
      if (!found.defined()) {
        report_.missing(name, "this program has no such quantity");
        continue;
      }
      compare_tensor(report_, name, every(found, step_of(quantity)), scores_, name, tolerance(run));
    }
  }

  /// Pixels that differ, and how much less the reference's class scores there than ours.
  void check_labels(const std::string& name, const Prediction& prediction, const Run& run,
                    const Input& input) {
    const auto expected = load_label(folder_, kLabels + name + ".png", report_);
    if (!expected) return;
    const at::Tensor scores = prediction.scores(input.image, input.original);  // [N, H, W]
    const at::Tensor found = model::predict_labels(scores).to(at::kLong);
    std::vector<std::int64_t> ids(expected->ids.begin(), expected->ids.end());
    const at::Tensor wanted =
        at::from_blob(ids.data(), {expected->height, expected->width}, at::kLong);
    if (found.sizes() != wanted.sizes() || wanted.max().item<std::int64_t>() >= scores.size(0))
      return report_.failed("labels " + name, "another size, or a class without a score of ours");
    const at::Tensor gap = scores.amax(0) - scores.gather(0, wanted.unsqueeze(0)).squeeze(0);
    const at::Tensor differs = found.ne(wanted);
    const auto count = differs.sum().item<std::int64_t>();
    const double largest = count == 0 ? 0.0 : gap.masked_select(differs).max().item<double>();
    report_.counted("labels " + name, static_cast<std::uint64_t>(wanted.numel()),
                    static_cast<std::uint64_t>(count), largest,
                    {.levels = 2 * tolerance(run).absolute, .share = bounds::kLabelShare},
                    count == 0 ? "" : format("scores there at most {:.1e} apart", largest));
  }

  /// Scores of the first photograph, label maps of all.
  void check_run(const std::string& name, const Json& info) {
    const Run run = run_of(info, facts_);
    const at::Tensor text = this->text(run.threshold.has_value(), run.templates);
    if (!text.defined()) return;
    const Prediction prediction(model_, text, run);
    if (!inputs_.empty()) check_scores(name + ".", prediction, run, inputs_.front().second);
    for (const auto& [photo, facts] : info.at("images").items()) {
      const std::string stem = Path(photo).stem().string();
      const Input* image = input(stem);
      if (image == nullptr) {
        report_.missing("labels " + name + "." + stem, "the photograph could not be read");
        continue;
      }
      check_labels(name + "." + stem, prediction, run, *image);
    }
  }

  // ------------------------------------------------------------------------------- other sizes

  /// "window96.background.STEM", "small.nobackground.wide": the last word names the image.
  void check_other_size(const std::string& name, const Json& info) {
    const Run run = run_of(info, facts_);
    const std::string last = name.substr(name.rfind('.') + 1);
    const auto input = other_input(last, info);
    const at::Tensor text = this->text(run.threshold.has_value(), run.templates);
    if (!input || !text.defined()) return;
    std::vector<std::vector<std::int64_t>> sizes;
    for (const auto& w :
         model::sliding_windows(input->image.size(1), input->image.size(2), run.window, run.stride))
      sizes.push_back({w.height, w.width});
    report_.equal(name + " network_input_hw",
                  format("[{},{}]", input->image.size(1), input->image.size(2)),
                  info.at("network_input_hw").dump());
    report_.equal(name + " windows_hw", Json(sizes).dump(), info.at("windows_hw").dump());
    const Prediction prediction(model_, text, run);
    check_scores(name + ".", prediction, run, *input);
    check_labels(name, prediction, run, *input);
  }

  std::optional<Input> other_input(const std::string& last, const Json& info) {
    if (const Input* photograph = input(last)) return *photograph;
    const auto image =
        load_image(folder_, format("inference/input_{}.png", last), ReadAs::kEvaluation, report_);
    if (!image) return std::nullopt;
    const data::Size size = network_size({image->width, image->height}, info.at("img_scale"));
    const Image resized = data::resize_bilinear_opencv(*image, size.width, size.height);
    return Input{network_input(resized), {image->height, image->width}};
  }

  Folder& folder_;
  Report& report_;
  const model::DenseModel& model_;
  const Json& facts_;
  TensorFile& scores_;
  std::vector<std::pair<std::string, Input>> inputs_;  ///< by stem
  std::map<std::pair<bool, std::string>, at::Tensor> text_;
};

}  // namespace

void check_inference(Folder& folder, Report& report) {
  const at::NoGradGuard no_grad;
  const auto clip = load_clip(folder, report);
  TensorFile* trained = folder.tensors(kWeights);
  const Json* facts = folder.json(kFacts);
  TensorFile* scores = folder.tensors(kScores);
  if (clip == nullptr || trained == nullptr || facts == nullptr || scores == nullptr) return;
  const auto model = load_model(*clip, trained->all(), report);
  if (model != nullptr) InferenceCheck(folder, report, *model, *facts, *scores).run();
}

}  // namespace tagalign::golden::tcl
