# PyTorch's files by hand, without Torch.
add_library(ta_torch_files STATIC torch_files.cpp)
target_link_libraries(ta_torch_files PUBLIC ta_options PRIVATE ZLIB::ZLIB)
