// A file that the official code wrote with torch.save, read by the program's own reader.
#include <ATen/ATen.h>

#include <set>

#include "base/format.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/grouping/grouped.h"
#include "worker/weights/trained_weights.h"

namespace tagalign::golden {
namespace {

constexpr char kFacts[] = "checkpoints/checkpoint.json";

void check_bytes(Folder& folder, Report& report, const std::string& name, const Json& facts) {
  const auto bytes = folder.bytes("checkpoints/" + name);
  if (!bytes) return;
  report.equal(name + " bytes", static_cast<std::int64_t>(bytes->size()),
               facts.at("bytes_unzipped").get<std::int64_t>());
  report.equal(name + " SHA-256", sha256(*bytes), facts.at("sha256_unzipped").get<std::string>());
}

/// Own tensors with type and shape, as the list of the file has them.
void check_names(Report& report, const std::string& name, const jobs::TrainedWeights& trained,
                 const Json& listed) {
  std::map<std::string, Json> ours, theirs;
  model::StateDict all;
  for (const Json& entry : listed) {
    const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
    theirs[entry.at("name")] = {"torch." + entry.at("dtype").get<std::string>(), shape};
    all[entry.at("name")] = at::empty({0});
  }
  for (const auto& [key, tensor] : trained.tensors)
    ours[key] = {dtype_text(tensor.scalar_type()), tensor.sizes().vec()};
  const auto own = trained.method->weights->own(all);
  std::erase_if(theirs, [&](const auto& entry) { return !own.contains(entry.first); });
  report.equal(name + " names, types, shapes", Json(ours).dump(), Json(theirs).dump());
}

/// The stored weights are the same in half precision, which holds them exactly.
void check_values(Report& report, const std::string& name, const model::StateDict& tensors,
                  const model::StateDict& stored) {
  std::uint64_t differing = 0, values = 0;
  for (const auto& [key, tensor] : tensors) {
    const auto found = stored.find(key);
    values += static_cast<std::uint64_t>(tensor.numel());
    differing += found == stored.end()
                     ? static_cast<std::uint64_t>(tensor.numel())
                     : count_differing(tensor.to(at::kFloat), found->second.to(at::kFloat));
  }
  report.counted(name + " values", values, differing, differing > 0 ? 1 : 0, {});
}

}  // namespace

void check_grouped_checkpoint(Folder& folder, Report& report, GroupedModels& models,
                              const std::string& model) {
  const Json* facts = folder.json(kFacts);
  if (facts == nullptr) return;
  const auto packed = facts->at("file").get<std::string>();
  const std::string name = packed.substr(0, packed.rfind(".gz"));
  check_bytes(folder, report, name, *facts);
  const auto path = folder.file("checkpoints/" + name);
  const auto stored = models.weights(model);
  const Json* sizes = models.sizes(model);
  if (!path || !stored || sizes == nullptr) return;
  const auto trained = jobs::read_trained_weights(posix_file_system(), *path);
  if (!trained.ok()) return report.failed(name, trained.status().message());
  const GroupedMethod& method = models.method();
  report.equal(name + " method", std::string(trained->method->name), method.name());
  check_names(report, name, *trained, facts->at("model"));
  check_values(report, name, trained->tensors, *stored);
  const auto built =
      trained->method->dense_model(method.materials(), trained->tensors, method.config(*sizes));
  report.equal(name + " predicts", built.ok() ? "yes" : built.status().message(), "yes");
  report.not_compared(
      name + ": optimizer, schedule, metrics, configuration",
      "an evaluation reads weights alone; the configuration is an object of Python");
}

}  // namespace tagalign::golden
