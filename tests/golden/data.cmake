ta_test(data_golden_test LABEL golden SOURCES data_preprocess_test.cpp data_augmentation_test.cpp
        DEPENDS ta_data ta_golden_files nlohmann_json::nlohmann_json)
