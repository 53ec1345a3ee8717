ta_test(weights_test LABEL unit SOURCES pickle_test.cpp torch_archive_test.cpp
  DEPENDS ta_weights ta_torch_files)
