ta_test(losses_golden_test LABEL golden SOURCES losses_golden_test.cpp DEPENDS ta_model ta_golden_support)
ta_test(schedule_golden_test LABEL golden SOURCES schedule_golden_test.cpp DEPENDS ta_model ta_golden_files)
ta_test(metric_golden_test LABEL golden SOURCES metric_golden_test.cpp DEPENDS ta_model ta_golden_files)
ta_test(training_golden_test LABEL golden SOURCES training_golden_test.cpp DEPENDS ta_model ta_golden_support)
ta_test(inference_golden_test LABEL golden SOURCES inference_golden_test.cpp
  DEPENDS ta_model ta_data ta_golden_support ta_golden_weights)
ta_test(class_embeddings_golden_test LABEL golden SOURCES class_embeddings_golden_test.cpp
  DEPENDS ta_model ta_golden_support)
