#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "base/format.h"
#include "model/methods/tcl/tcl.h"
#include "model/methods/training_checkpoint.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kNaming = "tcl";
constexpr std::string_view kBlocks = "masker.image_encoder.backbone.";
constexpr std::string_view kInProjection = "attn.in_proj_weight";
constexpr std::int64_t kKernel = 3;

bool is_own(const std::string& name) {
  return name.starts_with("masker.") || name == "tcli_loss.logit_scale" ||
         name == "tclf_loss.logit_scale";
}

bool may_wait(const std::string& name) {
  return name.starts_with(kBlocks);
}

StateDict own(const StateDict& tensors) {
  StateDict found;
  for (const auto& [name, tensor] : tensors) {
    if (is_own(name)) found[name] = tensor;
  }
  return found;
}

std::int64_t copied_blocks(const StateDict& tensors) {
  return std::ranges::count_if(tensors, [](const auto& entry) {
    return may_wait(entry.first) && entry.first.ends_with(kInProjection);
  });
}

Result<MaskerShape> shape_of(const StateDict& tensors) {
  return masker_shape_of(tensors, std::numeric_limits<std::int64_t>::max());
}

std::string architecture_text(const config::TclDecoder& decoder, std::int64_t copied,
                              std::int64_t width) {
  return format("masker, {} {}{}, {} copied {}, width {}", decoder.layers,
                decoder.double_convolutions ? "double " : "",
                decoder.layers == 1 ? "layer" : "layers", copied, copied == 1 ? "block" : "blocks",
                width);
}

const config::TclTraining& section(const config::TrainConfig& config) {
  return std::get<config::TclTraining>(config.method);
}

std::string naming(const StateDict&) {
  return std::string(kNaming);
}

Result<StateDict> respelled(const StateDict& own, const std::string& naming) {
  if (naming == kNaming) return own;
  return invalid_argument(
      format("naming '{}' is not one of TCL: expected {}, its official names", naming, kNaming));
}

Result<WeightLayout> layout(const StateDict& own) {
  TA_ASSIGN_OR_RETURN(const MaskerShape shape, shape_of(own));
  const config::TclDecoder decoder{.layers = shape.layers,
                                   .double_convolutions = shape.double_convolutions};
  return WeightLayout{.architecture = architecture_text(decoder, copied_blocks(own), shape.width),
                      .width = shape.width,
                      .embedding = shape.embedding};
}

Result<std::string> asked(const config::TrainConfig& config, const WeightLayout& found) {
  return architecture_text(section(config).decoder, section(config).copied_blocks, found.width);
}

void add_block(TensorShapes& shapes, const std::string& name, std::int64_t width) {
  shapes[name + "attn.in_proj_weight"] = {3 * width, width};
  shapes[name + "attn.in_proj_bias"] = {3 * width};
  shapes[name + "attn.out_proj.weight"] = {width, width};
  shapes[name + "mlp.c_fc.weight"] = {4 * width, width};
  shapes[name + "mlp.c_fc.bias"] = {4 * width};
  shapes[name + "mlp.c_proj.weight"] = {width, 4 * width};
  for (const char* vector : {"attn.out_proj.bias", "ln_1.weight", "ln_1.bias", "mlp.c_proj.bias",
                             "ln_2.weight", "ln_2.bias"}) {
    shapes[name + vector] = {width};
  }
}

void add_convolution(TensorShapes& shapes, const std::string& name, std::int64_t width) {
  shapes[name + "conv.weight"] = {width, width, kKernel, kKernel};
  for (const char* vector : {"norm.weight", "norm.bias", "conv.bias"})
    shapes[name + vector] = {width};
  shapes[name + "gate.gate"] = {};
}

Result<TensorShapes> shapes(const StateDict& own, const config::TrainConfig* config) {
  TA_ASSIGN_OR_RETURN(const MaskerShape shape, shape_of(own));
  config::TclDecoder decoder{.layers = shape.layers,
                             .double_convolutions = shape.double_convolutions};
  if (config != nullptr) decoder = section(*config).decoder;
  const std::string encoder = "masker.image_encoder.";
  TensorShapes shapes = {{"masker.sim2mask.w", {}}, {"masker.sim2mask.b", {}}};
  for (std::int64_t i = 0; i < copied_blocks(own); ++i) {
    add_block(shapes,
              format("{}backbone.transformer.resblocks.{}.", encoder, shape.first_block + i),
              shape.width);
  }
  for (int i = 0; i < decoder.layers; ++i) {
    const std::string layer = format("{}decoder.decoder.net.{}.", encoder, i);
    add_convolution(shapes, layer + "conv.", shape.width);
    if (decoder.double_convolutions) add_convolution(shapes, layer + "conv2.", shape.width);
  }
  shapes[encoder + "decoder.image_proj.proj"] = {shape.width, shape.embedding};
  shapes[encoder + "decoder.image_proj.ln.weight"] = {shape.width};
  shapes[encoder + "decoder.image_proj.ln.bias"] = {shape.width};
  // Published weights leave the losses out, and evaluation does not need them.
  for (const char* scale : {"tcli_loss.logit_scale", "tclf_loss.logit_scale"}) {
    if (own.contains(scale)) shapes[scale] = {};
  }
  return shapes;
}

std::string same_name(const std::string& name) {
  return name;
}

Result<ReferenceFile> read_reference(TorchArchive& archive) {
  TA_ASSIGN_OR_RETURN(TrainingCheckpoint read,
                      read_training_checkpoint(archive, {.is_own = is_own,
                                                         .is_trained = is_own,
                                                         .program_name = same_name,
                                                         .may_wait = may_wait}));
  ReferenceFile file{.tensors = std::move(read.tensors),
                     .naming = std::string(kNaming),
                     .steps_done = read.steps_done,
                     .schedule_position = read.schedule_position,
                     .next_lr = read.next_lr,
                     .moments = std::nullopt};
  if (read.optimizer) {
    file.moments = {.tensors = std::move(read.optimizer->moments),
                    .updates = read.optimizer->updates,
                    .late_updates = read.optimizer->late_updates};
  }
  return file;
}

}  // namespace

const WeightNames kTclWeights{.is_own = is_own,
                              .own = own,
                              .optional = {},
                              .naming = naming,
                              .respelled = respelled,
                              .layout = layout,
                              .asked = asked,
                              .shapes = shapes,
                              .read_reference = read_reference};

}  // namespace tagalign::model
