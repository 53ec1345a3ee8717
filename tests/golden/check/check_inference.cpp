/// Group inference: embeddings of prompts, windows, averaged scores and label
/// maps of both protocols.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "base/format.h"
#include "model/inference/kernels/predict.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/groups.h"
#include "tests/golden/check/images.h"
#include "tests/golden/check/inference_runs.h"
#include "tests/golden/check/tolerances.h"

namespace tagalign::golden {
namespace {

using data::Image;
using data::ReadAs;

constexpr char kEmbedding[] = "text_embedding.";
/// The fixtures' images smaller than a window were all made with this run.
constexpr char kSmallProjector[] = "gdecoder";
constexpr char kSmallTemplates[] = "simple";

/// "images/val/0016E5_07965.jpg" → "0016E5_07965".
std::string stem_of(const std::string& path) {
  return Path(path).stem().string();
}

/// Of the spacing in "#stepN"; 1 without one.
std::int64_t step_of(const std::string& quantity) {
  const std::size_t mark = quantity.find("#step");
  return mark == std::string::npos ? 1 : std::stoll(quantity.substr(mark + 5));
}

at::Tensor every(const at::Tensor& map, std::int64_t step) {
  return map.slice(1, 0, std::nullopt, step).slice(2, 0, std::nullopt, step);
}

/// An image as the network sees it, and the size to which scores are enlarged.
struct Input {
  std::string stem;
  at::Tensor image;  // [3, H, W]
  model::ImageSize original;
};

/// All comparisons of one protocol, "v1" or "v3".
class ProtocolCheck {
 public:
  ProtocolCheck(Folder& folder, Report& report, Models& models, std::string protocol)
      : folder_(folder),
        report_(report),
        models_(models),
        protocol_(std::move(protocol)),
        facts_file_(format("inference/inference_{}.json", protocol_)),
        scores_file_(format("inference/scores_{}.safetensors", protocol_)),
        label_folder_(format("inference/labels_{}/", protocol_)) {}

  void run() {
    facts_ = folder_.json(facts_file_);
    scores_ = folder_.tensors(scores_file_);
    if (facts_ == nullptr || scores_ == nullptr) return;
    for (const char* key : {"window", "stride"}) {
      if (facts_->at(key).at(0) != facts_->at(key).at(1))
        return report_.failed(named(key), "the product slides square windows alone");
    }
    compare_embeddings();
    read_photographs();
    compare_scores();
    compare_label_maps();
    compare_small_images();
    compare_other_facts();
  }

 private:
  std::string named(const std::string& quantity) const { return protocol_ + " " + quantity; }

  std::vector<std::string> classes(bool background) const {
    std::vector<std::string> names = facts_->at(background ? "classes_with_background" : "classes");
    if (background) names.erase(names.begin());
    return names;
  }

  /// "text_embedding.TEMPLATES.nobackground"
  void compare_embeddings() {
    for (const std::string& name : scores_->names()) {
      if (!name.starts_with(kEmbedding)) continue;
      const std::string rest = name.substr(sizeof kEmbedding - 1);
      const std::size_t dot = rest.find('.');
      const bool background = rest.substr(dot + 1) == "background";
      const at::Tensor found = models_.embed(classes(background), rest.substr(0, dot));
      if (found.defined())
        compare_tensor(report_, named(name), found, *scores_, name, bounds::kTextFeatures);
    }
  }

  // ------------------------------------------------------------------------------- photographs

  void read_photographs() {
    for (const std::string path : facts_->at("images")) {
      if (auto input = read_photograph(path)) inputs_.push_back(std::move(*input));
    }
  }

  /// The photograph itself where it is there, else the resized one that the folder keeps.
  std::optional<Input> read_photograph(const std::string& path) {
    const std::string stem = stem_of(path);
    const std::string stored_file = format("inference/resized_{}.png", stem);
    const auto stored = load_image(folder_, stored_file, ReadAs::kEvaluation, report_);
    const auto photo = load_photograph(path);
    if (photo) {
      const data::Size size = network_size({photo->width, photo->height}, facts_->at("img_scale"));
      const Image resized = data::resize_bilinear_opencv(*photo, size.width, size.height);
      if (stored) compare_images(named("resized_" + stem), resized, *stored, {}, report_);
      compare_normalised(path, resized);
      return Input{stem, network_input(resized), {photo->height, photo->width}};
    }
    if (!stored) return std::nullopt;
    compare_normalised(path, *stored);
    const auto original = original_size(stem);
    if (!original) return std::nullopt;
    return Input{stem, network_input(*stored), *original};
  }

  std::optional<Image> load_photograph(const std::string& path) {
    const auto file = folder_.photograph(path);
    if (!file) return std::nullopt;
    auto image = data::read_image(posix_file_system(), *file, ReadAs::kEvaluation);
    if (image.ok()) return std::move(image).value();
    report_.failed(path, image.status().message());
    return std::nullopt;
  }

