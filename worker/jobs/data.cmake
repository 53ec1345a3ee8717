# Preparing and checking benchmarks: no Torch, no ranks.
ta_library(ta_data_job
  SOURCES data_job.cpp progress_line.cpp
  DEPENDS ta_data_prepare ta_config
  PRIVATE_DEPENDS nlohmann_json::nlohmann_json)
