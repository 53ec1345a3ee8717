#include "tests/unit/jobs/reference_file.h"

#include <cstring>
#include <vector>

#include "model/methods/training_checkpoint.h"
#include "tests/support/torch_files.h"

namespace tagalign::jobs {
namespace {

using testing::PickleWriter;

constexpr std::int64_t kFrozen = 3;  // parameters in front of the trained ones, in each group

class FileWriter {
 public:
  void tensor(const at::Tensor& value) {
    const at::Tensor plain = value.detach().to(at::kFloat).contiguous();
    const std::string key = std::to_string(storages_.size());
    storages_.emplace_back(
        key, std::string(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()));
    pickle.tensor({.type = "FloatStorage",
                   .key = key,
                   .elements = plain.numel(),
                   .sizes = plain.sizes().vec(),
                   .strides = plain.strides().vec()});
  }
  void tensors(const model::StateDict& values, const std::string& prefix) {
    for (const auto& [name, value] : values) {
      pickle.text(prefix + name);
      tensor(value);
    }
  }
  std::string finish() const { return testing::torch_archive(pickle.end(), storages_); }
  std::string finish_stream() const {
    std::vector<testing::StreamStorage> all;
    for (const auto& [key, bytes] : storages_) all.push_back({key, bytes});
    return testing::torch_stream(pickle.end(), all);
  }

  PickleWriter pickle;

 private:
  std::vector<std::pair<std::string, std::string>> storages_;
};

/// Names of one group, in the order of the model.
std::vector<std::string> group_of(const TrainedWeights& trained, const model::LateParameters& late,
                                  bool decays) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : trained.tensors) {
    if (!trained.moments.contains("optimizer.exp_avg." + name)) continue;  // a statistic
    const bool has_state = !late.wait(name, trained.position.step - 1);
    if (has_state && model::has_weight_decay(name, tensor) == decays) names.push_back(name);
  }
  return names;
}

void write_state(FileWriter& file, const TrainedWeights& trained, const model::LateParameters& late,
                 const std::string& name, std::int64_t index) {
  const std::uint64_t first = late.names.contains(name) ? late.first_step : 0;
  file.pickle.integer(index).raw("}(").text("step").integer(
      static_cast<std::int64_t>(trained.position.step - first));
  for (const std::string moment : {"exp_avg", "exp_avg_sq"}) {
    file.pickle.text(moment);
    file.tensor(trained.moments.at("optimizer." + moment + "." + name));
  }
  file.pickle.raw("u");
}

void write_optimizer(FileWriter& file, const TrainedWeights& trained,
                     const model::LateParameters& late) {
  const auto with = group_of(trained, late, true), without = group_of(trained, late, false);
  const auto first_without = 2 * kFrozen + static_cast<std::int64_t>(with.size());
  file.pickle.raw("}(").text("state").raw("}(");
  for (std::size_t i = 0; i < with.size(); ++i)
    write_state(file, trained, late, with[i], kFrozen + static_cast<std::int64_t>(i));
  for (std::size_t i = 0; i < without.size(); ++i)
    write_state(file, trained, late, without[i], first_without + static_cast<std::int64_t>(i));
  file.pickle.raw("u").text("param_groups").raw("](");
  std::int64_t index = 0;
  for (const auto* names : {&with, &without}) {
    file.pickle.raw("}(").text("betas").global("omegaconf.listconfig", "ListConfig").raw(")\x81}b");
    file.pickle.text("params").raw("](");
    for (std::size_t i = 0; i < names->size() + kFrozen; ++i) file.pickle.integer(index++);
    file.pickle.raw("eu");
  }
  file.pickle.raw("eu");
}

/// BINFLOAT is big-endian.
std::string big_endian(double value) {
  std::uint64_t bits = 0;
  static_assert(sizeof(bits) == sizeof(value));
  std::memcpy(&bits, &value, sizeof(bits));
  std::string bytes = "G";
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift);
  return bytes;
}

}  // namespace

std::string reference_file(const TrainedWeights& trained, double next_lr,
                           const model::LateParameters& late, const std::string& prefix) {
  FileWriter file;
  file.pickle.raw("}(").text("model").global("collections", "OrderedDict").raw(")R(");
  file.tensors(trained.tensors, prefix);
  file.pickle.raw("u").text("optimizer");
  write_optimizer(file, trained, late);
  const auto steps = static_cast<std::int64_t>(trained.position.step);
  file.pickle.text("lr_scheduler").raw("}(").text("last_epoch").integer(steps);
  file.pickle.text("_last_lr").raw("]").raw(big_endian(next_lr)).raw("au");
  file.pickle.text("step").integer(steps - 1);
  file.pickle.text("config").global("omegaconf.dictconfig", "DictConfig").raw(")\x81}bu");
  return file.finish();
}

std::string state_dict_file(const model::StateDict& tensors, Container container,
                            const std::string& prefix, const std::string& wrapper) {
  FileWriter file;
  if (!wrapper.empty()) file.pickle.raw("}").text("epoch").integer(3).raw("s").text(wrapper);
  file.pickle.raw("}(");
  file.tensors(tensors, prefix);
  file.pickle.raw(wrapper.empty() ? "u" : "us");
  return container == Container::kZip ? file.finish() : file.finish_stream();
}

}  // namespace tagalign::jobs
