#include "coordinator/cli/host/output.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "base/status.h"
#include "base/utf8.h"

namespace tagalign::cli {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Value& value) {
  return std::visit([](const auto& raw) { return Json(raw); }, value.raw);
}

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

class TableWriter final : public Writer {
 public:
  explicit TableWriter(std::ostream& out) : out_(out) {}

  void listing(const Listing& listing) override {
    if (listing.rows.empty()) {
      out_ << listing.if_empty << "\n";
      return;
    }
    std::vector<bool> right;
    std::vector<std::vector<std::string>> rows(1);
    for (const Column& column : listing.columns) {
      right.push_back(column.right);
      rows[0].push_back(column.title);
    }
    for (const auto& row : listing.rows) {
      auto& shown = rows.emplace_back();
      for (const Value& value : row) shown.push_back(value.shown);
    }
    out_ << align_columns(rows, right);
  }

  void record(const Record& record) override {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [key, value] : record) rows.push_back({key, value.shown});
    out_ << align_columns(rows, {false, false});
  }

  void lines(const std::string&, const std::vector<std::string>& lines) override {
    for (const std::string& line : lines) out_ << printable_lines(line) << "\n";
  }

 private:
  std::ostream& out_;
};

class JsonWriter final : public Writer {
 public:
  explicit JsonWriter(std::ostream& out) : out_(out) {}

  void listing(const Listing& listing) override {
    Json rows = Json::array();
    for (const auto& row : listing.rows) {
      Json object = Json::object();
      for (std::size_t i = 0; i < row.size(); ++i) object[listing.columns[i].key] = to_json(row[i]);
      rows.push_back(std::move(object));
    }
    out_ << json_text(rows) << "\n";
  }

  void record(const Record& record) override {
    Json object = Json::object();
    for (const auto& [key, value] : record) object[key] = to_json(value);
    out_ << json_text(object) << "\n";
  }

  void lines(const std::string& key, const std::vector<std::string>& lines) override {
    out_ << json_text(Json{{key, lines}}) << "\n";
  }

 private:
  std::ostream& out_;
};

class QuietWriter final : public Writer {
 public:
  explicit QuietWriter(std::ostream& out) : out_(out) {}

  void listing(const Listing& listing) override {
    for (const auto& row : listing.rows) out_ << printable(row.front().shown) << "\n";
  }
  void record(const Record& record) override {
    out_ << printable(record.front().second.shown) << "\n";
  }
  void lines(const std::string&, const std::vector<std::string>&) override {}

 private:
  std::ostream& out_;
};

}  // namespace

Value text(std::string value) {
  return {value, value};
}
Value number(std::uint64_t value) {
  return number(value, format("{}", value));
}
Value number(std::uint64_t value, std::string shown) {
  return {static_cast<std::int64_t>(value), std::move(shown)};
}
Value yes_or_no(bool value) {
  return {value, value ? "yes" : "no"};
}
Value texts(std::vector<std::string> values) {
  std::string shown = format("{}", fmt::join(values, ", "));
  return {std::move(values), std::move(shown)};
}
Value nothing() {
  return {nullptr, "-"};
}

std::unique_ptr<Writer> make_writer(OutputFormat output_format, std::ostream& out) {
  switch (output_format) {
    case OutputFormat::kTable:
      return std::make_unique<TableWriter>(out);
    case OutputFormat::kJson:
      return std::make_unique<JsonWriter>(out);
    case OutputFormat::kQuiet:
      return std::make_unique<QuietWriter>(out);
  }
  TA_CHECK(false, "an output format that does not exist");
}

std::string align_columns(std::vector<std::vector<std::string>> rows,
                          const std::vector<bool>& right) {
  std::vector<std::size_t> widths(right.size());
  for (auto& row : rows) {
    for (std::string& cell : row) cell = printable(cell);
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      line += (i == 0 ? "" : "  ") + (right[i] ? padding + row[i] : row[i] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace tagalign::cli
