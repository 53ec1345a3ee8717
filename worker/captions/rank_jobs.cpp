#include "worker/captions/rank_jobs.h"

#include <array>
#include <optional>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "data/pack/pack.h"
#include "data/report/report_page.h"
#include "data/tags/files/make_tags.h"
#include "worker/benchmarks/progress_line.h"
#include "worker/captions/pack_job.h"
#include "worker/captions/tags_job.h"

namespace tagalign::jobs {
namespace {

data::WorkShare share_of(const Rank& rank) {
  return {static_cast<std::size_t>(rank.group.rank()), static_cast<std::size_t>(rank.group.size())};
}

data::StopCheck stop_of(Rank& rank) {
  return [&rank] { return rank.reporter.stop_requested().has_value(); };
}

/// To the agent each time, to the log now and then.
class Teller {
 public:
  Teller(Rank& rank, std::string what) : rank_(rank), what_(std::move(what)) {}

  void operator()(const data::Progress& progress) {
    const std::string text = what_ + " " + progress_text(progress);
    rank_.reporter.progress(progress.done, progress.total, text);
    constexpr std::int64_t kSayEveryMs = 10'000;
    const MonotonicMs now_ms = system_clock().monotonic_ms();
    if (now_ms - said_ms_ < kSayEveryMs && progress.done < progress.total) return;
    said_ms_ = now_ms;
    log_info("{}", text);
  }

 private:
  Rank& rank_;
  std::string what_;
  MonotonicMs said_ms_ = 0;
};

/// Collective: whether no rank has left.
Result<bool> all_whole(Rank& rank, bool whole) {
  std::array<std::uint64_t, 1> left{whole ? 0u : 1u};
  TA_RETURN_IF_ERROR(rank.group.all_reduce_max_u64(left));
  return left[0] == 0;
}

/// The first line of a report is the summary.
void say(Rank& rank, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    log_info("{}", line);
    rank.reporter.notice(line);
  }
}

/// A step of a report, counted in its items.
class ReportStep {
 public:
  ReportStep(Rank& rank, std::string what)
      : teller_(rank, std::move(what)),
        show_([this](const data::Progress& each) { teller_(each); }) {}

  data::ReportProgress progress() {
    return [this](std::uint64_t done, std::uint64_t total) {
      if (done == 0) {
        meter_.emplace(system_clock(), total, show_);
      } else {
        meter_->add(true);
      }
    };
  }

 private:
  Teller teller_;
  data::ProgressCallback show_;
  std::optional<data::ProgressMeter> meter_;
};

/// Whether a step was left on request; other errors stay.
Result<bool> done_or_left(const Status& status) {
  if (status.ok()) return true;
  if (status.code() == ErrorCode::kCancelled) return false;
  return status;
}

Status write_report(FileSystem& files, const Path& folder, data::ReportMaking& making,
                    const data::DataReport& report) {
  TA_RETURN_IF_ERROR(files.create_directories(folder));
  std::string text;
  for (const std::string& line : data::to_lines(report)) text += line + "\n";
  TA_RETURN_IF_ERROR(files.write_durable(folder / "report.txt", text));
  TA_RETURN_IF_ERROR(files.write_durable(folder / "report.json", data::to_json(report) + "\n"));
  TA_ASSIGN_OR_RETURN(const std::string page, data::report_page(making, report));
  return files.write_durable(folder / "report.html", page);
}

data::DataReportOptions options_of(const config::DataReportConfig& config) {
  return {.sources = config.sources,
          .derived = {config.cache, {}},
          .decode = static_cast<std::uint64_t>(config.decode),
          .threads = static_cast<std::size_t>(config.runtime.threads_per_rank),
          .tags = config.tags,
          .tag_names = config.tag_names};
}

data::TagLimits limits_of(const config::TagListConfig& list) {
  return {.tags_max = static_cast<std::size_t>(list.tags_max),
          .captions_min = static_cast<std::uint64_t>(list.min_count),
          .drop_most_frequent = static_cast<std::size_t>(list.drop_most_frequent)};
}

data::TagOptions options_of(const config::DataTagsConfig& config) {
  return {.captions = {config.captions.begin(), config.captions.end()},
          .import = config.import,
          .raw = config.raw,
          .output = config.output,
          .per_caption = config.per_caption,
          .wordnet = config.wordnet,
          .lists = config.lists,
          .objects = limits_of(config.objects),
          .attributes = limits_of(config.attributes),
          .threads = static_cast<std::size_t>(config.runtime.threads_per_rank)};
}

data::PackOptions options_of(const config::DataPackConfig& config) {
  return {.sources = config.sources,
          .output = config.output,
          .cache = config.cache,
          .size = {.short_side = config.short_side, .quality = config.quality},
          .shard_bytes = static_cast<std::uint64_t>(config.shard_mib) << 20,
          .threads = static_cast<std::size_t>(config.runtime.threads_per_rank)};
}

}  // namespace

