# What the suites of `./dev bench` drive beside the program itself.
function(suite_program name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ta_options ${A_DEPENDS})
endfunction()

suite_program(bench_photographs SOURCES programs/bench_photographs.cpp DEPENDS ta_data nlohmann_json::nlohmann_json)
suite_program(bench_loader SOURCES programs/bench_loader.cpp DEPENDS ta_data)
suite_program(bench_model SOURCES programs/bench_model.cpp DEPENDS ta_methods ta_model ta_rank ta_worker_weights)
suite_program(bench_torch_load SOURCES programs/bench_torch_load.cpp DEPENDS torch::cpu MPI::MPI_CXX)
suite_program(checkpoint_bench SOURCES checkpoint/checkpoint_bench.cpp checkpoint/raw_files_posix.cpp
              DEPENDS ta_checkpoint ta_test_ranks)
