#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "data/report/report.h"

namespace tagalign::data {
namespace {

using nlohmann::json;
constexpr std::size_t kShardsNamed = 20;

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
  for (const auto& [name, count] : counts) lines.push_back(format("  {:<32} {:>12}", name, count));
}

bool is_odd(const ShardRow& shard, bool any_expected) {
  return !shard.trouble.empty() || (any_expected && shard.expected != shard.found);
}

/// Shards that are not as their _stats.json says, and those that end early.
void add_shards(const DataReport& report, std::vector<std::string>& lines) {
  bool any_expected = false;
  for (const ShardRow& shard : report.shards) any_expected |= shard.expected.has_value();
  std::size_t odd = 0;
  for (const ShardRow& shard : report.shards) {
    if (!is_odd(shard, any_expected) || odd++ >= kShardsNamed) continue;
    if (odd == 1) lines.emplace_back("shards with a finding (images found, expected):");
    lines.push_back(format("  {} {} {}{}", shard.name, shard.found,
                           shard.expected ? format("{}", *shard.expected)
                           : any_expected ? "no _stats.json"
                                          : "-",
                           shard.trouble.empty() ? "" : "; " + shard.trouble));
  }
  if (odd > kShardsNamed) lines.push_back(format("  and {} more", odd - kShardsNamed));
}

json to_json(const Histogram& histogram) {
  return {{"unit", histogram.unit}, {"from", histogram.bounds}, {"counts", histogram.counts}};
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
    links.push_back({{"name", link.name},
                     {"rows", link.rows},
                     {"with_image", link.with_image},
                     {"bad_lines", link.bad_lines}});
  }
  return links;
}

}  // namespace

std::vector<std::string> to_lines(const DataReport& report) {
  std::vector<std::string> lines{
      format("{} images in {} shards or folders, {:.1f} MiB; {} with a caption beside them; {} "
             "captions with Chinese characters",
             report.images, report.shards.size(), static_cast<double>(report.image_bytes) / 1048576,
             report.with_caption, report.chinese)};
  for (const LinkRow& link : report.links) {
    const double percent = link.rows == 0 ? 0
                                          : 100.0 * static_cast<double>(link.with_image) /
                                                static_cast<double>(link.rows);
    lines.push_back(format("{}: {} of {} rows have an image ({:.1f} %), {} lines without a tab",
                           link.name, link.with_image, link.rows, percent, link.bad_lines));
  }
  add_counts("endings", report.endings, lines);
  add_counts("findings", report.oddities, lines);
  add_counts("downloads by status", report.statuses, lines);
  add_shards(report, lines);
  add_histogram("file sizes", report.file_sizes, lines);
  add_histogram("caption lengths", report.caption_lengths, lines);
  if (report.examined == 0) return lines;
  lines.push_back(format("{} images decoded, {} have the bytes of another", report.examined,
                         report.equal_files));
  add_counts("formats", report.formats, lines);
  add_histogram("short sides", report.short_sides, lines);
  for (const auto& [kind, broken] : report.broken)
    lines.push_back(format("broken ({}): {}; {}", kind, broken.count, broken.first));
  return lines;
}

std::string to_json(const DataReport& report) {
  const json document{{"images", report.images},
                      {"image_bytes", report.image_bytes},
                      {"with_caption", report.with_caption},
                      {"chinese_captions", report.chinese},
                      {"endings", report.endings},
                      {"findings", report.oddities},
                      {"statuses", report.statuses},
                      {"file_sizes", to_json(report.file_sizes)},
                      {"caption_lengths", to_json(report.caption_lengths)},
                      {"shards", shards_json(report)},
                      {"captions", links_json(report)},
                      {"examined", report.examined},
                      {"formats", report.formats},
                      {"broken", broken_json(report)},
                      {"short_sides", to_json(report.short_sides)},
                      {"equal_files", report.equal_files}};
  return json_text(document);
}

}  // namespace tagalign::data