  /// Without the photograph: that of any label map made from it.
  std::optional<model::ImageSize> original_size(const std::string& stem) {
    for (const std::string& file : folder_.list(label_folder_, "", "." + stem + ".png")) {
      if (const auto label = load_label(folder_, file, report_))
        return model::ImageSize{label->height, label->width};
    }
    return std::nullopt;
  }

  void compare_normalised(const std::string& path, const Image& resized) {
    const auto all = facts_->find("normalised_input");
    const std::string name = Path(path).filename().string();
    if (all == facts_->end() || !all->contains(name)) return;
    const Json& expected = all->at(name);
    const at::Tensor values = network_input(resized).unsqueeze(0).to(at::kDouble);
    const std::string quantity = named("normalised_input " + name);
    report_.equal(quantity + " shape", shape_text(values.sizes()),
                  shape_text(expected.at("shape").get<std::vector<std::int64_t>>()));
    const Tolerance tolerance{.absolute = 1e-7 * static_cast<double>(values.numel())};
    report_.number(quantity + " sum", values.sum().item<double>(), expected.at("sum"), tolerance);
    report_.number(quantity + " sum_of_squares", values.square().sum().item<double>(),
                   expected.at("sum_of_squares"), tolerance);
  }

  // ------------------------------------------------------------------------------------ scores

  /// nullopt after a line.
  std::optional<Prediction> prediction(const RunName& run) {
    return models_.predict(run, classes(run.background), *facts_);
  }

  at::Tensor window_mask(const Prediction& prediction, const at::Tensor& image,
                         std::size_t number) {
    const auto windows = windows_of(image);
    if (number >= windows.size()) return {};
    const model::Window& w = windows[number];
    return prediction.scores(image.narrow(1, w.y, w.height).narrow(2, w.x, w.width));
  }

  std::vector<model::Window> windows_of(const at::Tensor& image) const {
    return model::sliding_windows(image.size(1), image.size(2), facts_->at("window").at(0),
                                  facts_->at("stride").at(0));
  }

  /// "softmax_crop_y100_140_x200_240": the spacing follows from how many rows are stored.
  at::Tensor softmax_crop(const Prediction& prediction, const Input& input,
                          const std::string& quantity, const at::Tensor& expected) {
    static const std::regex kBox("_y([0-9]+)_([0-9]+)_x([0-9]+)_([0-9]+)");
    std::smatch match;
    if (!std::regex_search(quantity, match, kBox)) return {};
    const auto at = [&](int k) { return std::stoll(match[static_cast<std::size_t>(k)]); };
    const auto step = [](std::int64_t length, std::int64_t stored) {
      return stored > 0 ? (length + stored - 1) / stored : 1;
    };
    const at::Tensor all = at::softmax(prediction.scores(input.image, input.original), 0);
    return all.slice(1, at(1), at(2), step(at(2) - at(1), expected.size(1)))
        .slice(2, at(3), at(4), step(at(4) - at(3), expected.size(2)));
  }

  at::Tensor scores_of(const Prediction& prediction, const Input& input,
                       const std::string& quantity, const at::Tensor& expected) {
    if (quantity.starts_with("window"))
      return every(window_mask(prediction, input.image, std::stoul(quantity.substr(6))),
                   step_of(quantity));
    if (quantity.starts_with("slide_average"))
      return every(prediction.scores(input.image), step_of(quantity));
    if (quantity.starts_with("softmax_crop"))
      return softmax_crop(prediction, input, quantity, expected);
    return {};
  }

  /// Every "RUN.QUANTITY" of the score file, on the first photograph.
  void compare_scores() {
    if (inputs_.empty()) return;
    for (const std::string& name : scores_->names()) {
      const auto part = parse_run(name);
      if (!part) continue;
      const auto prediction = this->prediction(part->run);
      if (!prediction) continue;
      const at::Tensor& expected = *scores_->find(name);
      const at::Tensor found = scores_of(*prediction, inputs_.front(), part->rest, expected);
      report_.deviation(named(name), deviation_of(found, expected), bounds::kScore);
    }
  }

  // -------------------------------------------------------------------------------- label maps

  /// At most 3 pixels in 10,000 differ, and only where the class that the reference chose scores
  /// almost as well as ours.
  void compare_labels(const std::string& name, const Prediction& prediction, const Input& input) {
    const auto expected = load_label(folder_, label_folder_ + name + ".png", report_);
    if (!expected) return;
    const std::string quantity = format("labels_{} {}", protocol_, name);
    const at::Tensor scores = prediction.scores(input.image, input.original);  // [N, H, W]
    const at::Tensor found = model::predict_labels(scores).to(at::kLong);
    std::vector<std::int64_t> ids(expected->ids.begin(), expected->ids.end());
    const at::Tensor wanted =
        at::from_blob(ids.data(), {expected->height, expected->width}, at::kLong);
    if (found.sizes() != wanted.sizes() || wanted.max().item<std::int64_t>() >= scores.size(0))
      return report_.failed(quantity, "another size, or a class that our scores do not hold");
    const at::Tensor gap =
        scores.amax(0) - scores.gather(0, wanted.unsqueeze(0)).squeeze(0);  // [H, W]
    const at::Tensor differs = found.ne(wanted);
    const auto count = differs.sum().item<std::int64_t>();
    const double largest = count == 0 ? 0.0 : gap.masked_select(differs).max().item<double>();
    report_.counted(quantity, static_cast<std::uint64_t>(wanted.numel()),
                    static_cast<std::uint64_t>(count), largest, bounds::kLabelMap,
                    count == 0 ? "" : format("scores there at most {:.1e} apart", largest));
  }

