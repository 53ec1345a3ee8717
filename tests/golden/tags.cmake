# The caption parser against hand labels; without Torch.
ta_test(tags_golden_test LABEL golden SOURCES tags_golden_test.cpp
  DEPENDS ta_data_tags nlohmann_json::nlohmann_json)
