#include "worker/tags/tags_job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "data/tags/words/wordnet.h"
#include "worker/benchmarks/progress_line.h"

namespace tagalign::jobs {
namespace {

using nlohmann::json;

constexpr std::size_t kTagsNamed = 10;

Status complete(FileSystem& files, TagsArguments& arguments) {
  data::TagOptions& options = arguments.options;
  if (options.captions.empty() && options.import.empty())
    return invalid_argument(
        "data tags: expected files of captions, or --import FILE; found neither");
  if (options.raw && options.import.empty())
    return invalid_argument("data tags: --raw belongs to --import FILE, which is not given");
  if (options.wordnet.empty()) options.wordnet = data::WordNet::kUsualFolder;
  if (!options.lists.empty()) return ok_status();
  std::vector<std::string> tried;
  for (const Path& folder : arguments.config_folders) {
    options.lists = folder / "tags";
    if (files.exists(options.lists / "nouns.txt")) return ok_status();
    tried.push_back(options.lists.string());
  }
  return not_found(
      format("data tags: looked for the lists of words at {}; found none; name their "
             "folder with --lists DIR",
             fmt::join(tried, ", ")));
}

/// Text from a file, harmless to a terminal.
std::string printable(std::string text) {
  constexpr unsigned char kFirstVisible = 0x20, kDelete = 0x7f;
  std::replace_if(
      text.begin(), text.end(),
      [](char c) {
        return static_cast<unsigned char>(c) < kFirstVisible ||
               static_cast<unsigned char>(c) == kDelete;
      },
      '?');
  return text;
}

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

void write_kept(std::ostream& out, std::string_view kind, const std::vector<data::TagCount>& tags,
                std::size_t found) {
  std::vector<std::string> first;
  for (std::size_t i = 0; i < std::min(tags.size(), kTagsNamed); ++i)
    first.push_back(format("{} {}", tags[i].tag, tags[i].captions));
  out << format("  {:<14}{} of {} kept{}{}\n", kind, tags.size(), found, first.empty() ? "" : ": ",
                fmt::join(first, ", "));
}

void write_examples(std::ostream& out, std::string_view title, std::uint64_t count,
                    const std::vector<std::string>& examples) {
  if (count == 0) return;
  out << format("  {} ({}):\n", title, count);
  for (const std::string& each : examples) out << format("    {}\n", printable(each));
}

void write_report(std::ostream& out, const data::TagReport& report) {
  out << format("{} captions in {}, {:.0f}/s\n", report.captions,
                format_duration(report.elapsed_ms), per_second(report));
  write_kept(out, "objects", report.objects, report.objects_found);
  write_kept(out, "attributes", report.attributes, report.attributes_found);
  out << format("  {:<14}{}\n", "without tags", shares(report.without_tags, report.captions));
  out << format("  {:<14}{}\n", "not English", shares(report.not_english, report.captions));
  if (report.repeated_keys > 0)
    out << format("  {:<14}{}; the first of each key counts in the index\n", "repeated keys",
                  report.repeated_keys);
  if (report.broken.count > 0)
    out << format("  {:<14}{}; the first: {}\n", "broken lines", report.broken.count,
                  printable(report.broken.first));
  if (report.broken_import.count > 0)
    out << format("  {:<14}{}; the first: {}\n", "broken import", report.broken_import.count,
                  printable(report.broken_import.first));
  write_examples(out, "captions without an imported line", report.not_imported,
                 report.first_not_imported);
  write_examples(out, "imported lines without a caption", report.lines_unused, report.first_unused);
}

}  // namespace

Result<bool> run_data_tags(TagsWorld& world, TagsArguments arguments) {
  TA_RETURN_IF_ERROR(complete(world.files, arguments));
  ProgressLine line("tags", world.err, world.is_terminal, world.clock);
  TA_ASSIGN_OR_RETURN(
      const data::TagReport report,
      data::make_tags(world.files, world.clock, arguments.options,
                      [&](const data::Progress& progress) { line.show(progress); }));
  if (arguments.json)
    world.out << report_json(report).dump(-1, ' ', false, json::error_handler_t::replace) << "\n";
  else
    write_report(world.out, report);
  return report.broken.count == 0 && report.broken_import.count == 0;
}

}  // namespace tagalign::jobs
