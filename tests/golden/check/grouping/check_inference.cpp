// Runs of a method with groups: what a window holds, averaged scores and label maps.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>
#include <regex>

#include "base/format.h"
#include "configs/schema/methods/template_sets.h"
#include "model/inference/kernels/predict.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/grouping/grouped.h"
#include "tests/golden/check/images.h"
#include "tests/golden/check/inference_runs.h"

namespace tagalign::golden {
namespace {

using data::ReadAs;

constexpr char kFacts[] = "inference/inference.json";
constexpr char kScores[] = "inference/scores.safetensors";
constexpr char kEmbedding[] = "text_embedding.";
constexpr Tolerance kSoftmax{.absolute = 2e-5};
constexpr CountTolerance kLabels{.levels = 1e9, .share = 2e-4};
constexpr double kClearGap = 1e-6;  ///< of two probabilities

std::string stem_of(const std::string& path) {
  return Path(path).stem().string();
}

/// Of the spacing in "#stepN"; 1 without one.
std::int64_t step_of(const std::string& quantity) {
  const std::size_t mark = quantity.find("#step");
  return mark == std::string::npos ? 1 : std::stoll(quantity.substr(mark + 5));
}

at::Tensor every(const at::Tensor& map, std::int64_t axis, std::int64_t step) {
  return map.slice(axis, 0, std::nullopt, step).slice(axis + 1, 0, std::nullopt, step);
}

/// A run on one image.
struct Input {
  at::Tensor image;  // [3, H, W]
  model::ImageSize original;
};

class RunCheck {
 public:
  RunCheck(Folder& folder, Report& report, GroupedModels& models, const Json& facts,
           std::string name)
      : folder_(folder),
        report_(report),
        method_(models.method()),
        facts_(facts),
        name_(std::move(name)),
        run_(facts.at("runs").at(name_)),
        model_(models.find(run_.at("model"))) {}

  void run(TensorFile& scores) {
    if (model_ == nullptr) return;
    background_ = run_.at("background").get<bool>();
    text_ = embed();
    if (!text_.defined()) return;
    set_options();
    scorer_ = model_->model->scorer({text_}, {.background = background_});
    for (const auto& [file, facts] : run_.at("images").items()) check_image(stem_of(file), facts);
    const std::string first = stem_of(facts_.at("images").at(0));
    if (const auto input = read(first)) check_scores(scores, *input);
  }

 private:
  at::Tensor embed() {
    const auto* prompts = config::find_template_set(run_.at("template").get<std::string>());
    if (prompts == nullptr) {
      report_.failed(name_, "the product has no templates " + run_.at("template").dump());
      return {};
    }
    std::vector<std::string> names = facts_.at(background_ ? "classes_with_background" : "classes");
    if (background_) names.erase(names.begin());
    return model_->model->embed_classes(names, *prompts, 1).rows;
  }

  void set_options() {
    options_.background = background_;
    const bool slides = run_.at("mode") == "slide";
    const int whole = std::numeric_limits<int>::max();
    options_.window = slides ? run_.at("window").at(0).get<int>() : whole;
    options_.window_width = slides ? run_.at("window").at(1).get<int>() : whole;
    options_.stride = slides ? run_.at("stride").at(0).get<int>() : whole;
    options_.stride_width = slides ? run_.at("stride").at(1).get<int>() : whole;
    if (background_) sweep_.background_thresholds = {run_.at("bg_thresh").get<double>()};
  }

  /// The stored network input of the run's scale; nullopt after a line.
  std::optional<Input> read(const std::string& stem) {
    const Json& scale = run_.at("img_scale");
    const std::string suffix =
        scale == facts_.at("img_scale")
            ? ""
            : format("_{}x{}", scale.at(0).get<int>(), scale.at(1).get<int>());
    const auto image = load_image(folder_, format("inference/resized_{}{}.png", stem, suffix),
                                  ReadAs::kEvaluation, report_);
    const auto label = label_of(stem);
    if (!image || !label) return std::nullopt;
    return Input{network_input(*image), {label->height, label->width}};
  }

  /// Of the run, or where only its scores are kept of any run on that image.
  std::optional<data::LabelMap> label_of(const std::string& stem) {
    const std::string own = format("inference/labels/{}.{}.png", name_, stem);
    if (folder_.has(own)) return load_label(folder_, own, report_);
    const auto others = folder_.list("inference/labels", "", format(".{}.png", stem));
    return load_label(folder_, others.empty() ? own : others.front(), report_);
  }