  std::set<std::string> label_names() const {
    std::set<std::string> names;
    for (const auto& [file, share] : facts_->at("label_disagreement_float32_vs_float64").items())
      names.insert(stem_of(file));
    for (const std::string& file : folder_.list(label_folder_, "", ".png"))
      names.insert(stem_of(file));
    return names;
  }

  void compare_label_maps() {
    for (const std::string& name : label_names()) {
      const auto part = parse_run(name);
      if (!part || !folder_.file(label_folder_ + name + ".png")) continue;
      const auto input = std::find_if(inputs_.begin(), inputs_.end(), [&](const Input& candidate) {
        return candidate.stem == part->rest;
      });
      if (input == inputs_.end()) {
        report_.missing(named(name), "the photograph could not be read");
        continue;
      }
      if (const auto prediction = this->prediction(part->run))
        compare_labels(name, *prediction, *input);
    }
  }

  // ------------------------------------------------------------------------------ small images

  /// `file` is "small.wide.png", made from input_wide.png.
  void compare_small_image(const std::string& file, const Json& facts) {
    const std::string name = stem_of(file);
    const auto photo =
        load_image(folder_, format("inference/input_{}.png", name.substr(name.find('.') + 1)),
                   ReadAs::kEvaluation, report_);
    if (!photo) return;
    const data::Size size = network_size({photo->width, photo->height}, facts.at("img_scale"));
    report_.equal(named(name + " network_input_hw"), format("[{},{}]", size.height, size.width),
                  facts.at("network_input_hw").dump());
    const Input input{name,
                      network_input(data::resize_bilinear_opencv(*photo, size.width, size.height)),
                      {photo->height, photo->width}};
    compare_windows(name, input.image, facts.at("windows_hw"));
    const auto prediction = this->prediction({.text = name,
                                              .projector = kSmallProjector,
                                              .clip_weight = facts.at("clip_w"),
                                              .templates = kSmallTemplates});
    if (!prediction) return;
    compare_labels(name, *prediction, input);
    for (const std::string& tensor : scores_->names()) {
      if (!tensor.starts_with(file + ".window")) continue;
      const std::string quantity = tensor.substr(file.size() + 1);
      const at::Tensor& expected = *scores_->find(tensor);
      report_.deviation(named(tensor),
                        deviation_of(scores_of(*prediction, input, quantity, expected), expected),
                        bounds::kScore);
    }
  }

  void compare_windows(const std::string& name, const at::Tensor& image, const Json& expected) {
    Json found = Json::array();
    for (const model::Window& w : windows_of(image)) found.push_back({w.height, w.width});
    report_.equal(named(name + " windows_hw"), found.dump(), expected.dump());
  }

  void compare_small_images() {
    const auto images = facts_->find("small_images");
    if (images == facts_->end()) return;
    for (const auto& [file, facts] : images->items()) compare_small_image(file, facts);
  }

  void compare_other_facts() {
    if (!inputs_.empty() && facts_->contains("windows_per_image"))
      report_.equal(named("windows_per_image"),
                    static_cast<std::int64_t>(windows_of(inputs_.front().image).size()),
                    facts_->at("windows_per_image").get<std::int64_t>());
    report_.not_compared(named("label_disagreement, margins, deviation_float32_from_float64"),
                         "the reference's own error, from which the tolerances come");
    folder_.report_other_keys(
        facts_file_, *facts_,
        {"protocol", "img_scale", "window", "stride", "classes", "classes_with_background",
         "images", "scale_bias", "bg_thresh", "label_disagreement_float32_vs_float64", "margins",
         "deviation_float32_from_float64", "windows_per_image", "normalised_input",
         "small_images"});
  }

  Folder& folder_;
  Report& report_;
  Models& models_;
  std::string protocol_, facts_file_, scores_file_, label_folder_;
  const Json* facts_ = nullptr;
  TensorFile* scores_ = nullptr;
  std::vector<Input> inputs_;
};

}  // namespace

void check_inference(Folder& folder, Report& report) {
  const at::NoGradGuard no_grad;
  auto models = Models::load(folder, report);
  if (!models) return;
  for (const char* protocol : {"v1", "v3"}) ProtocolCheck(folder, report, *models, protocol).run();
  report.not_compared("v3 transformer with clip_w above 0",
                      "the reference raises an error there; the product computes it");
}

}  // namespace tagalign::golden
