ta_library(ta_test_faults SOURCES fault_file_system.cpp DEPENDS ta_base)
