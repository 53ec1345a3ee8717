ta_test(template_sets_golden_test LABEL golden SOURCES template_sets_golden_test.cpp
  DEPENDS ta_model ta_config ta_golden_support)
