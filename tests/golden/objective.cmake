ta_test(metric_golden_test LABEL golden SOURCES metric_golden_test.cpp DEPENDS ta_model ta_golden_files)
ta_test(inference_golden_test LABEL golden SOURCES inference_golden_test.cpp
  DEPENDS ta_model ta_data ta_golden_support ta_golden_weights)
ta_test(class_embeddings_golden_test LABEL golden SOURCES class_embeddings_golden_test.cpp
  DEPENDS ta_model ta_golden_support)
