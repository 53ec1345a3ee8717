#include "coordinator/cli/convert/results_table.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "base/format.h"
#include "coordinator/wire/scores.h"
#include "coordinator/wire/settings.h"

namespace tagalign::cli {
namespace {

using wire::EvaluationResult;
using wire::mean;
using wire::ratio;
using wire::ResultRow;
using wire::shown;

using Settings = std::vector<wire::Setting>;

/// Those that describe the method, or those that describe the measurement.
Settings settings_of(const EvaluationResult& result, bool of_method) {
  Settings settings;
  std::ranges::copy_if(result.protocol, std::back_inserter(settings),
                       [&](const auto& setting) { return setting.of_method == of_method; });
  return settings;
}

struct ColumnKey {
  std::string dataset;
  Settings measurement;
  std::string digest;
  auto operator<=>(const ColumnKey&) const = default;
};

struct RowKey {
  bool trained = false;
  std::uint64_t step = 0;
  std::string method;
  Settings settings;
  std::string weights;
  auto operator<=>(const RowKey&) const = default;
};

std::string shown_digest(const std::string& digest) {
  return digest.substr(0, 8);
}

ColumnKey column_of(const EvaluationResult& result) {
  return {result.dataset, settings_of(result, false), result.dataset_digest};
}

RowKey row_of(const EvaluationResult& result) {
  return {result.step > 0, result.step, result.method, settings_of(result, true),
          result.weights_digest};
}

/// A column's settings as shown, by subject.
std::map<std::string, std::string> words_of(const ColumnKey& key) {
  std::map<std::string, std::string> by_subject = {{"data", "data " + shown_digest(key.digest)}};
  for (const auto& setting : key.measurement) by_subject[setting.subject] = shown(setting);
  return by_subject;
}

/// Subjects in the order of the first measurement that names them, the bytes of the data last.
std::vector<std::string> subjects_of(const std::vector<ColumnKey>& columns) {
  std::vector<std::string> subjects;
  for (const ColumnKey& column : columns) {
    for (const auto& setting : column.measurement) {
      if (std::ranges::find(subjects, setting.subject) == subjects.end()) {
        subjects.push_back(setting.subject);
      }
    }
  }
  subjects.emplace_back("data");
  return subjects;
}

/// Marks that tell the columns of one data set apart: as few words as do it.
std::vector<std::string> marks_of(const std::vector<ColumnKey>& columns) {
  std::vector<std::string> marks(columns.size());
  std::set<std::string> distinct(marks.begin(), marks.end());
  for (const std::string& subject : subjects_of(columns)) {
    if (distinct.size() == columns.size()) break;
    std::vector<std::string> longer = marks;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto words = words_of(columns[i]);
      const auto word = words.find(subject);
      if (word != words.end()) longer[i] += (marks[i].empty() ? "" : ", ") + word->second;
    }
    const std::set<std::string> told_apart(longer.begin(), longer.end());
    if (told_apart.size() <= distinct.size()) continue;
    marks = std::move(longer);
    distinct = told_apart;
  }
  return marks;
}

/// A column of the table: one way of measuring, or several that the rows' marks tell apart.
struct Column {
  std::string name;
  std::vector<ColumnKey> ways;
};

std::string protocol_of(const ColumnKey& key) {
  for (const auto& setting : key.measurement) {
    if (setting.subject == "protocol") return setting.value;
  }
  return "";
}

/// The ways in which one data set was measured, each with the methods that were measured so.
using Ways = std::map<ColumnKey, std::set<std::string>>;

/// True when every method was measured in one way, on the same bytes, under a protocol of another
/// name than the other ways: then a row's mark says all that a column's name could.
bool share_a_column(const Ways& ways) {
  std::set<std::string> protocols, digests, methods;
  std::size_t measured = 0;
  for (const auto& [key, measured_so] : ways) {
    protocols.insert(protocol_of(key));
    digests.insert(key.digest);
    methods.insert(measured_so.begin(), measured_so.end());
    measured += measured_so.size();
  }
  return protocols.size() == ways.size() && digests.size() == 1 && methods.size() == measured;
}

/// In the order of their data sets, with the names that tell them apart.
std::vector<Column> name_columns(const std::vector<ResultRow>& results) {
  std::map<std::string, Ways> by_dataset;
  for (const ResultRow& row : results) {
    by_dataset[row.result.dataset][column_of(row.result)].insert(row.result.method);
  }
  std::vector<Column> columns;
  for (const auto& [dataset, ways] : by_dataset) {
    std::vector<ColumnKey> keys;
    for (const auto& [key, methods] : ways) keys.push_back(key);
    if (share_a_column(ways)) {
      columns.push_back({dataset, std::move(keys)});
      continue;
    }
    const std::vector<std::string> marks = marks_of(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      columns.push_back(
          {marks[i].empty() ? dataset : format("{} ({})", dataset, marks[i]), {keys[i]}});
    }
  }
  return columns;
}

/// The protocols that share columns, in the order of their marks [1], [2], …
std::vector<std::string> marked_protocols(const std::vector<Column>& columns) {
  std::vector<std::string> protocols;
  for (const Column& column : columns) {
    if (column.ways.size() < 2) continue;
    for (const ColumnKey& key : column.ways) {
      if (std::ranges::find(protocols, protocol_of(key)) == protocols.end())
        protocols.push_back(protocol_of(key));
    }
  }
  return protocols;
}

std::string mark_of(const std::vector<std::string>& protocols, const ColumnKey& key) {
  const auto found = std::ranges::find(protocols, protocol_of(key));
  return format(" [{}]", found - protocols.begin() + 1);
}

std::map<RowKey, std::string> name_rows(const std::vector<ResultRow>& results) {
  std::map<RowKey, std::string> names;
  for (const ResultRow& row : results) names[row_of(row.result)] = row.result.method;
  std::map<std::pair<std::string, std::uint64_t>, int> uses;
  for (const auto& [key, name] : names) ++uses[{key.method, key.step}];
  for (auto& [key, name] : names) {
    if (uses[{key.method, key.step}] > 1) {
      name += format(" ({} {})", shown(key.settings), shown_digest(key.weights));
    }
  }
  return names;
}

std::vector<std::string> notes_of(const std::vector<Column>& columns,
                                  const std::map<RowKey, std::string>& rows) {
  const std::vector<std::string> protocols = marked_protocols(columns);
  std::vector<std::string> notes;
  for (const Column& column : columns) {
    for (const ColumnKey& key : column.ways) {
      const std::string mark = column.ways.size() < 2 ? "" : mark_of(protocols, key);
      notes.push_back(format("{}{}: {}, data {}", column.name, mark, shown(key.measurement),
                             shown_digest(key.digest)));
    }
  }
  for (const auto& [key, name] : rows) {
    const std::string note = format("{}: {}", key.method, shown(key.settings));
    if (!key.settings.empty() && std::ranges::find(notes, note) == notes.end())
      notes.push_back(note);
  }
  return notes;
}

/// Classes of a data set that no label shows although a row predicts them: their IoU is 0 by
/// construction and lowers that row's mean, as it does in the reference.
std::vector<std::string> absent_classes(const std::vector<ResultRow>& results,
                                        const EvaluationResult& of) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < of.labelled.size() && i < of.classes.size(); ++i) {
    const bool predicted = std::ranges::any_of(results, [&](const ResultRow& row) {
      return row.result.dataset_digest == of.dataset_digest && i < row.result.predicted.size() &&
             row.result.predicted[i] > 0;
    });
    if (of.labelled[i] == 0 && predicted) names.push_back(of.classes[i]);
  }
  return names;
}

