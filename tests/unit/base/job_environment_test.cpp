// What a process must not hand on to a job that it starts (field case mpi-started-inside-mpirun).
#include "base/job_environment.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/process.h"

namespace tagalign {
namespace {

/// As Open MPI 4.1.4 sets them for `mpirun -n 1 env`.
constexpr const char* kOfARank[] = {"OMPI_APP_CTX_NUM_PROCS",
                                    "OMPI_COMMAND",
                                    "OMPI_COMM_WORLD_LOCAL_RANK",
                                    "OMPI_COMM_WORLD_RANK",
                                    "OMPI_COMM_WORLD_SIZE",
                                    "OMPI_FILE_LOCATION",
                                    "OMPI_FIRST_RANKS",
                                    "OMPI_MCA_ess",
                                    "OMPI_MCA_ess_base_jobid",
                                    "OMPI_MCA_initial_wdir",
                                    "OMPI_MCA_orte_ess_num_procs",
                                    "OMPI_MCA_orte_hnp_uri",
                                    "OMPI_MCA_orte_jobfam_session_dir",
                                    "OMPI_MCA_orte_launch",
                                    "OMPI_MCA_orte_local_daemon_uri",
                                    "OMPI_MCA_orte_precondition_transports",
                                    "OMPI_NUM_APP_CTX",
                                    "OMPI_UNIVERSE_SIZE",
                                    "PMIX_NAMESPACE",
                                    "PMIX_RANK",
                                    "PMIX_SERVER_URI21",
                                    "PMI_RANK",
                                    "PMI_FD",
                                    "HYDI_CONTROL_FD",
                                    "OMPI_MCA_rmaps_base_mapping_policy"};

TEST(JobEnvironment, OfARank_IsKnownByName) {
  for (const char* name : kOfARank) EXPECT_TRUE(is_of_mpi_job(name)) << name;
}

TEST(JobEnvironment, SettingsOfASite_StayWhereJobsAreStarted) {
  for (const char* name :
       {"OMPI_MCA_btl", "OMPI_MCA_pml", "OMPI_MCA_btl_tcp_if_include", "OMPI_MCA_mca_base_env_list",
        "OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "OMPI_MCA_orte_tmpdir_base",
        "OMPI_MCA_orte_keep_fqdn_hostnames", "PMIX_MCA_gds", "OPAL_PREFIX", "UCX_TLS", "PATH"})
    EXPECT_FALSE(is_of_mpi_job(name)) << name;
  for (const char* name :
       {"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_TIME_FORMAT", "SLURM_JWT", "PATH"})
    EXPECT_FALSE(is_of_slurm_job(name)) << name;
}

TEST(JobEnvironment, OfASlurmStep_IsMoreThanOneOfItsJob) {
  for (const char* name : {"SLURM_STEP_ID", "SLURM_STEPID", "SLURM_PROCID", "SLURM_NTASKS",
                           "SLURM_NTASKS_PER_NODE", "SLURM_TASKS_PER_NODE", "SLURM_CPUS_PER_TASK",
                           "SRUN_CPUS_PER_TASK", "SLURM_CPU_BIND_LIST", "SLURM_DISTRIBUTION"}) {
    EXPECT_TRUE(is_of_slurm_step(name)) << name;
    EXPECT_TRUE(is_of_slurm_job(name)) << name;
  }
  for (const char* name : {"SLURM_JOB_ID", "SLURMD_NODENAME", "SLURM_JOB_NODELIST", "SLURM_CONF"})
    EXPECT_FALSE(is_of_slurm_step(name)) << name;
  EXPECT_TRUE(is_of_slurm_job("SLURM_JOB_ID"));
  EXPECT_TRUE(is_of_slurm_job("SLURM_MEM_PER_NODE"));
}

TEST(RunCommand, ThatDropsVariables_HandsOnTheOthers) {
  ::setenv("OMPI_COMM_WORLD_RANK", "3", 1);
  ::setenv("OMPI_MCA_btl", "self,tcp", 1);
  const auto seen = run_command({"sh", "-c", "echo \"${OMPI_COMM_WORLD_RANK-none} $OMPI_MCA_btl\""},
                                20'000, is_of_mpi_job);
  ::unsetenv("OMPI_COMM_WORLD_RANK");
  ::unsetenv("OMPI_MCA_btl");
  ASSERT_TRUE(seen.ok());
  EXPECT_EQ(seen->output, "none self,tcp\n");
}

}  // namespace
}  // namespace tagalign
