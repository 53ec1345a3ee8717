#include "coordinator/cli/convert/results_table.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "base/format.h"
#include "coordinator/cli/host/output.h"
#include "coordinator/wire/fields.h"
#include "coordinator/wire/json.h"
#include "coordinator/wire/settings.h"

namespace tagalign::cli {
namespace {

using wire::EvaluationResult;
using wire::ResultRow;
using wire::shown;
using Json = nlohmann::ordered_json;

std::optional<double> ratio(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::optional<double> mean(const std::vector<std::optional<double>>& values) {
  double sum = 0;
  std::size_t count = 0;
  for (const auto& value : values) {
    if (!value) continue;
    sum += *value;
    ++count;
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

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

/// Keys in order with the names that tell them apart.
std::map<ColumnKey, std::string> name_columns(const std::vector<ResultRow>& results) {
  std::map<std::string, std::set<ColumnKey>> by_dataset;
  for (const ResultRow& row : results) {
    by_dataset[row.result.dataset].insert(column_of(row.result));
  }
  std::map<ColumnKey, std::string> names;
  for (const auto& [dataset, keys] : by_dataset) {
    const std::vector<ColumnKey> columns(keys.begin(), keys.end());
    const std::vector<std::string> marks = marks_of(columns);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      names[columns[i]] = marks[i].empty() ? dataset : format("{} ({})", dataset, marks[i]);
    }
  }
  return names;
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

std::vector<std::string> notes_of(const std::map<ColumnKey, std::string>& columns,
                                  const std::map<RowKey, std::string>& rows) {
  std::vector<std::string> notes;
  for (const auto& [key, name] : columns) {
    notes.push_back(
        format("{}: {}, data {}", name, shown(key.measurement), shown_digest(key.digest)));
  }
  for (const auto& [key, name] : rows) {
    const std::string note = format("{}: {}", key.method, shown(key.settings));
    if (!key.settings.empty() && std::ranges::find(notes, note) == notes.end())
      notes.push_back(note);
  }
  return notes;
}

std::vector<std::string> shown_row(const ResultsTable::Row& row) {
  std::vector<std::string> shown = {row.method, row.step == 0 ? "-" : format("{}", row.step)};
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    const EvaluationResult* cell = row.cells[i];
    const auto score = cell == nullptr ? std::nullopt : scores_of(*cell).mean_iou;
    shown.push_back(cell == nullptr ? "" : percent(score));
    if (score && i < row.published.size() && row.published[i])
      shown.back() += format(" ({:+.2f})", (*score - *row.published[i]) * 100);
    const auto precision = cell == nullptr ? std::nullopt : scores_of(*cell).mean_average_precision;
    if (precision) shown.back() += format(" / {}", percent(precision));
  }
  return shown;
}

/// What the numbers are.
std::string legend(const ResultsTable& table) {
  for (const auto& row : table.rows) {
    for (const EvaluationResult* cell : row.cells) {
      if (cell != nullptr && !cell->average_precision.empty())
        return "mIoU / mAP (multi-label) in per cent";
    }
  }
  return "mIoU in per cent";
}

std::vector<std::string> header(const ResultsTable& table) {
  std::vector<std::string> titles = {"method", "step"};
  titles.insert(titles.end(), table.columns.begin(), table.columns.end());
  return titles;
}

Json share(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::string quote_csv(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  std::string quoted = "\"";
  for (char c : field) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

/// CSV has a line for each class of a result: its lists are one column, and hold a value a class.
struct CsvHead {
  std::vector<std::string> names;

  template <class T>
  void operator()(const char* name, const T&) {
    names.emplace_back(name == std::string_view("classes") ? "class" : name);
  }
};

struct CsvLine {
  std::size_t index;
  std::vector<std::string> cells;

  void operator()(const char*, const std::string& value) { cells.push_back(quote_csv(value)); }
  void operator()(const char*, std::uint64_t value) { cells.push_back(format("{}", value)); }
  void operator()(const char*, const Settings& value) { cells.push_back(quote_csv(shown(value))); }
  void operator()(const char*, std::int64_t value) { cells.push_back(format("{}", value)); }
  /// A list that may be left out is an empty cell.
  template <class T>
  void operator()(const char* name, const std::vector<T>& values) {
    if (values.empty())
      cells.emplace_back();
    else
      (*this)(name, values[index]);
  }
};

}  // namespace

Scores scores_of(const EvaluationResult& result) {
  Scores scores;
  std::uint64_t intersect = 0;
  std::uint64_t labelled = 0;
  for (std::size_t i = 0; i < result.classes.size(); ++i) {
    scores.iou.push_back(ratio(result.intersect[i], result.union_[i]));
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
  const auto columns = name_columns(results);
  const auto rows = name_rows(results);
  ResultsTable table;
  for (const auto& [key, name] : columns) table.columns.push_back(name);
  for (const auto& [row_key, row_name] : rows) {
    ResultsTable::Row& row = table.rows.emplace_back();
    row.method = row_name;
    row.step = row_key.step;
    for (const auto& [column_key, column_name] : columns) {
      const EvaluationResult*& cell = row.cells.emplace_back(nullptr);
      for (const ResultRow& candidate : results) {
        const EvaluationResult& result = candidate.result;
        if (row_of(result) == row_key && column_of(result) == column_key) cell = &result;
      }
    }
  }
  table.notes = notes_of(columns, rows);
  return table;
}

std::string percent(const std::optional<double>& value) {
  return value ? format("{:.2f}", *value * 100) : "-";
}

std::string to_text(const ResultsTable& table) {
  if (table.rows.empty()) return "no results yet\n";
  std::vector<std::vector<std::string>> rows = {header(table)};
  for (const auto& row : table.rows) rows.push_back(shown_row(row));
  std::vector<bool> right(rows[0].size(), true);
  right[0] = false;
  std::string text = align_columns(rows, right) + "\n" + legend(table) + "\n";
  for (const std::string& note : table.notes) text += note + "\n";
  return text;
}

std::string to_markdown(const ResultsTable& table) {
  std::string text = format("| {} |\n|---|", fmt::join(header(table), " | "));
  for (std::size_t i = 0; i <= table.columns.size(); ++i) text += "---:|";
  text += "\n";
  for (const auto& row : table.rows) text += format("| {} |\n", fmt::join(shown_row(row), " | "));
  text += "\n" + legend(table) + "\n";
  for (const std::string& note : table.notes) text += "* " + note + "\n";
  return text;
}

std::string to_csv(const std::vector<ResultRow>& results) {
  CsvHead head;
  EvaluationResult any;
  wire::visit_fields(head, any);
  std::string text = format("{},job,iou\n", fmt::join(head.names, ","));
  for (const ResultRow& row : results) {
    const Scores scores = scores_of(row.result);
    for (std::size_t i = 0; i < row.result.classes.size(); ++i) {
      CsvLine line{i, {}};
      wire::visit_fields(line, row.result);
      text += format("{},{},{}\n", fmt::join(line.cells, ","), row.job.value,
                     scores.iou[i] ? format("{}", *scores.iou[i]) : "");
    }
  }
  return text;
}

std::string to_json(const std::vector<ResultRow>& results) {
  Json document = Json::array();
  for (const ResultRow& row : results) {
    const EvaluationResult& result = row.result;
    const Scores scores = scores_of(result);
    Json iou = Json::array();
    for (const auto& value : scores.iou) iou.push_back(share(value));
    Json entry = result;
    entry["job"] = row.job.value;
    entry["mean_iou"] = share(scores.mean_iou);
    entry["mean_accuracy"] = share(scores.mean_accuracy);
    entry["pixel_accuracy"] = share(scores.pixel_accuracy);
    entry["mean_average_precision"] = share(scores.mean_average_precision);
    entry["iou"] = std::move(iou);
    document.push_back(std::move(entry));
  }
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace tagalign::cli
