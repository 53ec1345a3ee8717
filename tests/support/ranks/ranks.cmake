ta_library(ta_test_ranks SOURCES ranks/forked_ranks_posix.cpp ranks/stepped_state.cpp DEPENDS ta_checkpoint)
