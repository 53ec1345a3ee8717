#include "tests/golden/check/sources.h"

#include <filesystem>

#include "base/format.h"

namespace tagalign::golden {

std::optional<Tensors> load_clip_weights(Folder& folder, Report&) {
  TensorFile* file = folder.tensors("clip/clip_tiny.safetensors");
  if (file == nullptr) return std::nullopt;
  return file->all();
}

std::optional<model::Tokenizer> load_tokenizer(Folder& folder, Report& report) {
  const std::string packed = "tokenizer/bpe_simple_vocab_16e6.txt.gz";
  const Path own = folder.root() / packed;
  const Path path = std::filesystem::exists(own) ? own : model::default_vocabulary();
  auto tokenizer = model::Tokenizer::load(posix_file_system(), path);
  if (tokenizer.ok()) return std::move(tokenizer).value();
  report.failed("tokenizer", tokenizer.status().message());
  return std::nullopt;
}

model::ProjectorShape projector_shape(const Json& config, const std::string& kind,
                                      std::int64_t width) {
  const auto known = model::projector_kind_from_name(kind);
  TA_CHECK(known.ok(), "unsupported_projector() comes first");
  return {.kind = *known,
          .layers = config.at("n_layers").get<int>(),
          .width = width,
          .heads = config.value("n_heads", 16)};
}

std::string unsupported_projector(const Json& config, const std::string& kind) {
  if (const auto known = model::projector_kind_from_name(kind); !known.ok()) {
    return known.status().message();
  }
  // What our projectors do not let anybody choose.
  const Json fixed = {
      {"double", true}, {"kernel_size", 3}, {"act", "gelu"}, {"norm", "ln"}, {"mlp_ratio", 4}};
  for (const auto& [key, value] : fixed.items()) {
    if (config.contains(key) && config.at(key) != value) {
      return format("our projector has {} {}, the folder's {}", key, value.dump(),
                    config.at(key).dump());
    }
  }
  return "";
}

}  // namespace tagalign::golden
