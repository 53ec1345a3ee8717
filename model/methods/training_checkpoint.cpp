#include "model/methods/training_checkpoint.h"

#include <ATen/ops/zeros_like.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/format.h"
#include "model/files/plain_names.h"
#include "model/files/torch_weights.h"

namespace tagalign::model {
namespace {

struct Trained {
  std::string name;  ///< as this program spells it
  at::Tensor tensor;
  bool may_wait = false;
};

const PickleDict* dict_of(const PickleDict& parent, std::string_view key) {
  const PickleRef value = parent.find(key);
  return value == nullptr ? nullptr : value->as<PickleDict>();
}

std::optional<double> number_of(PickleRef value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* number = value->as<double>()) return *number;
  if (const auto* number = value->as<std::int64_t>()) return static_cast<double>(*number);
  return std::nullopt;
}

std::optional<std::uint64_t> count_of(PickleRef value) {
  const auto* number = value == nullptr ? nullptr : value->as<std::int64_t>();
  if (number == nullptr || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

const std::vector<PickleRef>* list_of(const PickleDict& parent, std::string_view key) {
  const PickleRef value = parent.find(key);
  const auto* list = value == nullptr ? nullptr : value->as<PickleList>();
  return list == nullptr ? nullptr : &list->items;
}

/// Assigns the optimizer's states to names.
class OptimizerReader {
 public:
  OptimizerReader(TorchArchive& archive, const PickleDict& optimizer,
                  const std::vector<Trained>& trained)
      : archive_(archive), optimizer_(optimizer), trained_(trained) {}

  Result<std::optional<ReferenceOptimizer>> run() {
    const auto* states = dict_of(optimizer_, "state");
    const auto* groups = list_of(optimizer_, "param_groups");
    if (states == nullptr || groups == nullptr || states->items.empty())
      return std::optional<ReferenceOptimizer>();
    for (const auto& [index, state] : states->items) {
      const auto* number = index->as<std::int64_t>();
      if (number == nullptr || state->as<PickleDict>() == nullptr)
        return wrong(format("its state of {} is {}", index->describe(), state->describe()));
      states_[*number] = state->as<PickleDict>();
    }
    constexpr std::size_t kGroups = 2;  // with weight decay, without
    if (groups->size() != kGroups)
      return wrong(format("{} groups of parameters, expected {}", groups->size(), kGroups));
    for (const std::size_t group : {0u, 1u})
      TA_RETURN_IF_ERROR(take_group(*(*groups)[group], group == 0));
    return std::optional(std::move(result_));
  }

 private:
  Status wrong(const std::string& found) const {
    return invalid_argument(format(
        "reading {}: its optimizer cannot be assigned to the trained tensors: {}; import its "
        "weights alone: load it in Python and save the entry 'model'",
        archive_.what(), found));
  }

  Status take_group(const PickleValue& value, bool decays) {
    const auto* group = value.as<PickleDict>();
    const auto* params = group == nullptr ? nullptr : list_of(*group, "params");
    if (params == nullptr) return wrong("a group without its list of indices");
    if (decays) {
      result_.eps = number_of(group->find("eps")).value_or(0);
      result_.weight_decay = number_of(group->find("weight_decay")).value_or(0);
    }
    std::vector<std::int64_t> with_state;
    for (const PickleRef param : *params) {
      const auto* index = param->as<std::int64_t>();
      if (index != nullptr && states_.contains(*index)) with_state.push_back(*index);
    }
    const auto names = trained_of(decays, with_state.size());
    if (names.size() != with_state.size()) {
      return wrong(format("the group {} weight decay has {} states, the model {} trained tensors",
                          decays ? "with" : "without", with_state.size(), names.size()));
    }
    for (std::size_t i = 0; i < names.size(); ++i)
      TA_RETURN_IF_ERROR(take_state(*names[i], with_state[i]));
    return ok_status();
  }

  /// Without those that may wait where only the others have a state.
  std::vector<const Trained*> trained_of(bool decays, std::size_t states) {
    std::vector<const Trained*> all, begun, waiting;
    for (const Trained& parameter : trained_) {
      if (has_weight_decay(parameter.name, parameter.tensor) != decays) continue;
      all.push_back(&parameter);
      (parameter.may_wait ? waiting : begun).push_back(&parameter);
    }
    if (states == all.size() || states != begun.size()) return all;
    for (const Trained* parameter : waiting) {
      for (const char* moment : {"exp_avg", "exp_avg_sq"}) {
        result_.moments[format("optimizer.{}.{}", moment, parameter->name)] =
            at::zeros_like(parameter->tensor);
      }
    }
    return begun;
  }

  Status take_state(const Trained& parameter, std::int64_t index) {
    const PickleDict& state = *states_.at(index);
    for (const std::string moment : {"exp_avg", "exp_avg_sq"}) {
      const PickleRef value = state.find(moment);
      if (value == nullptr) return wrong(format("state {} has no {}", index, moment));
      TA_ASSIGN_OR_RETURN(const at::Tensor tensor,
                          archive_.tensor(value, format("optimizer state {}.{}", index, moment)));
      if (tensor.sizes() != parameter.tensor.sizes()) {
        return wrong(format("state {} has the shape [{}], '{}' has [{}]", index,
                            fmt::join(tensor.sizes().vec(), ", "), parameter.name,
                            fmt::join(parameter.tensor.sizes().vec(), ", ")));
      }
      result_.moments[format("optimizer.{}.{}", moment, parameter.name)] = tensor;
    }
    auto& updates = parameter.may_wait ? result_.late_updates : result_.updates;
    return take_updates(state.find("step"), index, updates);
  }

  /// An integer before torch 1.12, then a tensor.
  Status take_updates(PickleRef value, std::int64_t index, std::uint64_t& updates) {
    auto count = number_of(value);
    if (value != nullptr && value->as<PickleTensor>() != nullptr) {
      TA_ASSIGN_OR_RETURN(const at::Tensor tensor,
                          archive_.tensor(value, format("optimizer state {}.step", index)));
      if (tensor.numel() == 1) count = tensor.item<double>();
    }
    constexpr double kStepsMax = 1e15;
    if (!count || !(*count >= 0 && *count < kStepsMax))
      return wrong(format("state {} has no step count", index));
    updates = static_cast<std::uint64_t>(*count);
    return ok_status();
  }

  TorchArchive& archive_;
  const PickleDict& optimizer_;
  const std::vector<Trained>& trained_;
  std::map<std::int64_t, const PickleDict*> states_;
  ReferenceOptimizer result_;
};

/// The plain_names() of all keys of `model` that are texts, in their order.
std::vector<std::string> names_of(TorchArchive& archive, const PickleDict& model) {
  std::vector<std::string> names;
  for (const auto& [key, value] : model.items) {
    if (const auto* name = key->as<std::string>()) names.push_back(*name);
  }
  PlainNames plain = plain_names(names);
  if (!plain.taken_off.empty()) archive.note(taken_off_notice(plain));
  return std::move(plain.names);
}

/// Own tensors of `model`, the trained ones in their order.
Status read_model(TorchArchive& archive, const PickleDict& model, const CheckpointNames& names,
                  TrainingCheckpoint& checkpoint, std::vector<Trained>& trained) {
  const std::vector<std::string> plain = names_of(archive, model);
  auto next = plain.begin();
  for (const auto& [key, value] : model.items) {
    if (key->as<std::string>() == nullptr) continue;
    const std::string& name = *next++;
    if (!names.is_own(name)) continue;
    TA_ASSIGN_OR_RETURN(const at::Tensor tensor, archive.tensor(value, name));
    checkpoint.tensors[name] = tensor;
    if (!names.is_trained(name)) continue;
    const bool may_wait = names.may_wait != nullptr && names.may_wait(name);
    trained.push_back({names.program_name(name), tensor, may_wait});
  }
  return ok_status();
}

void read_schedule(const PickleDict& scheduler, TrainingCheckpoint& checkpoint) {
  checkpoint.schedule_position = count_of(scheduler.find("last_epoch"));
  const auto* rates = list_of(scheduler, "_last_lr");
  if (rates != nullptr && !rates->empty()) checkpoint.next_lr = number_of(rates->front());
}

}  // namespace

bool has_weight_decay(const std::string& name, const at::Tensor& tensor) {
  return tensor.dim() != 1 && !name.ends_with(".bias");
}

Result<TrainingCheckpoint> read_training_checkpoint(TorchArchive& archive,
                                                    const CheckpointNames& names) {
  TrainingCheckpoint checkpoint;
  const auto* root = archive.root()->as<PickleDict>();
  FoundStateDict found;
  if (root != nullptr) {
    TA_ASSIGN_OR_RETURN(found, find_state_dict(archive));
  }
  if (found.path != "model") {
    TA_ASSIGN_OR_RETURN(checkpoint.tensors, read_weights(archive));
    std::erase_if(checkpoint.tensors,
                  [&](const auto& entry) { return !names.is_own(entry.first); });
    return checkpoint;
  }
  std::vector<Trained> trained;
  TA_RETURN_IF_ERROR(read_model(archive, *found.dict, names, checkpoint, trained));
  if (checkpoint.tensors.empty()) return checkpoint;  // another method's file
  if (const auto step = count_of(root->find("step"))) checkpoint.steps_done = *step + 1;
  if (const auto* scheduler = dict_of(*root, "lr_scheduler")) read_schedule(*scheduler, checkpoint);
  if (const auto* optimizer = dict_of(*root, "optimizer")) {
    TA_ASSIGN_OR_RETURN(checkpoint.optimizer, OptimizerReader(archive, *optimizer, trained).run());
  }
  return checkpoint;
}

}  // namespace tagalign::model
