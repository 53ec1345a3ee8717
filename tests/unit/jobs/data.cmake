# Without Torch, unlike the other jobs.
ta_test(data_job_test LABEL unit SOURCES data_job_test.cpp DEPENDS ta_worker_benchmarks nlohmann_json::nlohmann_json)
