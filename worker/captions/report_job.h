/// tagalign-worker data report: what a download of training data left behind.
/// One process, no ranks, no Torch.
#pragma once

#include <string>
#include <vector>

#include "worker/benchmarks/data_job.h"

namespace tagalign::jobs {

struct ReportArguments {
  std::vector<std::string> sources;  ///< what data.root may be, and files of captions
  Path cache;                        ///< for indexes; empty: beside the shards only
  std::uint64_t decode = 10'000;     ///< images that are decoded; 0: none
  std::size_t threads = 0;           ///< 0: one a core, at most eight
  Path page;                         ///< HTML page with pictures; empty: none
  Path tags;                         ///< for the pictures of the page, with their names; or none
  Path tag_names;
  bool json = false;
};

/// Writes the report, then the page; an error when a source cannot be read, or the page not be
/// written. Findings are no failure: true.
Result<bool> run_data_report(DataWorld& world, const ReportArguments& arguments);

}  // namespace tagalign::jobs
