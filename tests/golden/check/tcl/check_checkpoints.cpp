/// Group tcl.checkpoints: files that the official code wrote, read by the program's own reader.
#include <ATen/ATen.h>

#include <map>
#include <set>
#include <string>

#include "base/format.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/reference_checkpoint.h"
#include "tests/golden/check/tcl/bounds.h"
#include "tests/golden/check/tcl/checks.h"
#include "tests/golden/check/tcl/models.h"
#include "tests/golden/check/tcl/sampled.h"
#include "worker/weights/trained_weights.h"

namespace tagalign::golden::tcl {
namespace {

constexpr char kFacts[] = "checkpoints/checkpoints.json";
constexpr char kMinimal[] = "checkpoints/tcl_minimal.pth";

const model::WeightNames& names() {
  const auto method = model::find_method(config::TclEvaluation::kName);
  TA_CHECK(method.ok(), "the registry has a row for TCL");
  return *(*method)->weights;
}

/// "FILE.gz": size and digest of what is in it.
void check_bytes(Folder& folder, Report& report, const std::string& packed, const Json& info) {
  const std::string name = packed.substr(0, packed.rfind(".gz"));
  const auto bytes = folder.bytes("checkpoints/" + name);
  if (!bytes) return;
  report.equal(name + " bytes", static_cast<std::int64_t>(bytes->size()),
               info.at("bytes_unzipped").get<std::int64_t>());
  report.equal(name + " SHA-256", sha256(*bytes), info.at("sha256_unzipped").get<std::string>());
}

/// Learned parameters only: the values of the stored weights, read as an evaluation reads them.
void check_minimal(Folder& folder, Report& report) {
  const auto path = folder.file(kMinimal);
  TensorFile* stored = folder.tensors(kWeights);
  const auto clip = load_clip(folder, report);
  if (!path || stored == nullptr || clip == nullptr) return;
  const auto trained = jobs::read_trained_weights(posix_file_system(), *path);
  if (!trained.ok()) return report.failed(kMinimal, trained.status().message());
  report.equal(format("{} method", kMinimal), std::string(trained->method->name),
               std::string(config::TclEvaluation::kName));
  std::set<std::string> ours, theirs;
  std::uint64_t differing = 0, values = 0;
  for (const auto& [name, tensor] : stored->all()) {
    theirs.insert(name);
    const auto found = trained->tensors.find(name);
    if (found == trained->tensors.end()) continue;
    values += static_cast<std::uint64_t>(tensor.numel());
    differing += count_differing(found->second.to(at::kFloat), tensor.to(at::kFloat));
  }
  for (const auto& [name, tensor] : trained->tensors) ours.insert(name);
  report.equal(format("{} names", kMinimal), Json(ours).dump(), Json(theirs).dump());
  report.counted(format("{} values", kMinimal), values, differing, 0, {});
  if (load_model(*clip, trained->tensors, report) != nullptr)
    report.equal(format("{} predicts", kMinimal), "yes", "yes");
}

/// One training checkpoint, told by its entry "NAME" and its file checkpoint_NAME.pth.
class CheckpointCheck {
 public:
  CheckpointCheck(Folder& folder, Report& report, std::string run, const Json& info)
      : folder_(folder), report_(report), run_(std::move(run)), info_(info) {}

  void run() {
    const std::string path = format("checkpoints/checkpoint_{}.pth", run_);
    if (!folder_.has(path)) {
      return report_.not_compared(run_, "the folder has the list of its tensors alone");
    }
    auto archive = open_archive(folder_, report_, path);
    if (!archive) return;
    const auto file = names().read_reference(*archive);
    if (!file.ok()) return report_.failed(path, file.status().message());
    check_names(*file);
    check_position(*file);
    check_updates(*file);
    check_values(*file);
  }

 private:
  /// Own tensors with their types and shapes, as the list of the complete file has them.
  void check_names(const model::ReferenceFile& file) {
    std::map<std::string, Json> ours, theirs;
    for (const auto& [name, tensor] : file.tensors)
      ours[name] = {dtype_text(tensor.scalar_type()), tensor.sizes().vec()};
    for (const auto& [name, facts] : info_.at("model").items()) {
      if (names().is_own(name)) theirs[name] = facts;
    }
    report_.equal(run_ + " names, types, shapes", Json(ours).dump(), Json(theirs).dump());
  }

  void check_position(const model::ReferenceFile& file) {
    report_.equal(run_ + " steps done", static_cast<std::int64_t>(file.steps_done.value_or(0)),
                  info_.at("step").get<std::int64_t>() + 1);
    const Json& schedule = info_.at("lr_scheduler");
    report_.equal(run_ + " schedule position",
                  static_cast<std::int64_t>(file.schedule_position.value_or(0)),
                  std::stoll(schedule.at("last_epoch").get<std::string>()));
    const Json rates = Json::parse(schedule.at("_last_lr").get<std::string>());
    report_.number(run_ + " next rate", file.next_lr.value_or(0), rates.at(0),
                   bounds::kLearningRate);
  }

  /// Step counts of the optimiser: one for all that train from the start, one for the others.
  void check_updates(const model::ReferenceFile& file) {
    if (!file.moments) return report_.failed(run_ + " optimizer", "it holds no optimizer");
    for (const auto& [name, count] : info_.at("optimizer_state_step").items()) {
      const bool late = name.find(".backbone.") != std::string::npos;
      report_.equal(run_ + " updates of " + name,
                    static_cast<std::int64_t>(late ? file.moments->late_updates.value_or(0)
                                                   : file.moments->updates),
                    count.get<std::int64_t>());
    }
  }

  /// Parameters and moments after the run's last step, bit for bit.
  void check_values(const model::ReferenceFile& file) {
    const std::string path = format("training/{}.safetensors", run_);
    if (!folder_.has(path)) return report_.not_compared(run_ + " values", "no " + path);
    TensorFile* golden = folder_.tensors(path);
    if (golden == nullptr) return;
    const std::string step = format("rank0.step{}.param.", info_.at("step").get<int>());
    for (const auto& [name, tensor] : file.tensors) compare(*golden, step, name, tensor);
    for (const std::string moment : {"exp_avg.", "exp_avg_sq."}) {
      for (const auto& [name, tensor] : file.tensors) {
        const auto found = file.moments->tensors.find("optimizer." + moment + name);
        if (found != file.moments->tensors.end())
          compare(*golden, "rank0.final." + moment, name, found->second);
      }
    }
  }

  void compare(TensorFile& golden, const std::string& prefix, const std::string& name,
               const at::Tensor& tensor) {
    const std::string stored = golden.has(prefix + name) ? prefix : prefix.substr(6);
    compare_tensor(report_, run_ + " " + prefix + name, sampled(tensor, golden, name), golden,
                   stored + name, {});
  }

  Folder& folder_;
  Report& report_;
  std::string run_;
  const Json& info_;
};

}  // namespace

void check_checkpoints(Folder& folder, Report& report) {
  const Json* facts = folder.json(kFacts);
  if (facts == nullptr) return;
  for (const auto& [name, info] : facts->items()) {
    if (name.ends_with(".gz"))
      check_bytes(folder, report, name, info);
    else
      CheckpointCheck(folder, report, name, info).run();
  }
  check_minimal(folder, report);
}

}  // namespace tagalign::golden::tcl
