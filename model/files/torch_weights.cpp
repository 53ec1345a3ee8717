#include "model/files/torch_weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "base/counted.h"
#include "base/format.h"
#include "model/files/plain_names.h"
#include "model/files/storage_types.h"

namespace tagalign::model {
namespace {

/// Where the training programs of all methods here keep their weights: nothing to speak of.
constexpr std::string_view kReferencesKey = "model";

bool is_passed_over(PickleRef value) {
  return value->as<PickleNone>() != nullptr || value->as<bool>() != nullptr ||
         value->as<std::int64_t>() != nullptr || value->as<double>() != nullptr ||
         value->as<std::string>() != nullptr;
}

/// An object of Python code that is none of PyTorch's tensors.
bool is_foreign(const TorchArchive& archive, PickleRef value) {
  const auto* refused = value->as<PickleRefused>();
  return refused != nullptr && archive.pickle().refused.contains(refused->name);
}

/// A tensor of a type that is read.
bool is_tensor(PickleRef value) {
  const auto* tensor = value->as<PickleTensor>();
  return tensor != nullptr &&
         find_storage_type(tensor->storage->as<PickleStorage>()->type)->type.has_value();
}

/// Walks a TorchScript module. The values may refer to themselves: depth and visits are limited.
class ModuleReader {
 public:
  explicit ModuleReader(TorchArchive& archive) : archive_(archive) {}

  Result<StateDict> run(const PickleModule& root) {
    TA_RETURN_IF_ERROR(visit(root, "", 1));
    return std::move(tensors_);
  }

 private:
  static constexpr int kModuleDepthMax = 64;
  static constexpr int kAttributesMax = 1'000'000;

  Status visit(const PickleModule& module, const std::string& prefix, int depth) {
    if (depth > kModuleDepthMax) {
      return invalid_argument(format("reading {}: modules lie more than {} deep at {}",
                                     archive_.what(), kModuleDepthMax, printable(prefix)));
    }
    if (module.attributes == nullptr) return ok_status();
    for (const auto& [key, value] : module.attributes->as<PickleDict>()->items) {
      if (++attributes_ > kAttributesMax) {
        return invalid_argument(format("reading {}: more than {} attributes in its modules",
                                       archive_.what(), kAttributesMax));
      }
      const auto* name = key->as<std::string>();
      if (name == nullptr) {
        return data_loss(format("reading {}: an attribute of {} is named by {}", archive_.what(),
                                printable(module.class_name), key->describe()));
      }
      TA_RETURN_IF_ERROR(take(prefix + *name, value, depth));
    }
    return ok_status();
  }

  Status take(const std::string& name, PickleRef value, int depth) {
    if (const auto* below = value->as<PickleModule>()) return visit(*below, name + ".", depth + 1);
    if (is_tensor(value) || is_foreign(archive_, value)) {
      TA_ASSIGN_OR_RETURN(tensors_[name], archive_.tensor(value, name));
    } else if (value->as<PickleTensor>() != nullptr || value->as<PickleRefused>() != nullptr) {
      archive_.note_not_read(name);
    }
    return ok_status();
  }

  TorchArchive& archive_;
  StateDict tensors_;
  int attributes_ = 0;
};

Status refuse_foreign(const TorchArchive& archive) {
  const auto& refused = archive.pickle().refused;
  if (refused.empty()) return ok_status();
  const auto first = std::min_element(refused.begin(), refused.end(),
                                      [](auto& a, auto& b) { return a.second < b.second; });
  return invalid_argument(format(
      "reading {}: its pickle, byte {}, names {}; a weights file holds tensors, numbers, "
      "strings and containers, and nothing else is ever loaded or run. If you trust where it "
      "comes from, load it in Python and save its state_dict() as safetensors",
      archive.what(), first->second, printable(first->first)));
}

/// Looks for the one dict that holds the weights.
/// The values may refer to themselves: depth and visits are limited.
class StateDictFinder {
 public:
  explicit StateDictFinder(TorchArchive& archive) : archive_(archive) {}

