ta_test(weights_fuzz_test LABEL fuzz
  SOURCES weights_fuzz_test.cpp
  DEPENDS ta_methods ta_weights ta_torch_files)
