#include "worker/captions/rank_jobs.h"

#include <array>

#include "base/clock.h"
#include "base/format.h"
#include "base/log.h"
#include "data/pack/pack.h"
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
