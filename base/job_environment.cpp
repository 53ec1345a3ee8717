#include "base/job_environment.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace tagalign {
namespace {

template <std::size_t count>
bool begins_with_one(std::string_view name, const std::array<std::string_view, count>& prefixes) {
  return std::ranges::any_of(prefixes,
                             [&](std::string_view prefix) { return name.starts_with(prefix); });
}

template <std::size_t count>
bool is_one(std::string_view name, const std::array<std::string_view, count>& names) {
  return std::ranges::find(names, name) != names.end();
}

/// Of the many parameters of ORTE those that a site sets for all jobs; the rest says what the daemons
/// of one job are.
constexpr std::array<std::string_view, 8> kOrteSettings{
    "OMPI_MCA_orte_tmpdir_base",         "OMPI_MCA_orte_local_tmpdir_base",
    "OMPI_MCA_orte_remote_tmpdir_base",  "OMPI_MCA_orte_keep_fqdn_hostnames",
    "OMPI_MCA_orte_base_help_aggregate", "OMPI_MCA_orte_startup_timeout",
    "OMPI_MCA_orte_set_max_sys_limits",  "OMPI_MCA_orte_show_resolved_nodenames"};

}  // namespace

bool is_of_mpi_job(std::string_view name) {
  if (name.starts_with("OMPI_MCA_orte_")) return !is_one(name, kOrteSettings);
  if (name.starts_with("PMIX_")) return !name.starts_with("PMIX_MCA_");
  constexpr std::array<std::string_view, 5> kNames{
      "OMPI_UNIVERSE_SIZE", "OMPI_COMMAND", "OMPI_ARGV", "OMPI_FILE_LOCATION", "OMPI_MCA_ess"};
  constexpr std::array<std::string_view, 13> kPrefixes{
      "OMPI_COMM_WORLD_", "OMPI_APP_CTX_", "OMPI_NUM_APP_CTX",
      "OMPI_FIRST_RANKS", "OMPI_MCA_ess_", "OMPI_MCA_initial_wdir",
      "OMPI_MCA_rmaps_",  "PMI_",          "PMI2_",
      "PRTE_LAUNCHED",    "PRTE_MCA_ess_", "HYDI_",
      "MPI_LOCAL"};
  return is_one(name, kNames) || begins_with_one(name, kPrefixes);
}

bool is_of_slurm_step(std::string_view name) {
  constexpr std::array<std::string_view, 13> kNames{"SLURM_PROCID",
                                                    "SLURM_LOCALID",
                                                    "SLURM_NODEID",
                                                    "SLURM_GTIDS",
                                                    "SLURM_TASK_PID",
                                                    "SLURM_NPROCS",
                                                    "SLURM_CPUS_PER_TASK",
                                                    "SRUN_CPUS_PER_TASK",
                                                    "SLURM_DISTRIBUTION",
                                                    "SLURM_THREADS_PER_CORE",
                                                    "SLURM_HINT",
                                                    "SLURM_EXACT",
                                                    "SLURM_LAUNCH_NODE_IPADDR"};
  constexpr std::array<std::string_view, 8> kPrefixes{
      "SLURM_STEP",     "SLURM_NTASKS",   "SLURM_TASKS_PER_NODE", "SLURM_TRES_PER_TASK",
      "SLURM_CPU_BIND", "SLURM_MEM_BIND", "SLURM_SRUN_COMM_",     "SLURM_GPU_BIND"};
  return is_one(name, kNames) || begins_with_one(name, kPrefixes);
}

bool is_of_slurm_job(std::string_view name) {
  constexpr std::array<std::string_view, 8> kSettings{
      "SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS",   "SLURM_TIME_FORMAT",
      "SLURM_JWT",  "SLURM_MPI_TYPE",    "SLURM_EXIT_ERROR", "SLURM_EXIT_IMMEDIATE"};
  constexpr std::array<std::string_view, 3> kPrefixes{"SLURM_", "SLURMD_", "SRUN_"};
  if (is_one(name, kSettings) || name.starts_with("SLURM_DEBUG")) return false;
  return begins_with_one(name, kPrefixes);
}

}  // namespace tagalign
