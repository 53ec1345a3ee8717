#include <ATen/ops/from_blob.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <map>
#include <regex>

#include "base/format.h"
#include "model/methods/heads/queries.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/heads/bounds.h"
#include "tests/golden/check/heads/run.h"
#include "tests/golden/check/heads/runs.h"
#include "tests/golden/check/images.h"
#include "tests/golden/check/inference_runs.h"

namespace tagalign::golden::heads {
namespace {

/// "plain.window7#step4", "plain.logits#step8", "plain.probs_y100_140_x200_240#step2"
struct ScoreName {
  std::string run, kind;
  std::vector<std::int64_t> numbers;  ///< the window's, or the crop's y, y', x, x'
  std::int64_t step = 1;
};

std::optional<ScoreName> parse_score(const std::string& name) {
  static const std::regex kName(
      R"((.+)\.(window|logits|probs)(\d+)?(?:_y(\d+)_(\d+)_x(\d+)_(\d+))?(?:#step(\d+))?)");
  std::smatch match;
  if (!std::regex_match(name, match, kName)) return std::nullopt;
  ScoreName score{.run = match[1], .kind = match[2]};
  for (std::size_t i = 3; i <= 7; ++i) {
    if (match[i].matched) score.numbers.push_back(std::stoll(match[i]));
  }
  if (match[8].matched) score.step = std::stoll(match[8]);
  return score;
}

at::Tensor every(const at::Tensor& planes, std::int64_t step) {
  return planes.slice(1, 0, std::nullopt, step).slice(2, 0, std::nullopt, step);
}

struct Input {
  at::Tensor image;  // [3, H, W]
  model::ImageSize original;
};

class RunsCheck {
 public:
  RunsCheck(Folder& folder, const Clip& clip, std::string method,
            std::optional<config::EvaluationMethod> section, Report& report)
      : folder_(folder),
        clip_(clip),
        method_(std::move(method)),
        section_(std::move(section)),
        report_(report) {}

  void run() {
    facts_ = folder_.json(method_ + "/" + method_ + ".json");
    scores_ = folder_.tensors(method_ + "/scores.safetensors");
    texts_ = folder_.tensors(method_ + "/text.safetensors");
    if (facts_ == nullptr || scores_ == nullptr || texts_ == nullptr) return;
    compare_parsing();
    compare_texts();
    for (const auto& [name, facts] : facts_->at("runs").items()) compare_run(name, facts);
    if (facts_->contains("small_images")) {
      for (const auto& [name, facts] : facts_->at("small_images").items())
        compare_small(name, facts);
    }
  }

 private:
  static std::string stem(const std::string& file) { return file.substr(0, file.rfind('.')); }

  /// Of class lines, as the method's section cuts them by default.
  static model::QueryNames queries(const config::EvaluationMethod& section,
                                   const std::vector<std::string>& lines) {
    return std::visit(
        [&](const auto& chosen) -> model::QueryNames {
          if constexpr (requires { chosen.settings.separator; })
            return model::split_names(lines, chosen.settings.separator);
          return {};
        },
        section);
  }

  void compare_parsing() {
    const auto facts = facts_->find("class_file_parsing");
    const Json& runs = facts_->at("runs");
    if (facts == facts_->end() || runs.empty()) return;
    const auto section = settings_of(runs.front().at("settings")).method;
    const auto found = queries(section, lines_of(facts->at("text")));
    report_.equal("class names", Json(found.names).dump(), facts->at("names").dump());
    report_.equal("class of each name", Json(found.class_of).dump(), facts->at("index").dump());
  }

  RunSettings settings_of(const Json& settings) const {
    return section_ ? run_settings(*section_, settings) : run_settings(method_, settings);
  }

  /// A list's names are apart by ", "; some repositories were given it with their own separator.
  std::optional<std::vector<std::string>> lines_for_run(const std::string& list) const {
    static const std::string kOfList = ", ";
    const std::string own = facts_->value("separator", kOfList);
    auto lines = class_lines(folder_, list);
    if (!lines || own == kOfList) return lines;
    for (std::string& line : *lines) {
      for (std::size_t at = 0; (at = line.find(kOfList, at)) != std::string::npos; at += own.size())
        line.replace(at, kOfList.size(), own);
    }
    return lines;
  }