Result<JobEnd> run_report_job(Rank& rank, const config::DataReportConfig& config) {
  TA_ASSIGN_OR_RETURN(const auto making, data::ReportMaking::open(rank.files, options_of(config)));
  ReportStep indexing(rank, "index:");
  TA_ASSIGN_OR_RETURN(const bool indexed, done_or_left(making->index(
                                              share_of(rank), indexing.progress(), stop_of(rank))));
  TA_ASSIGN_OR_RETURN(const bool all_indexed, all_whole(rank, indexed));
  if (!all_indexed) return JobEnd::kSavedAndLeft;
  ReportStep examining(rank, "report:");
  const auto mine = making->examine(share_of(rank), stop_of(rank), examining.progress());
  TA_ASSIGN_OR_RETURN(const bool examined, done_or_left(mine.status()));
  TA_ASSIGN_OR_RETURN(const bool all_examined, all_whole(rank, examined));
  if (!all_examined) return JobEnd::kSavedAndLeft;
  TA_ASSIGN_OR_RETURN(const auto all, rank.group.all_gather_strings(*mine));
  TA_RETURN_IF_ERROR(rank.first_decides([&]() -> Status {
    TA_ASSIGN_OR_RETURN(const data::DataReport report, making->finish(all));
    say(rank, {data::to_lines(report).front()});
    return write_report(rank.files, config.output, *making, report);
  }));
  return JobEnd::kFinished;
}

Result<JobEnd> run_pack_job(Rank& rank, const config::DataPackConfig& config) {
  const data::PackOptions options = options_of(config);
  Result<std::unique_ptr<data::Packing>> opened = internal_error("the packing was not opened");
  const auto open = [&] {
    opened = data::Packing::open(rank.files, options);
    return opened.status();
  };
  TA_RETURN_IF_ERROR(rank.first_decides(open));
  if (!rank.is_first()) TA_RETURN_IF_ERROR(open());
  data::Packing& packing = **opened;
  Teller teller(rank, "pack:");
  const data::ProgressCallback show = [&](const data::Progress& each) { teller(each); };
  data::ProgressMeter meter(system_clock(), packing.missing(share_of(rank)), show);
  TA_ASSIGN_OR_RETURN(const bool mine,
                      packing.pack(share_of(rank), stop_of(rank),
                                   [&](std::uint64_t images) { meter.add_items(images); }));
  TA_ASSIGN_OR_RETURN(const bool whole, all_whole(rank, mine));
  if (!whole) return JobEnd::kSavedAndLeft;
  TA_RETURN_IF_ERROR(rank.first_decides([&]() -> Status {
    TA_ASSIGN_OR_RETURN(const data::PackReport report, packing.finish());
    say(rank, pack_report_lines(report, options.output));
    return ok_status();
  }));
  return JobEnd::kFinished;
}

Result<JobEnd> run_tags_job(Rank& rank, const config::DataTagsConfig& config,
                            const std::vector<Path>& config_folders) {
  data::TagOptions options = options_of(config);
  TA_RETURN_IF_ERROR(complete_tag_options(rank.files, config_folders, options));
  Teller teller(rank, "tags:");
  TA_ASSIGN_OR_RETURN(
      const bool mine,
      data::parse_tags(rank.files, system_clock(), options, share_of(rank), stop_of(rank),
                       [&](const data::Progress& each) { teller(each); }));
  TA_ASSIGN_OR_RETURN(const bool whole, all_whole(rank, mine));
  if (!whole) return JobEnd::kSavedAndLeft;
  TA_RETURN_IF_ERROR(rank.first_decides([&]() -> Status {
    TA_ASSIGN_OR_RETURN(const data::TagReport report,
                        data::finish_tags(rank.files, system_clock(), options));
    say(rank, tag_report_lines(report));
    return ok_status();
  }));
  return JobEnd::kFinished;
}

}  // namespace tagalign::jobs
