#include "tests/golden/check/grouping/grouped.h"

#include <utility>

#include "base/format.h"

namespace tagalign::golden {

std::vector<std::string> GroupedModels::names() const {
  std::vector<std::string> names;
  for (const std::string& path : folder_.list("weights", "", ".json"))
    names.push_back(Path(path).stem().string());
  return names;
}

const Json* GroupedModels::sizes(const std::string& name) {
  return folder_.json(format("weights/{}.json", name));
}

std::optional<model::StateDict> GroupedModels::weights(const std::string& name) {
  TensorFile* file = folder_.tensors(format("weights/{}.safetensors", name));
  if (file == nullptr) return std::nullopt;
  const auto method = model::find_method(method_.name());
  TA_CHECK(method.ok(), "the registry has a row for the method");
  return (*method)->weights->own(file->all());
}

GroupedModel* GroupedModels::find(const std::string& name) {
  const auto known = models_.find(name);
  std::optional<GroupedModel>& found =
      known != models_.end() ? known->second : models_[name] = build(name);
  return found ? &*found : nullptr;
}

std::optional<GroupedModel> GroupedModels::build(const std::string& name) {
  const Json* sizes = this->sizes(name);
  const auto weights = this->weights(name);
  if (sizes == nullptr || !weights) return std::nullopt;
  const auto method = model::find_method(method_.name());
  auto model = (*method)->dense_model(method_.materials(), *weights, method_.config(*sizes));
  if (!model.ok()) {
    report_.failed("weights " + name, model.status().message());
    return std::nullopt;
  }
  model::TensorSource source(*weights, at::kCPU);
  auto tower = model::GroupTower::take(source, sizes->at("vh").get<std::int64_t>());
  return GroupedModel{std::move(model).value(), std::move(tower)};
}

}  // namespace tagalign::golden
