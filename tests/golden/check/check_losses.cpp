// Both losses on every case's number of ranks, once over threads and once over MPI.
#include <ATen/core/Tensor.h>
#include <ATen/ops/count_nonzero.h>

#include <string>

#include "tests/golden/check/compare.h"
#include "tests/golden/check/groups.h"
#include "tests/golden/check/loss_ranks.h"
#include "tests/golden/check/tolerances.h"

namespace tagalign::golden {
namespace {

constexpr char kInfo[] = "losses/losses.json";
constexpr char kRank[] = "rank";

Tolerance tolerance_of(const std::string& name, const at::Tensor& expected) {
  if (name.ends_with(".loss")) return bounds::kLoss;
  if (expected.count_nonzero().item<std::int64_t>() == 0) return {};  // a capped scale: exactly 0
  return bounds::kLossGradient;
}

void compare_all(Report& report, const std::string& prefix, const Result<Tensors>& computed,
                 TensorFile& golden) {
  if (!computed.ok()) return report.failed(prefix, computed.status().message());
  for (const auto& [name, tensor] : *computed) {
    const at::Tensor* expected = golden.find(name);
    if (expected == nullptr) continue;
    const at::Tensor ours =
        tensor.numel() == expected->numel() ? tensor.reshape(expected->sizes()) : tensor;
    report.deviation(prefix + " " + name, deviation_of(ours, *expected),
                     tolerance_of(name, *expected));
  }
  for (const std::string& name : golden.names()) {
    if (name.starts_with(kRank) && !computed->contains(name)) {
      report.failed(prefix + " " + name, "our ranks have no such quantity");
    }
  }
}

void check_case(Folder& folder, Report& report, const std::string& name, const Json& info) {
  const std::string path = "losses/" + name + ".safetensors";
  TensorFile* golden = folder.tensors(path);
  const auto file = folder.file(path);
  if (golden == nullptr || !file) return;
  for (const char* input : {"features_all_ranks", "projection", "text_emb_all_ranks",
                            "label_embedding", "tags_all_ranks"}) {
    if (golden->find(input) == nullptr) return;
  }
  Tensors inputs;
  for (const std::string& input : golden->names()) {
    if (!input.starts_with(kRank)) inputs[input] = *golden->find(input);
  }
  compare_all(report, name + " threads", losses_on_threads(inputs, loss_case(info)), *golden);
  compare_all(report, name + " mpi", losses_on_mpi(*file, info, folder.scratch("losses-" + name)),
              *golden);
}

}  // namespace

void check_losses(Folder& folder, Report& report) {
  const Json* info = folder.json(kInfo);
  if (info == nullptr) return;
  for (const auto& [name, row] : info->at("cases").items()) check_case(folder, report, name, row);
  report.not_compared("losses.json: loss_float64, deviation_float32_from_float64",
                      "the reference's own error, from which the tolerances come");
  folder.report_other_keys(kInfo, *info, {"cases", "deviation_float32_from_float64"});
}

}  // namespace tagalign::golden
