#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "coordinator/cli/convert/results_table.h"
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
using Settings = std::vector<wire::Setting>;

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

/// A name as markdown shows it, in one cell of a table: nothing in it marks up, or ends the cell.
std::string escape_markdown(const std::string& name) {
  constexpr std::string_view kMarks = "\\|`*_<~&";
  const std::string text = printable(name);
  const auto is_word = [&](std::size_t i) {
    return i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) != 0 ||
                               static_cast<unsigned char>(text[i]) >= 0x80);
  };
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool inside_word = text[i] == '_' && i > 0 && is_word(i - 1) && is_word(i + 1);
    const bool opens_link = text[i] == ']' && text.substr(i).starts_with("](");
    if (opens_link || (!inside_word && kMarks.find(text[i]) != std::string_view::npos))
      escaped += '\\';
    escaped += text[i];
  }
  return escaped;
}

std::string markdown_row(std::vector<std::string> cells) {
  std::ranges::transform(cells, cells.begin(), escape_markdown);
  return format("| {} |\n", fmt::join(cells, " | "));
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
  for (const std::string& note : table.notes) text += printable(note) + "\n";
  return text;
}

std::string to_markdown(const ResultsTable& table) {
  std::string text = markdown_row(header(table)) + "|---|";
  for (std::size_t i = 0; i <= table.columns.size(); ++i) text += "---:|";
  text += "\n";
  for (const auto& row : table.rows) text += markdown_row(shown_row(row));
  text += "\n" + legend(table) + "\n";
  for (const std::string& note : table.notes) text += "* " + escape_markdown(note) + "\n";
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
  return json_text(document) + "\n";
}

}  // namespace tagalign::cli