  const Run* run_of(const Json& settings, const std::string& key) {
    if (const auto known = runs_.find(key); known != runs_.end()) return &known->second;
    const RunSettings wanted = settings_of(settings);
    if (!wanted.unknown.empty()) {
      report_.not_compared(key, "settings that the product has not: " + wanted.unknown);
      return nullptr;
    }
    const auto classes = lines_for_run(wanted.list);
    return classes ? &runs_.try_emplace(key, clip_, wanted, *classes).first->second : nullptr;
  }

  void compare_texts() {
    for (const auto& [name, facts] : facts_->at("runs").items()) {
      const std::string list = facts.at("settings").at("L");
      const Run* run =
          texts_done_.insert(list).second ? run_of(facts.at("settings"), name) : nullptr;
      const std::string tensor = "query_features." + list;
      if (run == nullptr || !texts_->has(tensor)) continue;
      compare_tensor(report_, "text " + tensor, run->text().rows, *texts_, tensor, kText);
    }
  }

  /// The photograph as it is after the pipeline's resize.
  std::optional<Input> photograph(const std::string& name, const data::LabelMap& label) {
    const auto image =
        load_image(folder_, format("resized_{}.png", name), data::ReadAs::kEvaluation, report_);
    if (!image) return std::nullopt;
    return Input{network_input(*image, kColors), {label.height, label.width}};
  }

  void compare_run(const std::string& name, const Json& facts) {
    const Run* run = run_of(facts.at("settings"), name);
    if (run == nullptr) return;
    bool first = true;
    for (const auto& file : facts_->at("images")) {
      const std::string image = stem(file);
      const auto label = load_label(folder_, label_path(name + "." + image), report_);
      const auto input = label ? photograph(image, *label) : std::nullopt;
      if (!input) continue;
      if (first) compare_shape(name, *run, *input, facts);
      if (first) compare_scores(name, *run, *input);
      first = false;
      compare_labels(name, name + "." + image, *run, *input, *label);
    }
    report_.equal(name + " query_index", Json(run->text().class_of).dump(),
                  facts.at("query_index").dump());
  }

  void compare_shape(const std::string& name, const Run& run, const Input& input,
                     const Json& facts) {
    report_.equal(name + " number_of_windows",
                  static_cast<std::int64_t>(run.windows(input.image).size()),
                  facts.at("number_of_windows").get<std::int64_t>());
  }

  std::string label_path(const std::string& name) const {
    return format("{}/labels/{}.png", method_, name);
  }

  void compare_scores(const std::string& name, const Run& run, const Input& input) {
    for (const std::string& tensor : scores_->names()) {
      const auto score = parse_score(tensor);
      if (score && score->run == name) compare_score(tensor, *score, run, input);
    }
  }

  void compare_score(const std::string& tensor, const ScoreName& score, const Run& run,
                     const Input& input) {
    if (score.kind == "window") {
      const auto number = static_cast<std::size_t>(score.numbers.at(0));
      return compare(tensor,
                     every(run.window_cosines(input.image, input.original, number), score.step),
                     kWindowCosines);
    }
    if (score.kind == "logits") return compare_cosines(tensor, score, run, input);
    const auto& n = score.numbers;
    at::Tensor values = run.values(input.image, input.original);
    values = every(values.slice(1, n.at(0), n.at(1)).slice(2, n.at(2), n.at(3)), score.step);
    if (method_ == "naclip" || method_ == "resclip") values = values / values.sum(0, true);
    compare(tensor, values, kClassValues);
  }

  /// Where the official code gives no number, any is right.
  void compare(const std::string& tensor, at::Tensor found, const Tolerance& tolerance) {
    const at::Tensor& expected = *scores_->find(tensor);
    if (found.sizes() == expected.sizes()) found = at::where(expected.isnan(), expected, found);
    compare_tensor(report_, tensor, found, *scores_, tensor, tolerance);
  }

