#include "tests/golden/check/loss_ranks.h"

#include <ATen/ATen.h>
#include <unistd.h>

#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/process.h"
#include "model/training/losses.h"
#include "tests/golden/check/rank_threads.h"
#include "worker/collectives/mpi_environment.h"
#include "worker/gradients/gather_autograd.h"
#include "worker/gradients/gradients.h"
#include "worker/rank/precision.h"
#include "worker/weights/weights.h"

namespace tagalign::golden {
namespace {

constexpr std::int64_t kTimeoutMs = 120'000;
constexpr double kBucketMib = 4.0;

at::Tensor leaf(const at::Tensor& t) {
  return t.detach().clone().set_requires_grad(true);
}

/// Stands for the model of a rank: its copy of the parameters, and its share of the batch.
struct Model {
  at::Tensor projection, cl_logit_scale, ce_logit_scale, text_emb;  // leaves
  at::Tensor image_emb, infonce, multitag;
};

Model forward(const Tensors& inputs, const LossCase& info, collectives::CollectiveGroup& group) {
  const auto share = [&](const char* name) {
    return inputs.at(name).narrow(0, group.rank() * info.batch_per_rank, info.batch_per_rank);
  };
  Model m{.projection = leaf(inputs.at("projection")),
          .cl_logit_scale = leaf(at::scalar_tensor(info.cl_logit_scale, at::kFloat)),
          .ce_logit_scale = leaf(at::scalar_tensor(info.ce_logit_scale, at::kFloat)),
          .text_emb = leaf(share("text_emb_all_ranks"))};
  m.image_emb = at::matmul(share("features_all_ranks"), m.projection);  // [B, E]
  m.image_emb.retain_grad();
  const auto gather = [&](const at::Tensor& rows) {
    return jobs::gather_with_gradient(rows, group);
  };
  m.infonce = model::infonce_loss(m.image_emb, m.text_emb, m.cl_logit_scale,
                                  {group.rank(), group.size(), gather});
  m.multitag = model::multitag_loss(m.image_emb, inputs.at("label_embedding"),
                                    share("tags_all_ranks"), m.ce_logit_scale);
  return m;
}

at::Tensor stored_gradient(const at::Tensor& t) {
  return t.grad().defined() ? t.grad().clone() : at::zeros_like(t);
}

/// Backward pass of `loss`, and what it and the averaging leave.
Status add_gradients(const std::string& prefix, Model& m, const at::Tensor& loss,
                     collectives::CollectiveGroup& group, Tensors& result) {
  loss.backward();
  result[prefix + "image_emb"] = stored_gradient(m.image_emb);
  result[prefix + "text_emb"] = stored_gradient(m.text_emb);
  const model::Parameters parameters = {{"projection", m.projection},
                                        {"cl_logit_scale", m.cl_logit_scale},
                                        {"ce_logit_scale", m.ce_logit_scale}};
  for (const auto& [name, tensor] : parameters) result[prefix + name] = stored_gradient(tensor);
  TA_RETURN_IF_ERROR(jobs::average_gradients(parameters, kBucketMib, group));
  for (const auto& [name, tensor] : parameters) {
    result[prefix + name + ".averaged"] = stored_gradient(tensor);
  }
  return ok_status();
}

Tensors joined(std::vector<Tensors> ranks) {
  Tensors all;
  for (Tensors& own : ranks) all.merge(std::move(own));
  return all;
}

std::vector<std::string> mpirun_command(const Path& mpirun, const Path& inputs, const Json& info,
                                        const Path& scratch) {
  std::vector<std::string> command = {mpirun.string(), "-n",   format("{}", loss_case(info).ranks),
                                      "--bind-to",     "none", "--oversubscribe"};
  if (::geteuid() == 0) command.push_back("--allow-run-as-root");
  command.insert(command.end(), {self_executable().string(), kLossesRank, inputs.string(),
                                 info.dump(), scratch.string()});
  return command;
}

Status run_rank(const Path& inputs, const LossCase& info, const Path& folder) {
  TA_ASSIGN_OR_RETURN(const auto environment, collectives::MpiEnvironment::start());
  if (environment->world() != info.ranks) {
    return internal_error(
        format("MPI started {} ranks, the case has {}", environment->world(), info.ranks));
  }
  TA_ASSIGN_OR_RETURN(const auto group, collectives::make_mpi_group(*environment, kTimeoutMs));
  TA_ASSIGN_OR_RETURN(const auto file, jobs::load_weights(posix_file_system(), inputs));
  TA_ASSIGN_OR_RETURN(const auto results, compute_losses(file.tensors, info, *group));
  return jobs::save_weights(posix_file_system(),
                            folder / format("rank{}.safetensors", group->rank()), results, {});
}

}  // namespace

LossCase loss_case(const Json& info) {
  return {.ranks = info.at("ranks").get<int>(),
          .batch_per_rank = info.at("batch_per_rank").get<std::int64_t>(),
          .cl_logit_scale = info.at("cl_logit_scale").get<double>(),
          .ce_logit_scale = info.at("ce_logit_scale").get<double>()};
}

Result<Tensors> compute_losses(const Tensors& inputs, const LossCase& info,
                               collectives::CollectiveGroup& group) {
  const std::string rank = format("rank{}.", group.rank());
  Tensors result;
  try {
    for (const std::string loss : {"infonce", "multitag", "total"}) {
      Model m = forward(inputs, info, group);
      result[rank + "infonce.loss"] = m.infonce.detach();
      result[rank + "multitag.loss"] = m.multitag.detach();
      const at::Tensor value = loss == "infonce"    ? m.infonce
                               : loss == "multitag" ? m.multitag
                                                    : m.infonce + m.multitag;
      TA_RETURN_IF_ERROR(add_gradients(rank + loss + ".grad_", m, value, group, result));
    }
  } catch (const std::exception& error) {
    return internal_error(error.what());
  }
  return result;
}

Result<Tensors> losses_on_threads(const Tensors& inputs, const LossCase& info) {
  TA_ASSIGN_OR_RETURN(auto ranks,
                      on_rank_threads(info.ranks, [&](collectives::CollectiveGroup& group) {
                        return compute_losses(inputs, info, group);
                      }));
  return joined(std::move(ranks));
}

Result<Tensors> losses_on_mpi(const Path& inputs, const Json& info, const Path& scratch) {
  const auto mpirun = find_program("mpirun");
  if (!mpirun) return not_found("mpirun is not on PATH: install openmpi-bin");
  TA_ASSIGN_OR_RETURN(const auto run,
                      run_command(mpirun_command(*mpirun, inputs, info, scratch), kTimeoutMs));
  if (!run.exit.ok()) {
    return internal_error(format("mpirun: {}: {}", run.exit.to_string(), run.output));
  }
  Tensors all;
  for (int rank = 0; rank < loss_case(info).ranks; ++rank) {
    TA_ASSIGN_OR_RETURN(
        auto file,
        jobs::load_weights(posix_file_system(), scratch / format("rank{}.safetensors", rank)));
    all.merge(std::move(file.tensors));
  }
  return all;
}

int losses_rank_main(int argc, char** argv) {
  constexpr int kArguments = 5;
  if (argc != kArguments) return 2;
  jobs::configure_torch(1);
  const Status status = run_rank(argv[2], loss_case(Json::parse(argv[3])), argv[4]);
  if (!status.ok()) std::cerr << status.to_string() << "\n";
  return status.ok() ? 0 : 1;
}

}  // namespace tagalign::golden