  at::Tensor scores(const at::Tensor& image, model::ImageSize size) const {
    at::Tensor only;  // [C, H, W]
    model::Segmenter(*scorer_, options_)
        .sweep_scores(image, size, sweep_,
                      [&](std::size_t, const at::Tensor& found) { only = found; });
    return only;
  }
  at::Tensor scores(const at::Tensor& image) const {
    return scores(image, {image.size(1), image.size(2)});
  }

  // ---------------------------------------------------------------------------------- label maps

  void check_image(const std::string& stem, const Json& facts) {
    const auto input = read(stem);
    if (!input) return;
    const std::string quantity = format("{}.{}", name_, stem);
    report_.equal(quantity + " network_input_hw",
                  Json{input->image.size(1), input->image.size(2)}.dump(),
                  facts.at("network_input_hw").dump());
    const auto windows =
        model::sliding_windows(input->image.size(1), input->image.size(2), options_);
    report_.equal(quantity + " windows", static_cast<std::int64_t>(windows.size()),
                  facts.at("windows").get<std::int64_t>());
    const std::string path = format("inference/labels/{}.png", quantity);
    if (folder_.has(path)) {
      if (const auto label = load_label(folder_, path, report_))
        check_labels(quantity, *input, *label);
    }
  }

  void check_labels(const std::string& quantity, const Input& input, const data::LabelMap& label) {
    const at::Tensor found = scores(input.image, input.original);  // [C, H, W]
    std::vector<std::int64_t> ids(label.ids.begin(), label.ids.end());
    const at::Tensor wanted = at::from_blob(ids.data(), {label.height, label.width}, at::kLong);
    const at::Tensor ours = model::predict_labels(found, scorer_->label_rule()).to(at::kLong);
    if (ours.sizes() != wanted.sizes())
      return report_.failed("labels " + quantity, "another size than the map's");
    const at::Tensor differs = ours.ne(wanted);
    count("labels " + quantity, differs);
    const at::Tensor best = std::get<0>(at::softmax(found, 0).topk(2, 0));  // [2, H, W]
    const at::Tensor clear = (best[0] - best[1]) > kClearGap;
    count("labels " + quantity + ", clear pixels", differs.masked_select(clear));
  }

  void count(const std::string& quantity, const at::Tensor& differs) {
    const auto differing = differs.sum().item<std::int64_t>();
    report_.counted(quantity, static_cast<std::uint64_t>(differs.numel()),
                    static_cast<std::uint64_t>(differing), differing > 0 ? 1 : 0, kLabels);
  }

  // -------------------------------------------------------------------------------------- scores

  void check_scores(TensorFile& file, const Input& input) {
    const std::string start = name_ + ".";
    for (const std::string& entry : file.names()) {
      if (!entry.starts_with(start)) continue;
      const std::string quantity = entry.substr(start.size());
      check_quantity(entry, quantity, input, *file.find(entry));
    }
  }

  void check_quantity(const std::string& entry, const std::string& quantity, const Input& input,
                      const at::Tensor& expected) {
    const std::int64_t step = step_of(quantity);
    const at::Tensor& image = input.image;
    if (quantity.starts_with("slide_average"))
      return deviation(entry, every(scores(image), 1, step), expected, score_bound());
    if (quantity.starts_with("softmax_crop"))
      return deviation(entry, softmax_crop(input, quantity), expected, kSoftmax);
    static const std::regex kWindow("window([0-9]+)");
    std::smatch match;
    const auto windows = model::sliding_windows(image.size(1), image.size(2), options_);
    if (!std::regex_search(quantity, match, kWindow) || std::stoul(match[1]) >= windows.size())
      return report_.failed(entry, "not a quantity of the layout, or a window too many");
    const model::Window& w = windows[std::stoul(match[1])];
    check_window(entry, quantity, image.narrow(1, w.y, w.height).narrow(2, w.x, w.width), expected);
  }

  at::Tensor softmax_crop(const Input& input, const std::string& quantity) const {
    static const std::regex kBox("_y([0-9]+)_([0-9]+)_x([0-9]+)_([0-9]+)");
    std::smatch match;
    if (!std::regex_search(quantity, match, kBox)) return {};
    const auto at = [&](int k) { return std::stoll(match[static_cast<std::size_t>(k)]); };
    const at::Tensor all = at::softmax(scores(input.image, input.original), 0);
    return every(all.slice(1, at(1), at(2)).slice(2, at(3), at(4)), 1, step_of(quantity));
  }