  bool lacks_numbers(const std::string& run) const {
    return std::ranges::any_of(scores_->names(), [&](const std::string& tensor) {
      const auto score = parse_score(tensor);
      return score && score->run == run && scores_->peek(tensor)->isnan().any().item<bool>();
    });
  }

  void compare_cosines(const std::string& tensor, const ScoreName& score, const Run& run,
                       const Input& input) {
    const at::Tensor found = every(run.cosines(input.image, input.original), score.step);
    if (!run.refines()) return compare(tensor, found, kCosines);
    const at::Tensor& expected = *scores_->find(tensor);
    if (found.sizes() != expected.sizes()) return report_.failed(tensor, "another shape");
    const at::Tensor apart = (found - expected).abs();
    report_.counted(
        tensor, static_cast<std::uint64_t>(apart.numel()),
        static_cast<std::uint64_t>(apart.gt(kCosines.absolute).sum().item<std::int64_t>()),
        apart.max().item<double>(), kRefinedCosines);
  }

  void compare_labels(const std::string& run_name, const std::string& name, const Run& run,
                      const Input& input, const data::LabelMap& label) {
    const at::Tensor found = run.labels(input.image, input.original).to(at::kLong);
    std::vector<std::int64_t> ids(label.ids.begin(), label.ids.end());
    const at::Tensor expected = at::from_blob(ids.data(), {label.height, label.width}, at::kLong);
    if (found.sizes() != expected.sizes()) return report_.failed("labels " + name, "another size");
    at::Tensor differs = found.ne(expected);
    if (lacks_numbers(run_name)) {
      report_.not_compared("labels " + name + " of class 0",
                           "the official scores are partly no numbers, whose label is class 0");
      differs = differs.logical_and(expected.ne(0));
    }
    report_.counted("labels " + name, ids.size(),
                    static_cast<std::uint64_t>(differs.sum().item<std::int64_t>()), 0,
                    run.refines() ? kRefinedLabels : kLabels);
  }

  /// Images narrower than a window, under the settings of run `plain`.
  void compare_small(const std::string& name, const Json& facts) {
    const Json& runs = facts_->at("runs");
    if (!runs.contains("plain")) return report_.missing(name, "the file has no run 'plain'");
    const Run* run = run_of(runs.at("plain").at("settings"), "plain");
    const auto photo = load_image(*clip_.base, "inference/" + facts.at("file").get<std::string>(),
                                  data::ReadAs::kEvaluation, report_);
    const auto label = load_label(folder_, label_path(name), report_);
    if (run == nullptr || !photo || !label) return;
    const data::Size size = network_size({photo->width, photo->height}, facts.at("img_scale"));
    report_.equal(name + " network_input_hw", format("[{},{}]", size.height, size.width),
                  facts.at("network_input_hw").dump());
    const Input input{
        network_input(data::resize_bilinear_opencv(*photo, size.width, size.height), kColors),
        {photo->height, photo->width}};
    compare_scores(name, *run, input);
    compare_labels(name, name, *run, input, *label);
  }

  static constexpr data::ColorStatistics kColors = data::kClipRoundedColors;

  Folder& folder_;
  const Clip& clip_;
  std::string method_;
  std::optional<config::EvaluationMethod> section_;  // unset: as each run's settings say
  Report& report_;
  const Json* facts_ = nullptr;
  TensorFile* scores_ = nullptr;
  TensorFile* texts_ = nullptr;
  std::map<std::string, Run> runs_;
  std::set<std::string> texts_done_;
};

}  // namespace

void compare_runs(Folder& folder, const Clip& clip, const std::string& method, Report& report) {
  RunsCheck(folder, clip, method, std::nullopt, report).run();
}

void compare_runs(Folder& folder, const Clip& clip, const std::string& method,
                  const config::EvaluationMethod& section, Report& report) {
  RunsCheck(folder, clip, method, section, report).run();
}

}  // namespace tagalign::golden::heads
