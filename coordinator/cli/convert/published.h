/// Published scores beside the table's own. Pure.
#pragma once

#include "configs/schema/jobs/published_scores.h"
#include "coordinator/cli/convert/results_table.h"

namespace tagalign::cli {

/// Sets the published score of each cell that has one, by the result's method and data set, and
/// adds a note for each source that is used.
void add_published(const config::PublishedScores& published, ResultsTable& table);

/// Paints what `to_text()` says of differences: green from −0.05 upwards, red below.
std::string paint_differences(const std::string& text);

}  // namespace tagalign::cli
