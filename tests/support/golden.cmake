# Readers of the reference fixtures: ta_golden_files without Torch, ta_golden_support with at::Tensor.
add_library(ta_golden_files STATIC golden_files.cpp)
target_link_libraries(ta_golden_files PUBLIC ta_options nlohmann_json::nlohmann_json GTest::gtest
                                      PRIVATE ZLIB::ZLIB)
add_library(ta_golden_support STATIC golden_reader.cpp)
target_link_libraries(ta_golden_support PUBLIC ta_golden_files torch::cpu)
