ta_test(weights_test LABEL unit SOURCES file_kind_test.cpp pickle_test.cpp plain_names_test.cpp torch_archive_test.cpp
          torch_weights_test.cpp
  DEPENDS ta_weights ta_torch_files)
