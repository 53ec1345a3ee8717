#include <map>
#include <optional>
#include <regex>

#include "model/methods/resclip/encoder.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/heads/bounds.h"
#include "tests/golden/check/resclip/parts.h"

namespace tagalign::golden::resclip {
namespace {

using config::HeadAttention;

/// The settings under which the layout's README says that all variants were run.
config::ResClipEvaluation base_section() {
  config::ResClipEvaluation section;
  section.rcs = {.temperature = 2.0, .weight = 0.3};
  section.sfr = {.temperature = 2.1, .weight = 0.7};
  section.feedback_threshold = 0.05;
  return section;
}
/// The list of classes whose queries they had.
constexpr char kQueries[] = "query_features.plain";

/// "resclip", "resclip.keep_entities", "clearclip"; SCLIP alone keeps its residual. nullopt for
/// a word that is no base.
std::optional<config::ResClipEvaluation> section_of(const std::string& variant) {
  static const std::map<std::string, std::pair<HeadAttention, bool>> kBases = {
      {"resclip", {HeadAttention::kKeyNeighbours, false}},
      {"naclip", {HeadAttention::kKeyNeighbours, false}},
      {"sclip", {HeadAttention::kQueryPlusKey, true}},
      {"clearclip", {HeadAttention::kQuery, false}},
      {"vanilla", {HeadAttention::kQueryKey, false}}};
  const std::size_t dot = variant.find('.');
  const auto base = kBases.find(variant.substr(0, dot));
  const std::string option = dot == std::string::npos ? "" : variant.substr(dot + 1);
  if (base == kBases.end() || (!option.empty() && option != "keep_entities")) return std::nullopt;
  config::ResClipEvaluation section = base_section();
  std::tie(section.settings.attention, section.settings.residual) = base->second;
  section.delete_same_entity = option.empty();
  return section;
}

class EncoderCheck {
 public:
  EncoderCheck(TensorFile& file, TensorFile& inputs, const model::VisionTower& vision,
               at::Tensor queries, Report& report)
      : file_(file),
        inputs_(inputs),
        vision_(vision),
        queries_(std::move(queries)),
        report_(report) {}

  void compare(const std::string& name) {
    static const std::regex kName(R"((.+)\.([0-9]+x[0-9]+)(?:\.(features|attention))?)");
    std::smatch match;
    if (!std::regex_match(name, match, kName)) return;
    const std::string what = match[1], part = match[3];
    const at::Tensor window = input(match[2]);
    if (what == "input" || !window.defined()) return;
    if (what == "position_embedding")
      return line(name, vision_.positions(vision_.grid_of(window), kRule),
                  heads::kBicubicPositions);
    if (what == "last_block_input")
      return line(name, vision_.encode_before_last(window, kRule), heads::kTokens);
    const auto section = section_of(what);
    if (!section) return report_.not_compared(name, "no base of the product");
    compare_variant(name, window, *section, part == "attention");
  }

 private:
  static constexpr auto kRule = model::PositionRule::kBicubicScale;

  void line(const std::string& name, const at::Tensor& found, const Tolerance& tolerance) {
    compare_tensor(report_, "encoder " + name, found, file_, name, tolerance);
  }

  /// The first image alone: the official code takes no other.
  at::Tensor input(const std::string& size) {
    const std::string name = "input." + size;
    TensorFile& file = file_.has(name) ? file_ : inputs_;
    const at::Tensor* found = file.find(name);
    return found == nullptr ? at::Tensor() : found->narrow(0, 0, 1);
  }

  /// Features of CLS, which no method reads, are left out.
  void compare_variant(const std::string& name, const at::Tensor& window,
                       const config::ResClipEvaluation& section, bool attention) {
    const model::ResClipEncoder encoder(vision_, section, queries_);
    if (attention) return line(name, encoder.attention(window), heads::kAttention);
    compare_patches(name, encoder.encode(window).rows);
  }

  void compare_patches(const std::string& name, const at::Tensor& found) {
    const at::Tensor& expected = *file_.find(name);
    if (expected.dim() != 3 || expected.size(1) != found.size(1) + 1)
      return report_.failed("encoder " + name, "expected CLS and patches");
    report_.deviation("encoder " + name + " of patches", deviation_of(found, expected.slice(1, 1)),
                      heads::kFeatures);
  }

  TensorFile& file_;
  TensorFile& inputs_;
  const model::VisionTower& vision_;
  at::Tensor queries_;
  Report& report_;
};

}  // namespace

void compare_encoder(Folder& folder, const Clip& clip, Report& report) {
  TensorFile* file = folder.tensors(kEncoder);
  TensorFile* texts = folder.tensors("resclip/text.safetensors");
  TensorFile* inputs = clip.base->tensors("clip/image_encoder.safetensors");
  if (file == nullptr || texts == nullptr || inputs == nullptr) return;
  const at::Tensor* queries = texts->find(kQueries);
  if (queries == nullptr) return;
  EncoderCheck check(*file, *inputs, clip.vision, *queries, report);
  for (const std::string& name : file->names()) check.compare(name);
}

}  // namespace tagalign::golden::resclip
