/// tagalign-worker data pack: a download rewritten into shards that training reads fast.
/// One process, no ranks, no Torch.
#pragma once

#include <string>
#include <vector>

#include "data/pack/pack.h"
#include "worker/benchmarks/data_job.h"

namespace tagalign::jobs {

struct PackArguments {
  data::PackOptions options;
  bool json = false;  ///< the report as one JSON object
};

/// What a person should know, a line each.
std::vector<std::string> pack_report_lines(const data::PackReport& report, const Path& output);

/// Packs what is missing and writes the report. What is dropped is no failure: true.
Result<bool> run_data_pack(DataWorld& world, const PackArguments& arguments);

}  // namespace tagalign::jobs
