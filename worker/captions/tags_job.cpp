#include "worker/captions/tags_job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/counted.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "base/version.h"
#include "data/tags/words/wordnet.h"
#include "worker/benchmarks/progress_line.h"

namespace tagalign::jobs {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

constexpr std::size_t kTagsNamed = 10;

json tags_json(const std::vector<data::TagCount>& tags, std::size_t found) {
  json first = json::array();
  for (std::size_t i = 0; i < std::min(tags.size(), kTagsNamed); ++i)
    first.push_back({{"tag", tags[i].tag}, {"captions", tags[i].captions}});
  return {{"found", found}, {"kept", tags.size()}, {"first", std::move(first)}};
}

double per_second(const data::TagReport& report) {
  return static_cast<double>(report.captions) * 1000 /
         static_cast<double>(std::max<std::int64_t>(report.elapsed_ms, 1));
}

json report_json(const data::TagReport& report) {
  return {{"captions", report.captions},
          {"without_tags", report.without_tags},
          {"not_english", report.not_english},
          {"repeated_keys", report.repeated_keys},
          {"broken_lines", {{"count", report.broken.count}, {"first", report.broken.first}}},
          {"objects", tags_json(report.objects, report.objects_found)},
          {"attributes", tags_json(report.attributes, report.attributes_found)},
          {"import",
           {{"captions_without_line", report.not_imported},
            {"lines_without_caption", report.lines_unused},
            {"broken_lines", report.broken_import.count},
            {"first_broken", report.broken_import.first},
            {"first_captions", report.first_not_imported},
            {"first_lines", report.first_unused}}},
          {"captions_per_second", per_second(report)},
          {"elapsed_ms", report.elapsed_ms}};
}

std::string shares(std::uint64_t count, std::uint64_t total) {
  return format(
      "{} ({:.1f} %)", count,
      100 * static_cast<double>(count) / static_cast<double>(std::max<std::uint64_t>(total, 1)));
}

void add_kept(Lines& lines, std::string_view kind, const std::vector<data::TagCount>& tags,
              std::size_t found) {
  std::vector<std::string> first;
  for (std::size_t i = 0; i < std::min(tags.size(), kTagsNamed); ++i)
    first.push_back(format("{} {}", printable(tags[i].tag), tags[i].captions));
  lines.push_back(format("  {:<14}{} of {} kept{}{}", kind, tags.size(), found,
                         first.empty() ? "" : ": ", fmt::join(first, ", ")));
}

void add_examples(Lines& lines, std::string_view title, std::uint64_t count,
                  const std::vector<std::string>& examples) {
  if (count == 0) return;
  lines.push_back(format("  {} ({}):", title, count));
  for (const std::string& each : examples) lines.push_back("    " + printable(each));
}

}  // namespace

Status complete_tag_options(FileSystem& files, const std::vector<Path>& config_folders,
                            data::TagOptions& options) {
  if (options.captions.empty() && options.import.empty())
    return invalid_argument(
        "data tags: expected files of captions, or --import FILE; found neither");
  if (options.raw && options.import.empty())
    return invalid_argument("data tags: --raw belongs to --import FILE, which is not given");
  options.program = kVersion;
  if (options.wordnet.empty()) options.wordnet = data::WordNet::kUsualFolder;
  if (!options.lists.empty()) return ok_status();
  std::vector<std::string> tried;
  for (const Path& folder : config_folders) {
    options.lists = folder / "tags";
    if (files.exists(options.lists / "nouns.txt")) return ok_status();
    tried.push_back(options.lists.string());
  }
  return not_found(
      format("data tags: looked for the lists of words at {}; found none; name their "
             "folder with --lists DIR",
             fmt::join(tried, ", ")));
}

std::vector<std::string> tag_report_lines(const data::TagReport& report) {
  Lines lines{format("{} in {}, {:.0f}/s", counted(report.captions, "caption"),
                     format_duration(report.elapsed_ms), per_second(report))};
  const auto add = [&](std::string_view title, const std::string& text) {
    lines.push_back(format("  {:<14}{}", title, text));
  };
  add_kept(lines, "objects", report.objects, report.objects_found);
  add_kept(lines, "attributes", report.attributes, report.attributes_found);
  add("without tags", shares(report.without_tags, report.captions));
  add("not English", shares(report.not_english, report.captions));
  if (report.repeated_keys > 0)
    add("repeated keys",
        format("{}; the first of each key counts in the index", report.repeated_keys));
  if (report.broken.count > 0)
    add("broken lines",
        format("{}; the first: {}", report.broken.count, printable(report.broken.first)));
  if (report.broken_import.count > 0)
    add("broken import", format("{}; the first: {}", report.broken_import.count,
                                printable(report.broken_import.first)));
  add_examples(lines, "captions without an imported line", report.not_imported,
               report.first_not_imported);
  add_examples(lines, "imported lines without a caption", report.lines_unused, report.first_unused);
  return lines;
}

std::string tag_report_json(const data::TagReport& report) {
  return json_text(report_json(report));
}

Result<bool> run_data_tags(DataWorld& world, const TagsArguments& arguments) {
  data::TagOptions options = arguments.options;
  TA_RETURN_IF_ERROR(complete_tag_options(world.files, arguments.config_folders, options));
  ProgressLine line("tags", world.err, world.is_terminal, world.clock);
  TA_ASSIGN_OR_RETURN(
      const data::TagReport report,
      data::make_tags(world.files, world.clock, options,
                      [&](const data::Progress& progress) { line.show(progress); }));
  if (arguments.json) {
    world.out << tag_report_json(report) << "\n";
  } else {
    for (const std::string& text : tag_report_lines(report)) world.out << printable(text) << "\n";
  }
  return report.broken.count == 0 && report.broken_import.count == 0;
}

}  // namespace tagalign::jobs