  void check_window(const std::string& entry, const std::string& quantity, const at::Tensor& window,
                    const at::Tensor& expected) {
    const auto image = model_->tower.encoder.encode(window.unsqueeze(0));
    const auto holds = [&](const char* text) { return quantity.find(text) != std::string::npos; };
    if (holds("affinity")) return check_affinity(entry, image, expected);
    if (holds("image_feat"))
      return deviation(entry, model_->tower.projection.forward(image.features)[0], expected,
                       method_.projected());
    if (holds("image_x"))
      return deviation(entry, model_->tower.projection.forward(image.features.mean(1))[0], expected,
                       method_.projected());
    const std::int64_t step = step_of(quantity);
    if (holds("map")) {
      const at::Tensor maps = stage_maps(image, quantity, window);  // [H, W, G]
      if (expected.dim() == 2) return check_owners(entry, maps.argmax(2), expected);
      return deviation(entry, every(maps, 0, step), expected, method_.group_map());
    }
    deviation(entry, every(scores(window), 1, step), expected, score_bound());
  }

  /// "map0" is that of stage 0; any other one is of the last stage.
  at::Tensor stage_maps(const model::GroupedImage& image, const std::string& quantity,
                        const at::Tensor& window) const {
    static const std::regex kStage("\\.map([0-9]+)");
    std::smatch match;
    const std::size_t stage =
        std::regex_search(quantity, match, kStage) ? std::stoul(match[1]) : image.softs.size() - 1;
    return model::group_maps(image, stage, window.size(1), window.size(2))[0].permute({1, 2, 0});
  }

  void check_owners(const std::string& entry, const at::Tensor& found, const at::Tensor& expected) {
    count(entry, found.ne(expected.to(at::kLong)));
  }

  /// Read back from pixels: rows of groups without a pixel hold −1 or 0; the last may be absent.
  void check_affinity(const std::string& entry, const model::GroupedImage& image,
                      const at::Tensor& expected) {
    const auto& tower = model_->tower;
    const auto kept = std::visit(
        [](const auto& section) -> std::int64_t {
          if constexpr (requires { section.kept_classes; }) return section.kept_classes;
          return 0;
        },
        method_.config(*sizes()));
    const at::Tensor all = model::group_affinity(
        tower.projection.forward(image.features)[0],
        tower.projection.forward(image.features.mean(1))[0], text_, tower.logit_scale, kept);
    const at::Tensor seen = at::nonzero((expected > 0).any(1)).flatten();  // [rows]
    deviation(entry, all.index_select(0, seen), expected.index_select(0, seen), score_bound());
  }

  const Json* sizes() {
    return folder_.json(format("weights/{}.json", run_.at("model").get<std::string>()));
  }

  Tolerance score_bound() const { return method_.score(model_->tower.logit_scale); }
  void deviation(const std::string& entry, const at::Tensor& found, const at::Tensor& expected,
                 const Tolerance& tolerance) {
    report_.deviation(entry, deviation_of(found, expected), tolerance);
  }

  Folder& folder_;
  Report& report_;
  const GroupedMethod& method_;
  const Json& facts_;
  std::string name_;
  const Json& run_;
  GroupedModel* model_;
  bool background_ = false;
  at::Tensor text_;  // [N, E]
  model::SegmentationOptions options_;
  model::SegmentationSweep sweep_{{0.0}, {}};
  std::unique_ptr<model::DenseScorer> scorer_;
};

/// "text_embedding.MODEL.{background,nobackground}.TEMPLATES"
void check_embeddings(Report& report, GroupedModels& models, const Json& facts,
                      TensorFile& scores) {
  static const std::regex kName("text_embedding\\.(.+)\\.(no)?background\\.([a-z]+)");
  for (const std::string& entry : scores.names()) {
    std::smatch match;
    if (!std::regex_match(entry, match, kName)) continue;
    GroupedModel* model = models.find(match[1]);
    const auto* prompts = config::find_template_set(match[3].str());
    if (model == nullptr || prompts == nullptr) continue;
    const bool background = !match[2].matched;
    std::vector<std::string> names = facts.at(background ? "classes_with_background" : "classes");
    if (background) names.erase(names.begin());
    compare_tensor(report, entry, model->model->embed_classes(names, *prompts, 1).rows, scores,
                   entry, models.method().class_embedding());
  }
}

}  // namespace

void check_grouped_inference(Folder& folder, Report& report, GroupedModels& models) {
  const at::NoGradGuard no_grad;
  const Json* facts = folder.json(kFacts);
  TensorFile* scores = folder.tensors(kScores);
  if (facts == nullptr || scores == nullptr) return;
  check_embeddings(report, models, *facts, *scores);
  for (const auto& [name, run] : facts->at("runs").items()) {
    if (run.contains("refused"))
      report.not_compared(name, "the reference refuses this size");
    else
      RunCheck(folder, report, models, *facts, name).run(*scores);
  }
  folder.report_other_keys(
      kFacts, *facts,
      {"img_scale", "window", "stride", "classes", "classes_with_background", "images", "runs"});
}

}  // namespace tagalign::golden