  Result<FoundStateDict> run(const PickleDict& root) {
    FoundStateDict found{.dict = &root, .path = {}};
    for (int depth = 0; depth < kDepthMax; ++depth) {
      TA_ASSIGN_OR_RETURN(const std::string key, key_within(found));
      if (key.empty()) break;
      found.dict = found.dict->find(key)->as<PickleDict>();
      found.path += (found.path.empty() ? "" : ".") + key;
    }
    return found;
  }

 private:
  static constexpr int kDepthMax = 4;
  static constexpr int kVisitsMax = 10'000'000;
  static constexpr std::array<std::string_view, 2> kFirst = {"model", "state_dict"};
  static constexpr std::array<std::string_view, 9> kUsual = {
      "model_state_dict", "model_state", "net",   "network",   "module",
      "weights",          "params",      "state", "checkpoint"};
  /// Parts of names of what is saved beside a model.
  static constexpr std::array<std::string_view, 14> kBeside = {
      "optim", "sched", "scaler", "rng",    "random", "loss",    "criterion",
      "cfg",   "args",  "param_", "config", "metric", "history", "callback"};

  /// The key of the dict within `found` that holds the weights; empty: `found` does.
  Result<std::string> key_within(FoundStateDict& found) {
    const std::vector<std::string> keys = keys_to_tensors(*found.dict);
    for (const std::string_view first : kFirst) {
      if (std::ranges::find(keys, first) != keys.end()) return chosen(found, first, keys);
    }
    if (keys.empty()) return first_without_tensors(*found.dict);
    if (has_tensors(*found.dict, /*dotted=*/true)) return std::string();
    if (keys.size() == 1) return keys[0];
    std::vector<std::string> usual;
    std::ranges::copy_if(keys, std::back_inserter(usual), is_usual);
    if (usual.size() == 1) return chosen(found, usual[0], keys);
    return invalid_argument(
        format("reading {}: {} holds several dicts of tensors, '{}'; load it in Python and save "
               "the one that is meant",
               archive_.what(), name_of(found), shown(keys)));
  }

  /// A model that holds anything but tensors is looked into all the same: what it holds is said.
  std::string first_without_tensors(const PickleDict& dict) {
    if (has_tensors(dict, /*dotted=*/false)) return "";
    for (const std::string_view first : kFirst) {
      const PickleRef value = dict.find(first);
      const auto* below = value == nullptr ? nullptr : value->as<PickleDict>();
      if (below != nullptr && !below->items.empty()) return std::string(first);
    }
    return "";
  }

  std::string chosen(FoundStateDict& found, std::string_view key, std::vector<std::string> keys) {
    std::erase(keys, key);
    if (!keys.empty()) {
      archive_.note(format("of the dicts of tensors in {} it is '{}' that is read, not '{}'",
                           name_of(found), key, shown(keys)));
      found.is_said = true;
    }
    return std::string(key);
  }

  static std::string name_of(const FoundStateDict& found) {
    return found.path.empty() ? "it" : format("its '{}'", printable(found.path));
  }
  static std::string shown(const std::vector<std::string>& keys) {
    constexpr std::size_t kShownMax = 8;
    std::vector<std::string> names;
    for (const auto& key : keys) {
      if (names.size() < kShownMax) names.push_back(printable(key));
    }
    return format("{}", fmt::join(names, "', '"));
  }

  static bool is_usual(const std::string& key) {
    return std::ranges::find(kUsual, key) != kUsual.end();
  }
  static bool is_beside(const std::string& key) {
    return std::ranges::any_of(kBeside,
                               [&](auto part) { return key.find(part) != std::string::npos; });
  }
  /// Says that a dict holds a model even where tensors lie beside it.
  static bool names_a_model(const std::string& key) {
    return is_usual(key) || key.find("model") != std::string::npos ||
           key.find("state_dict") != std::string::npos;
  }

