ta_test(weights_golden_test LABEL golden SOURCES weights_golden_test.cpp
  DEPENDS ta_methods ta_weights ta_golden_support ta_golden_weights)
ta_test(interchange_golden_test LABEL golden SOURCES interchange_golden_test.cpp
  DEPENDS ta_worker_jobs ta_golden_support)