/// "day, data dday0123: 1 of 2 classes occurs in no label: fg", ten of them by name.
std::vector<std::string> absence_notes(const std::vector<ResultRow>& results) {
  constexpr std::size_t kNamed = 10;
  std::vector<std::string> notes;
  for (const ResultRow& row : results) {
    auto names = absent_classes(results, row.result);
    if (names.empty()) continue;
    const std::size_t absent = names.size();
    names.resize(std::min(absent, kNamed));
    const std::string note =
        format("{}, data {}: {} of {} classes {} in no label: {}{}", row.result.dataset,
               shown_digest(row.result.dataset_digest), absent, row.result.classes.size(),
               absent == 1 ? "occurs" : "occur", fmt::join(names, ", "),
               absent > kNamed ? format(" and {} more", absent - kNamed) : "");
    if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
  }
  return notes;
}

/// The last result of that row and column; nullptr: none.
const EvaluationResult* cell_of(const std::vector<ResultRow>& results, const RowKey& row,
                                const Column& column) {
  const EvaluationResult* cell = nullptr;
  for (const ResultRow& candidate : results) {
    const EvaluationResult& result = candidate.result;
    if (row_of(result) == row && std::ranges::count(column.ways, column_of(result)) > 0)
      cell = &result;
  }
  return cell;
}

/// Which protocols gave a row's cells in shared columns: "", " [2]" or, rarely, " [1] [2]".
std::string marks_of_row(const ResultsTable::Row& row, const std::vector<Column>& columns,
                         const std::vector<std::string>& protocols) {
  std::set<std::string> marks;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].ways.size() > 1 && row.cells[i] != nullptr)
      marks.insert(mark_of(protocols, column_of(*row.cells[i])));
  }
  return format("{}", fmt::join(marks, ""));
}

}  // namespace

Scores scores_of(const EvaluationResult& result) {
  Scores scores;
  scores.iou = wire::ious(result);
  std::uint64_t intersect = 0;
  std::uint64_t labelled = 0;
  for (std::size_t i = 0; i < result.classes.size(); ++i) {
    scores.accuracy.push_back(ratio(result.intersect[i], result.labelled[i]));
    intersect += result.intersect[i];
    labelled += result.labelled[i];
  }
  scores.mean_iou = mean(scores.iou);
  scores.mean_accuracy = mean(scores.accuracy);
  scores.pixel_accuracy = ratio(intersect, labelled);
  std::vector<std::optional<double>> precisions;
  for (const std::int64_t parts : result.average_precision) {
    constexpr double kBillion = 1e9;
    precisions.push_back(parts < 0 ? std::nullopt
                                   : std::optional(static_cast<double>(parts) / kBillion));
  }
  scores.mean_average_precision = mean(precisions);
  return scores;
}

ResultsTable arrange(const std::vector<ResultRow>& results) {
  const std::vector<Column> columns = name_columns(results);
  const std::vector<std::string> protocols = marked_protocols(columns);
  const auto rows = name_rows(results);
  ResultsTable table;
  for (const Column& column : columns) table.columns.push_back(column.name);
  for (const auto& [key, name] : rows) {
    ResultsTable::Row row{.method = name, .step = key.step, .cells = {}};
    for (const Column& column : columns) row.cells.push_back(cell_of(results, key, column));
    row.method += marks_of_row(row, columns, protocols);
    table.rows.push_back(std::move(row));
  }
  table.notes = notes_of(columns, rows);
  std::ranges::move(absence_notes(results), std::back_inserter(table.notes));
  return table;
}

}  // namespace tagalign::cli