  /// Without what lies beside a model, as long as there is anything else.
  std::vector<std::string> keys_to_tensors(const PickleDict& dict) {
    std::map<std::string, PickleRef> below;  // a repeated key counts as it stands last
    for (const auto& [key, value] : dict.items) {
      if (const auto* name = key->as<std::string>()) below[*name] = value;
    }
    const bool has_some = has_tensors(dict, /*dotted=*/false);
    std::vector<std::string> all, models;
    for (const auto& [name, value] : below) {
      if (!reaches_tensors(*value, kDepthMax) || (has_some && !names_a_model(name))) continue;
      all.push_back(name);
      if (!is_beside(name)) models.push_back(name);
    }
    return models.empty() && !has_some ? all : models;
  }

  bool reaches_tensors(const PickleValue& value, int depth) {
    const auto* dict = value.as<PickleDict>();
    if (dict == nullptr || depth == 0) return false;
    if (has_tensors(*dict, /*dotted=*/false)) return true;
    return std::ranges::any_of(dict->items, [&](const auto& item) {
      return ++visits_ < kVisitsMax && item.first->template as<std::string>() != nullptr &&
             reaches_tensors(*item.second, depth - 1);
    });
  }

  /// Names with a dot are those of a module's parameters.
  bool has_tensors(const PickleDict& dict, bool dotted) {
    return std::ranges::any_of(dict.items, [&](const auto& item) {
      if (++visits_ >= kVisitsMax) return false;
      const auto* name = item.first->template as<std::string>();
      return name != nullptr && item.second->template as<PickleTensor>() != nullptr &&
             (!dotted || name->find('.') != std::string::npos);
    });
  }

  TorchArchive& archive_;
  int visits_ = 0;
};

Result<StateDict> read_as_named(TorchArchive& archive) {
  if (const auto* module = archive.root()->as<PickleModule>()) {
    TA_RETURN_IF_ERROR(refuse_foreign(archive));
    return ModuleReader(archive).run(*module);
  }
  TA_ASSIGN_OR_RETURN(const FoundStateDict found, find_state_dict(archive));
  const bool is_usual = found.path.empty() || found.path == kReferencesKey;
  if (!is_usual && !found.is_said) {
    archive.note(
        format("the key '{}' was taken off, under which its tensors lie", printable(found.path)));
  }
  return read_tensors(
      archive, *found.dict,
      found.path.empty() ? "the state dict" : format("its '{}'", printable(found.path)));
}

}  // namespace

Result<FoundStateDict> find_state_dict(TorchArchive& archive) {
  const auto* root = archive.root()->as<PickleDict>();
  if (root == nullptr) {
    TA_RETURN_IF_ERROR(refuse_foreign(archive));
    return invalid_argument(
        format("reading {}: it holds {}, expected a state dict (names and tensors)", archive.what(),
               archive.root()->describe()));
  }
  TA_ASSIGN_OR_RETURN(const FoundStateDict found, StateDictFinder(archive).run(*root));
  if (found.path.empty()) TA_RETURN_IF_ERROR(refuse_foreign(archive));
  return found;
}

Result<StateDict> read_tensors(TorchArchive& archive, const PickleDict& dict,
                               const std::string& what) {
  StateDict tensors;
  for (const auto& [key, value] : dict.items) {
    const auto* name = key->as<std::string>();
    if (name == nullptr) {
      return invalid_argument(format("reading {}: {} has {} as a key, expected names of tensors",
                                     archive.what(), what, key->describe()));
    }
    if (is_passed_over(value)) continue;
    if (is_tensor(value) || is_foreign(archive, value) || value->as<PickleModule>() != nullptr) {
      TA_ASSIGN_OR_RETURN(tensors[*name], archive.tensor(value, *name));
    } else {
      archive.note_not_read(*name);
    }
  }
  if (!tensors.empty()) return tensors;
  return invalid_argument(format("reading {}: {} holds no tensors that are read among its {}",
                                 archive.what(), what,
                                 counted(dict.items.size(), "entry", "entries")));
}

Result<StateDict> read_weights(TorchArchive& archive) {
  TA_ASSIGN_OR_RETURN(StateDict tensors, read_as_named(archive));
  std::vector<std::string> notices;
  StateDict plain = with_plain_names(std::move(tensors), notices);
  for (const std::string& notice : notices) archive.note(notice);
  return plain;
}

}  // namespace tagalign::model
