// How long the ranks of a gang take to add up a gradient: our sum in rank order beside MPI's own
// reduction, in turn, on the same data.
//   mpirun -n 4 build/tests/allreduce_bench [MEGABYTES] [ROUNDS]
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "worker/collectives/mpi_environment.h"

namespace {

using namespace tagalign::collectives;

double seconds_of(const std::function<void()>& work) {
  MPI_Barrier(MPI_COMM_WORLD);
  const auto begin = std::chrono::steady_clock::now();
  work();
  MPI_Barrier(MPI_COMM_WORLD);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int kTimeoutMs = 600'000;
  const double megabytes = argc > 1 ? std::atof(argv[1]) : 86;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  const auto mpi = MpiEnvironment::start().value();
  const auto group = make_mpi_group(*mpi, kTimeoutMs).value();
  std::vector<float> values(static_cast<std::size_t>(megabytes * 1e6 / sizeof(float)), 1.0f);
  std::vector<float> sums(values.size());
  const auto ours = [&] { TA_CHECK(group->all_reduce_sum(values).ok()); };
  const auto theirs = [&] {
    MPI_Allreduce(values.data(), sums.data(), static_cast<int>(values.size()), MPI_FLOAT, MPI_SUM,
                  MPI_COMM_WORLD);
  };
  std::vector<double> our_s, their_s;
  for (int round = 0; round <= rounds; ++round) {
    std::ranges::fill(values, 1.0f);
    const double a = seconds_of(ours);
    const double b = seconds_of(theirs);
    if (round == 0) continue;  // connections are made
    our_s.push_back(a);
    their_s.push_back(b);
  }
  if (mpi->rank() == 0) {
    std::printf(
        "%d ranks, %.0f MB, median of %d: in rank order %.3f s, MPI_Allreduce %.3f s, %.2f\n",
        mpi->world(), megabytes, rounds, median(our_s), median(their_s),
        median(our_s) / median(their_s));
  }
  return 0;
}
