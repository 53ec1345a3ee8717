// Checkpoints that the reference wrote: what the program's archive reader finds in them, name by
// name, and that their values are those of the trajectories.
#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/format.h"
#include "model/files/torch_weights.h"
#include "model/methods/tagalign/projector.h"
#include "model/methods/tagalign/reference_checkpoint.h"
#include "tests/golden/check/compare.h"
#include "tests/golden/check/groups.h"
#include "tests/golden/check/reference_checkpoint.h"
#include "tests/golden/check/sources.h"

namespace tagalign::golden {
namespace {

using model::PickleDict;
using model::PickleRef;
using model::TorchArchive;

constexpr char kInfo[] = "checkpoints/checkpoints.json";
constexpr char kDevNames[] = "_v3_names.pth";

/// Python's name of a value's type, as far as the reader keeps it: "dict" for every dict.
std::string type_of(PickleRef value) {
  if (value->as<PickleDict>() != nullptr) return "dict";
  if (value->as<std::int64_t>() != nullptr) return "int";
  if (value->as<double>() != nullptr) return "float";
  if (value->as<std::string>() != nullptr) return "str";
  if (const auto* refused = value->as<model::PickleRefused>()) {
    return refused->name.substr(refused->name.rfind('.') + 1);
  }
  return value->describe();
}

/// Counts rows of a listing that one side has and the other has not, or has otherwise.
void compare_listing(Report& report, const std::string& quantity, const Json& ours,
                     const Json& theirs) {
  std::uint64_t differing = 0;
  std::string first;
  const auto note = [&](const std::string& text) {
    if (differing++ == 0) first = text;
  };
  for (const auto& [name, value] : theirs.items()) {
    if (!ours.contains(name)) {
      note("without " + name);
    } else if (ours.at(name) != value) {
      note(format("{} is {}, expected {}", name, ours.at(name).dump(), value.dump()));
    }
  }
  for (const auto& [name, value] : ours.items()) {
    if (!theirs.contains(name)) note(name + " is not in the list");
  }
  report.counted(quantity, theirs.size(), differing, differing > 0 ? 1 : 0, {}, first);
}

void check_top_level(Report& report, const std::string& file, const PickleDict& root,
                     const Json& info) {
  if (!info.contains("top_level")) return;
  Json ours = Json::object();
  Json theirs = info.at("top_level");
  for (const auto& [key, value] : root.items) {
    if (const auto* name = key->as<std::string>()) ours[*name] = type_of(value);
  }
  for (auto& type : theirs) {
    if (type == "OrderedDict") type = "dict";
  }
  compare_listing(report, file + " top_level", ours, theirs);
  if (const PickleRef step = root.find("step"); step && step->as<std::int64_t>()) {
    report.equal(file + " step", *step->as<std::int64_t>(), info.at("step").get<std::int64_t>());
  } else {
    report.failed(file + " step", "there is no whole number under 'step'");
  }
}

/// Names, types and shapes of all tensors under "model".
std::optional<Tensors> check_model(Report& report, TorchArchive& archive, const std::string& file,
                                   const PickleDict& root, const Json& info) {
  const auto dict = dict_at(root, "model");
  auto tensors = dict.ok() ? model::read_tensors(archive, **dict, file)
                           : Result<model::StateDict>(dict.status());
  if (!tensors.ok()) {
    report.failed(file + " model", tensors.status().message());
    return std::nullopt;
  }
  Json ours = Json::object();
  for (const auto& [name, tensor] : *tensors) {
    ours[name] = {dtype_text(tensor.scalar_type()), tensor.sizes().vec()};
  }
  compare_listing(report, file + " model: names, types, shapes", ours, info.at("model"));
  return std::move(tensors).value();
}

std::optional<double> number_of(PickleRef value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* number = value->as<double>()) return *number;
  if (const auto* number = value->as<std::int64_t>()) return static_cast<double>(*number);
  return std::nullopt;
}

void check_groups(Report& report, const std::string& file, const PickleDict& optimizer,
                  const Json& info) {
  const PickleRef groups = optimizer.find("param_groups");
  const auto* list = groups == nullptr ? nullptr : groups->as<model::PickleList>();
  const Json& expected = info.at("optimizer_param_groups");
  if (list == nullptr || list->items.size() != expected.size()) {
    return report.failed(file + " param_groups", format("expected {} of them", expected.size()));
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto* group = list->items[i]->as<PickleDict>();
    for (const char* key : {"lr", "eps", "weight_decay", "initial_lr"}) {
      const auto value = group == nullptr ? std::nullopt : number_of(group->find(key));
      const std::string quantity = format("{} param_groups {} {}", file, i, key);
      if (!value) {
        report.failed(quantity, "it is no number");
      } else {
        report.number(quantity, *value, expected.at(i).at(key), {});
      }
    }
  }
}

void check_optimizer(Report& report, const std::string& file, const PickleDict& root,
                     const Json& info) {
  if (!info.contains("optimizer_state_indices")) return;
  const auto optimizer = dict_at(root, "optimizer");
  const auto state = optimizer.ok() ? dict_at(**optimizer, "state")
                                    : Result<const PickleDict*>(optimizer.status());
  if (!state.ok()) return report.failed(file + " optimizer", state.status().message());
  std::vector<std::int64_t> indices;
  for (const auto& [key, value] : (*state)->items) {
    if (const auto* index = key->as<std::int64_t>()) indices.push_back(*index);
  }
  report.equal(file + " optimizer_state_indices", Json(indices).dump(),
               info.at("optimizer_state_indices").dump());
  check_groups(report, file, **optimizer, info);
}

/// The values of the trajectory after the checkpoint's last step, bit for bit:
/// trained tensors and moments.
void check_values(Folder& folder, Report& report, TorchArchive& archive, const std::string& file,
                  const Json& info) {
  const std::string start = "checkpoint_";
  const std::string run = file.substr(start.size(), file.rfind("_v1") - start.size());
  const std::string path = "training/" + run + ".safetensors";
  if (!info.contains("optimizer_index_to_name_of_trainable")) return;
  const auto checkpoint = model::read_reference_checkpoint(archive);
  if (!checkpoint.ok() || !checkpoint->optimizer) {
    return report.failed(file + " state",
                         checkpoint.ok() ? "it holds no optimizer" : checkpoint.status().message());
  }
  std::set<std::string> named, trained;
  for (const auto& [index, name] : info.at("optimizer_index_to_name_of_trainable").items()) {
    named.insert(name.get<std::string>());
  }
  for (const auto& [name, tensor] : checkpoint->tensors) {
    if (model::is_trained(name)) trained.insert(name);
  }
  report.equal(file + " names of the trained tensors", Json(trained).dump(), Json(named).dump());
  if (!folder.has(path)) {
    return report.not_compared(file + " values", format("the folder has no {}", path));
  }
  TensorFile* golden = folder.tensors(path);
  if (golden == nullptr) return;
  const auto compare = [&](const std::string& stored, const std::string& name, const Tensors& ours,
                           const std::string& prefix = {}) {
    const auto found = ours.find(prefix + name);
    const at::Tensor* expected = golden->find(stored);
    if (expected == nullptr) return;
    if (found == ours.end()) return report.failed(file + " " + stored, "it has no such tensor");
    at::Tensor part = found->second.flatten();
    const std::string index = "sample_index." + name;
    if (golden->has(index)) part = part.index_select(0, golden->find(index)->to(at::kLong));
    report.deviation(file + " " + stored, deviation_of(part.reshape(expected->sizes()), *expected),
                     {});
  };
  const std::string last = format("step{}.param.", info.at("step").get<std::int64_t>());
  for (const std::string& name : named) {
    compare(last + name, name, checkpoint->tensors);
    for (const std::string moment : {"exp_avg", "exp_avg_sq"}) {
      compare("final." + moment + "." + name, name, checkpoint->optimizer->moments,
              "optimizer." + moment + ".");
    }
  }
}

/// "gdecoder" of "checkpoint_gdecoder_v1.pth".
std::string kind_of(const std::string& file) {
  const std::size_t from = file.find('_') + 1;
  return file.substr(from, file.find('_', from) - from);
}

/// A projector of the program that takes `weights`; nullptr after a line.
std::unique_ptr<model::Projector> load(Folder& folder, Report& report, const std::string& file,
                                       const Tensors& weights) {
  const Json* info = folder.json("projector/projector.json");
  if (info == nullptr) return nullptr;
  const auto width = info->at("width").get<std::int64_t>();
  const Json& config = info->at("configs").at(kind_of(file));
  const std::string quantity = file + " as a projector";
  if (const auto problem = unsupported_projector(config, kind_of(file)); !problem.empty()) {
    report.failed(quantity, problem);
    return nullptr;
  }
  const model::ClipProjection frozen{at::ones({width}), at::zeros({width}),
                                     at::zeros({width, info->at("embed").get<std::int64_t>()})};
  auto projector =
      model::make_projector(projector_shape(config, kind_of(file), width), frozen, /*seed=*/1);
  const Status status = model::load_projector(*projector, weights);
  report.counted(quantity, projector->parameters().size(), status.ok() ? 0 : 1, 1, {},
                 status.message());
  return status.ok() ? std::move(projector) : nullptr;
}

/// A list of names without a file: a state dict of zeros with those names and shapes must load.
void check_listed_names(Folder& folder, Report& report, const std::string& file, const Json& info) {
  Tensors zeros;
  for (const auto& [name, row] : info.at("model").items()) {
    zeros[name] = at::zeros(row.at(1).get<std::vector<std::int64_t>>());
  }
  load(folder, report, file + " (names alone)", zeros);
}

void check_file(Folder& folder, Report& report, const std::string& file, const Json& info) {
  const std::string path = "checkpoints/" + file;
  const auto bytes = folder.bytes(path);
  auto archive = open_archive(folder, report, path);
  if (!bytes || !archive) return;
  if (info.contains("sha256_unzipped")) {
    report.equal(file + " bytes", static_cast<std::int64_t>(bytes->size()),
                 info.at("bytes_unzipped").get<std::int64_t>());
    report.equal(file + " sha256", sha256(*bytes), info.at("sha256_unzipped").get<std::string>());
  }
  const auto* root = archive->root()->as<PickleDict>();
  if (root == nullptr) return report.failed(file, "its root is no dict");
  check_top_level(report, file, *root, info);
  const auto tensors = check_model(report, *archive, file, *root, info);
  check_optimizer(report, file, *root, info);
  check_values(folder, report, *archive, file, info);
  if (tensors) load(folder, report, file, *tensors);
}

/// Files of the layout: what a trajectory resumes from, and those that are listed with a digest.
bool belongs_to_layout(Folder& folder, const std::string& file, const Json& info) {
  return info.contains("sha256_unzipped") || folder.has("checkpoints/" + file) ||
         folder.is_left_out("checkpoints/" + file) ||
         folder.has("projector/" + kind_of(file) + "_weights_v3_names.safetensors");
}

/// Branch dev's names for the tensors of branch main: equal values.
void check_dev_twin(Folder& folder, Report& report, const std::string& file) {
  const std::string main_file =
      file.substr(0, file.size() - std::string_view(kDevNames).size()) + "_v1.pth";
  if (!folder.has("checkpoints/" + file) || !folder.has("checkpoints/" + main_file)) return;
  std::unique_ptr<model::Projector> twins[2];
  for (const bool dev : {false, true}) {
    auto archive = open_archive(folder, report, "checkpoints/" + (dev ? file : main_file));
    if (!archive) return;
    const auto* root = archive->root()->as<PickleDict>();
    const auto dict = root == nullptr ? Result<const PickleDict*>(data_loss("its root is no dict"))
                                      : dict_at(*root, "model");
    const auto tensors = dict.ok() ? model::read_tensors(*archive, **dict, file)
                                   : Result<model::StateDict>(dict.status());
    if (!tensors.ok()) return report.failed(file, tensors.status().message());
    twins[dev ? 1 : 0] = load(folder, report, dev ? file : main_file, *tensors);
  }
  if (!twins[0] || !twins[1]) return;
  std::uint64_t values = 0, differing = 0;
  for (std::size_t i = 0; i < twins[0]->parameters().size(); ++i) {
    const at::Tensor& expected = twins[0]->parameters()[i].tensor;
    values += static_cast<std::uint64_t>(expected.numel());
    differing += count_differing(twins[1]->parameters()[i].tensor, expected);
  }
  report.counted(format("{} holds the values of {}", file, main_file), values, differing, 0, {});
}

}  // namespace

void check_checkpoints(Folder& folder, Report& report) {
  const Json* info = folder.json(kInfo);
  if (info == nullptr) return;
  for (const auto& [listed, row] : info->items()) {
    const std::string file = listed.ends_with(".gz") ? listed.substr(0, listed.size() - 3) : listed;
    if (belongs_to_layout(folder, file, row)) {
      check_file(folder, report, file, row);
    } else {
      check_listed_names(folder, report, file, row);
    }
    if (file.ends_with(kDevNames)) check_dev_twin(folder, report, file);
  }
  report.not_compared("lr_scheduler, scaler, optimizer_number_of_indices_per_group",
                      "objects of the reference's program: ours derives the rate from the step");
}

}  // namespace tagalign::golden
