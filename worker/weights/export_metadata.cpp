#include "worker/weights/export_metadata.h"

#include <fmt/ranges.h>

#include <charconv>

#include "base/checksum.h"
#include "base/format.h"

namespace tagalign::jobs {
namespace {

constexpr char kFormat[] = "tagalign-weights-1";

}  // namespace

std::string tensors_digest(const model::StateDict& tensors) {
  Hasher128 hasher;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor plain = tensor.detach().to(at::kCPU).contiguous();
    hasher.update(format("{}\n{}\n[{}]\n", name, c10::toString(plain.scalar_type()),
                         fmt::join(plain.sizes().vec(), ", ")));
    hasher.update(ByteSpan(static_cast<const std::byte*>(plain.const_data_ptr()), plain.nbytes()));
  }
  return hasher.digest().hex();
}

Metadata export_metadata(const model::StateDict& tensors, const std::string& naming,
                         const std::string& architecture, const checkpoint::RunPosition& position) {
  Metadata metadata = {{"format", kFormat},
                       {"naming", naming},
                       {"architecture", architecture},
                       {"tensors_digest", tensors_digest(tensors)}};
  if (position.step > 0) metadata["step"] = format("{}", position.step);
  if (!position.model_digest.empty()) metadata["clip_digest"] = position.model_digest;
  if (!position.config_digest.empty()) metadata["config_digest"] = position.config_digest;
  if (!position.dataset_digest.empty()) metadata["dataset_digest"] = position.dataset_digest;
  return metadata;
}

Status read_export_metadata(const Metadata& metadata, checkpoint::RunPosition& position) {
  const auto found = metadata.find("format");
  if (found == metadata.end() || found->second != kFormat) return ok_status();
  const auto text = [&](const std::string& key) {
    const auto value = metadata.find(key);
    return value == metadata.end() ? std::string() : value->second;
  };
  position.model_digest = text("clip_digest");
  position.config_digest = text("config_digest");
  position.dataset_digest = text("dataset_digest");
  const std::string step = text("step");
  if (step.empty()) return ok_status();
  const auto end = step.data() + step.size();
  if (std::from_chars(step.data(), end, position.step).ptr != end)
    return invalid_argument(format("metadata: step is '{}', expected a number", step));
  return ok_status();
}

}  // namespace tagalign::jobs
