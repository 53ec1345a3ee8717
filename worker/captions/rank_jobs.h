/// tagalign-worker data-report, data-pack and data-tags: training data is looked at and made ready
/// by all ranks of a job.
///
/// Each rank makes its share of the pieces, and the first one finishes; the files are the same for any
/// number of ranks. A job that was killed, or asked to leave, goes on at the pieces that are missing.
#pragma once

#include <vector>

#include "configs/schema/jobs/job_configs.h"
#include "worker/rank/rank.h"

namespace tagalign::jobs {

/// Writes report.txt, report.json and report.html.
Result<JobEnd> run_report_job(Rank& rank, const config::DataReportConfig& config);

Result<JobEnd> run_pack_job(Rank& rank, const config::DataPackConfig& config);

/// `config_folders`: where configs/ may lie, for the lists of words.
Result<JobEnd> run_tags_job(Rank& rank, const config::DataTagsConfig& config,
                            const std::vector<Path>& config_folders);

}  // namespace tagalign::jobs
