#include "tests/golden/check/sources.h"

#include <c10/core/ScalarType.h>

#include "base/format.h"
#include "worker/weights/weights.h"

namespace tagalign::golden {

std::unique_ptr<Folder> base_folder(Folder& folder, Report& report) {
  for (const char* place : {".", "..", "../golden", "../../golden"}) {
    const Path root = folder.root() / place;
    if (!posix_file_system().exists(root / "clip")) continue;
    auto base = Folder::open(root, folder.photos(), report);
    if (base.ok()) return std::move(base).value();
    report.failed("the shared golden data", base.status().message());
    return nullptr;
  }
  report.missing("clip/",
                 format("neither in {} or above it nor in a folder golden beside or above it",
                        folder.root().string()));
  return nullptr;
}

std::optional<Tensors> load_clip_weights(Folder& folder, Report& report) {
  const std::string plain = "clip/clip_tiny.safetensors";
  if (!folder.is_left_out(plain)) {
    TensorFile* file = folder.tensors(plain);
    return file == nullptr ? std::nullopt : std::optional(file->all());
  }
  const auto file = folder.file(kTorchScript);
  if (!file) return std::nullopt;
  auto loaded = jobs::load_weights(posix_file_system(), *file);
  if (!loaded.ok()) {
    report.failed(kTorchScript, loaded.status().message());
    return std::nullopt;
  }
  std::erase_if(loaded->tensors, [](const auto& entry) {  // buffers of the archive
    return !at::isFloatingType(entry.second.scalar_type());
  });
  return std::move(loaded->tensors);
}

std::optional<model::Tokenizer> load_tokenizer(Folder& folder, Report& report) {
  const auto own = folder.has(kVocabulary) ? folder.packed(kVocabulary) : std::nullopt;
  if (folder.has(kVocabulary) && !own) return std::nullopt;
  auto tokenizer =
      model::Tokenizer::load(posix_file_system(), own.value_or(model::default_vocabulary()));
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
