/// A report as a page with pictures, for a browser.
#pragma once

#include <string>

#include "base/status.h"
#include "data/report/report.h"

namespace tagalign::data {

/// One HTML text that needs nothing else: counts, histograms, odd shards, broken images, and the
/// images of report.sheet with captions and tags. No scripts, and a policy that forbids them;
/// foreign text is escaped. The same report gives the same text. `making` is the one that made the
/// report: its images are read again. Errors are those of the tags' files.
Result<std::string> report_page(ReportMaking& making, const DataReport& report);

}  // namespace tagalign::data
