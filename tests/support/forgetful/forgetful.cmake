ta_library(ta_test_forgetful SOURCES forgetful/disk.cpp forgetful/forgetful_file_system.cpp DEPENDS ta_base)
