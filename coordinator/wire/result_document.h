/// One evaluation result as a file holds it: a JSON object of the fields of EvaluationResult by name,
/// the format's version and the evaluation revision. Ranks write it; the command line reads it as
/// well, without Torch. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "coordinator/wire/messages.h"

namespace tagalign::wire {

struct ResultDocument {
  EvaluationResult result;
  int evaluation_revision = 0;  ///< of the code that counted
};

/// Hex digest over every field that names the content (method, step, data set, weights, settings by
/// subject and value, classes) and the evaluation revision. The code version is no part of it: code
/// that gives the same numbers gives the same results.
std::string content_key(const EvaluationResult& result, int evaluation_revision);

/// In the newest format.
std::string to_text(const ResultDocument& document);

/// kDataLoss: no result, of a newer format, counts that do not fit the classes, or a key that is not
/// the content's. `name` is the file's, for the message.
Result<ResultDocument> parse_result(std::string_view text, const std::string& name);

/// Of two results with one key: do they say the same? The code version may differ.
inline bool same_counts(const EvaluationResult& a, const EvaluationResult& b) {
  return a.images == b.images && a.classes == b.classes &&
         a.average_precision == b.average_precision && a.intersect == b.intersect &&
         a.union_ == b.union_ && a.predicted == b.predicted && a.labelled == b.labelled;
}

}  // namespace tagalign::wire
