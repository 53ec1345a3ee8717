#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/counted.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "data/report/report.h"

namespace tagalign::data {
namespace {

using nlohmann::json;
constexpr std::size_t kShardsNamed = 20;
constexpr std::size_t kNameBytesMax = 200;
constexpr std::size_t kMessageBytesMax = 400;

void add_histogram(const std::string& title, const Histogram& histogram,
                   std::vector<std::string>& lines) {
  lines.push_back(format("{} ({}):", title, histogram.unit));
  for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
    const std::string range =
        i + 1 == histogram.bounds.size()
            ? format("{}…", histogram.bounds[i])
            : format("{}…{}", histogram.bounds[i], histogram.bounds[i + 1] - 1);
    lines.push_back(format("  {:>20} {:>12}", range, histogram.counts[i]));
  }
}

void add_counts(const std::string& title, const std::map<std::string, std::uint64_t>& counts,
                std::vector<std::string>& lines) {
  if (counts.empty()) return;
  lines.push_back(title + ":");
  for (const auto& [name, count] : counts)
    lines.push_back(format("  {:<32} {:>12}", printable(name, kNameBytesMax), count));
}

void add_captions(const std::string& of, const CaptionCounts& counts,
                  std::vector<std::string>& lines) {
  if (counts.captions == 0) return;
  lines.push_back(
      format("{} {}: {}, {}", counted(counts.captions, "caption"), of,
             counted(counts.equal, "equals an earlier one", "equal an earlier one"),
             counted(counts.chinese, "holds a Chinese character", "hold a Chinese character")));
  add_counts("scripts", counts.scripts, lines);
  add_histogram("lengths", counts.lengths, lines);
}

void add_links(const DataReport& report, std::vector<std::string>& lines) {
  for (const LinkRow& link : report.links) {
    const double percent = link.rows == 0 ? 0
                                          : 100.0 * static_cast<double>(link.with_image) /
                                                static_cast<double>(link.rows);
    const std::string name = printable(link.name, kNameBytesMax);
    lines.push_back(format("{}: {} of {} {} an image ({:.1f} %), {} the URL of an earlier row; {}",
                           name, link.with_image, counted(link.rows, "row"),
                           for_count(link.with_image, "has", "have"), percent, link.equal_urls,
                           counted(link.bad_lines, "bad line")));
    if (link.odd_quotes.count > 0)
      lines.push_back(format("  {} an odd quote, the first is {}",
                             counted(link.odd_quotes.count, "row has", "rows have"),
                             printable(link.odd_quotes.first, kMessageBytesMax)));
    add_captions("of " + name, link.captions, lines);
  }
}

void add_shards(const DataReport& report, std::vector<std::string>& lines) {
  const std::vector<ShardRow> odd = odd_shards(report);
  if (!odd.empty()) lines.emplace_back("shards with a finding (images found, expected):");
  for (std::size_t i = 0; i < std::min(odd.size(), kShardsNamed); ++i) {
    lines.push_back(
        format("  {} {} {}{}", printable(odd[i].name, kNameBytesMax), odd[i].found,
               odd[i].expected ? format("{}", *odd[i].expected) : "no _stats.json",
               odd[i].trouble.empty() ? "" : "; " + printable(odd[i].trouble, kMessageBytesMax)));
  }
  if (odd.size() > kShardsNamed)
    lines.push_back(format("  and {} more", odd.size() - kShardsNamed));
}

void add_examined(const DataReport& report, std::vector<std::string>& lines) {
  if (report.examined == 0) return;
  lines.push_back(format("{} examined, {} the bytes of an earlier one",
                         counted(report.examined, "image"),
                         counted(report.equal_files, "has", "have")));
  add_counts("formats", report.formats, lines);
  add_histogram("short sides", report.short_sides, lines);
}

void add_broken(const DataReport& report, std::vector<std::string>& lines) {
  for (const auto& [kind, broken] : report.broken)
    lines.push_back(format("broken ({}): {}; {}", kind, broken.count, broken.first));
}

json to_json(const Histogram& histogram) {
  return {{"unit", histogram.unit}, {"from", histogram.bounds}, {"counts", histogram.counts}};
}

json to_json(const CaptionCounts& captions) {
  return {{"count", captions.captions},
          {"equal", captions.equal},
          {"chinese", captions.chinese},
          {"scripts", captions.scripts},
          {"lengths", to_json(captions.lengths)}};
}

json broken_json(const DataReport& report) {
  json broken = json::object();
  for (const auto& [kind, found] : report.broken)
    broken[kind] = {{"count", found.count}, {"first", found.first}};
  return broken;
}

json shards_json(const DataReport& report) {
  json shards = json::array();
  for (const ShardRow& shard : report.shards) {
    shards.push_back({{"name", shard.name},
                      {"found", shard.found},
                      {"expected", shard.expected ? json(*shard.expected) : json(nullptr)},
                      {"trouble", shard.trouble}});
  }
  return shards;
}

json links_json(const DataReport& report) {
  json links = json::array();
  for (const LinkRow& link : report.links) {
    links.push_back(
        {{"name", link.name},
         {"rows", link.rows},
         {"with_image", link.with_image},
         {"bad_lines", link.bad_lines},
         {"odd_quotes", {{"count", link.odd_quotes.count}, {"first", link.odd_quotes.first}}},
         {"equal_urls", link.equal_urls},
         {"captions", to_json(link.captions)}});
  }
  return links;
}

}  // namespace

std::vector<ShardRow> odd_shards(const DataReport& report) {
  const bool any_expected = std::ranges::any_of(
      report.shards, [](const ShardRow& shard) { return shard.expected.has_value(); });
  std::vector<ShardRow> odd;
  for (const ShardRow& shard : report.shards) {
    if (!shard.trouble.empty() || (any_expected && shard.expected != shard.found))
      odd.push_back(shard);
  }
  return odd;
}

std::vector<std::string> to_lines(const DataReport& report) {
  std::vector<std::string> lines{
      format("{} in {}, {:.1f} MiB; {} the URL of an earlier one", counted(report.images, "image"),
             counted(report.shards.size(), "shard or folder", "shards or folders"),
             static_cast<double>(report.image_bytes) / 1048576,
             counted(report.equal_urls, "has", "have"))};
  add_captions("beside the images", report.beside, lines);
  add_links(report, lines);
  add_counts("endings", report.endings, lines);
  add_counts("findings", report.oddities, lines);
  add_counts("downloads by status", report.statuses, lines);
  add_shards(report, lines);
  add_histogram("file sizes", report.file_sizes, lines);
  add_examined(report, lines);
  add_broken(report, lines);
  return lines;
}

std::string to_json(const DataReport& report) {
  const json document{
      {"images", report.images},          {"image_bytes", report.image_bytes},
      {"equal_urls", report.equal_urls},  {"beside", to_json(report.beside)},
      {"endings", report.endings},        {"findings", report.oddities},
      {"statuses", report.statuses},      {"file_sizes", to_json(report.file_sizes)},
      {"shards", shards_json(report)},    {"captions", links_json(report)},
      {"examined", report.examined},      {"formats", report.formats},
      {"broken", broken_json(report)},    {"short_sides", to_json(report.short_sides)},
      {"equal_files", report.equal_files}};
  return json_text(document);
}

}  // namespace tagalign::data
