/// From integer counts to the table of scores. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/wire/client_messages.h"

namespace tagalign::cli {

/// Scores of one evaluation, 0…1; nullopt where every denominator is zero.
struct Scores {
  /// Per class: intersect / union; nullopt without a pixel in the union.
  std::vector<std::optional<double>> iou;
  std::vector<std::optional<double>> accuracy;  ///< per class: intersect / labelled
  std::optional<double> mean_iou;               ///< over the classes that have one
  std::optional<double> mean_accuracy;
  std::optional<double> pixel_accuracy;          ///< all intersect / all labelled
  std::optional<double> mean_average_precision;  ///< mAP of multi-label recognition, if measured
};
Scores scores_of(const wire::EvaluationResult& result);

/// One row a method and step, one column a data set as it was measured.
///
/// What a method is (its settings with of_method, its weights) belongs to the row; all other
/// settings, and the bytes of the data set, belong to the column. Two results that differ there have
/// columns of their own, whose names carry the words that differ, as in "voc (v3)" or "voc
/// (background=0.3)". But where each method was measured in one way only, under a protocol of its
/// own, they share the data set's column: a mark after the method, as in "tcl [2]", then names the
/// note that tells how. Baselines (step 0) come first, then steps ascending.
struct ResultsTable {
  struct Row {
    std::string method;
    std::uint64_t step = 0;
    std::vector<const wire::EvaluationResult*> cells;   ///< one a column; nullptr: not evaluated
    std::vector<std::optional<double>> published = {};  ///< empty, or one a column: 0…1
  };
  std::vector<std::string> columns;
  std::vector<Row> rows;
  std::vector<std::string> notes;  ///< the protocol behind each column and method
};

/// Borrows `results`. Of results with the same row and column the last is shown.
ResultsTable arrange(const std::vector<wire::ResultRow>& results);
ResultsTable arrange(std::vector<wire::ResultRow>&& results) = delete;

/// "61.23", or "-" for nullopt: per cent with two decimals.
std::string percent(const std::optional<double>& share);

std::string to_text(const ResultsTable& table);
std::string to_markdown(const ResultsTable& table);
/// Every result with its counts: one line a class.
std::string to_csv(const std::vector<wire::ResultRow>& results);
/// Every result with its counts and scores, one JSON document.
std::string to_json(const std::vector<wire::ResultRow>& results);

}  // namespace tagalign::cli
