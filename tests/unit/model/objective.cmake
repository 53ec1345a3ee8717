ta_test(losses_test LABEL unit SOURCES losses_test.cpp DEPENDS ta_model)
ta_test(optimizer_test LABEL unit SOURCES optimizer_test.cpp DEPENDS ta_model)
ta_test(segmentation_counts_test LABEL unit SOURCES segmentation_counts_test.cpp DEPENDS ta_model)
ta_test(segmentation_test LABEL unit SOURCES segmentation_test.cpp DEPENDS ta_model)
