# Programs that measure one thing each; none is a test. `OMP_NUM_THREADS=1 build/bench/model_bench` gives the figures of one
# core, `./dev bench micro` those of all.
function(micro_bench name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS" ${ARGN})
  list(TRANSFORM A_SOURCES PREPEND micro/)
  add_executable(${name} ${A_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
  target_link_libraries(${name} PRIVATE ta_options ${A_DEPENDS})
endfunction()

micro_bench(model_bench SOURCES model_bench.cpp DEPENDS ta_methods ta_model benchmark::benchmark_main)
micro_bench(core_bench SOURCES core_bench.cpp DEPENDS ta_core ta_store benchmark::benchmark_main)
# CPU a job by part, and how it grows with the jobs that are known.
micro_bench(jobs_bench SOURCES jobs_bench.cpp DEPENDS ta_core ta_store benchmark::benchmark_main)
# 12 million captions: time and memory of a start.
micro_bench(captions_bench SOURCES captions_bench.cpp DEPENDS ta_data)
# What a client that floods costs another one.
micro_bench(flood_bench SOURCES flood_bench.cpp floods.cpp DEPENDS ta_service ta_keys)

# Run by mpirun, on as many hosts as are of interest.
add_executable(allreduce_bench micro/allreduce_mpi.cpp)
set_target_properties(allreduce_bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_link_libraries(allreduce_bench PRIVATE ta_options ta_collectives_mpi MPI::MPI_CXX)
