#include "data/pack/pack.h"

#include "base/format.h"
#include "base/limits.h"
#include "data/pack/pack_plan.h"
#include "data/pack/pack_source.h"
#include "data/pack/shard_pack.h"
#include "data/shares/parallel.h"
#include "data/sources/shard_set.h"

namespace tagalign::data {
namespace {

class PackingOfShards final : public Packing {
 public:
  PackingOfShards(FileSystem& files, const PackOptions& options, PackSource source, PackPlan plan)
      : files_(files), options_(options), source_(std::move(source)), plan_(std::move(plan)) {}

  std::uint64_t images() const override { return plan_.images; }

  std::uint64_t missing(const WorkShare& share) const override {
    std::uint64_t images = 0;
    for (std::uint64_t shard = share.rank; shard < plan_.shards(); shard += share.world) {
      if (!is_there(shard)) images += plan_.end(shard) - plan_.begin(shard);
    }
    return images;
  }

  Result<bool> pack(const WorkShare& share, const StopCheck& stop,
                    const std::function<void(std::uint64_t)>& done) override {
    const ShardWork work{.files = files_,
                         .source = source_,
                         .plan = plan_,
                         .output = options_.output,
                         .threads = options_.threads == 0 ? usual_threads() : options_.threads,
                         .stop = stop,
                         .done = done};
    for (std::uint64_t shard = share.rank; shard < plan_.shards(); shard += share.world) {
      if (is_there(shard)) continue;
      TA_ASSIGN_OR_RETURN(const bool whole, pack_shard(work, shard));
      if (!whole) return false;
      TA_RETURN_IF_ERROR(
          open_shard_index(files_, shard_names(options_.output, shard).tar, {}).status());
    }
    return true;
  }

  Result<PackReport> finish() override {
    PackReport report{
        .renamed = source_.renamed(), .shards = plan_.shards(), .notices = source_.notices()};
    std::string dropped = "file,reason\n";
    for (std::uint64_t shard = 0; shard < plan_.shards(); ++shard) {
      const ShardNames names = shard_names(options_.output, shard);
      TA_ASSIGN_OR_RETURN(const PackedCounts counts, read_counts(files_, names));
      TA_ASSIGN_OR_RETURN(const std::uint64_t bytes, files_.file_size(names.tar));
      TA_ASSIGN_OR_RETURN(const std::string lines,
                          files_.read_file(names.dropped, limits::kTableFileBytesMax));
      report.images += counts.packed;
      report.dropped += counts.dropped;
      report.bytes += bytes;
      dropped += lines;
    }
    TA_RETURN_IF_ERROR(files_.write_durable(options_.output / "dropped.csv", dropped));
    plan_.is_finished = true;
    TA_RETURN_IF_ERROR(write_plan(files_, options_.output, plan_));
    return report;
  }

 private:
  bool is_there(std::uint64_t shard) const {
    return read_counts(files_, shard_names(options_.output, shard)).ok();
  }

  FileSystem& files_;
  PackOptions options_;
  PackSource source_;
  PackPlan plan_;
};

Status check(const PackOptions& options) {
  if (options.size.short_side < 0 || options.size.quality < 1 || options.size.quality > 100)
    return invalid_argument(
        format("pack: expected a short side of 0 or more and a quality of 1 … 100, found {} and {}",
               options.size.short_side, options.size.quality));
  if (options.shard_bytes == 0) return invalid_argument("pack: expected shards of 1 MiB or more");
  return ok_status();
}

}  // namespace

Result<std::unique_ptr<Packing>> Packing::open(FileSystem& files, const PackOptions& options) {
  TA_RETURN_IF_ERROR(check(options));
  TA_ASSIGN_OR_RETURN(PackSource source,
                      PackSource::open(files, options.sources, options.cache, options.threads));
  TA_ASSIGN_OR_RETURN(PackPlan plan, make_plan(files, options, source));
  return std::unique_ptr<Packing>(
      std::make_unique<PackingOfShards>(files, options, std::move(source), std::move(plan)));
}

}  // namespace tagalign::data
