#include "data/pack/shard_pack.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/format.h"
#include "base/json_text.h"
#include "base/limits.h"
#include "data/pack/tar_writer.h"
#include "data/shares/parallel.h"
#include "data/sources/archives/archive_names.h"
#include "data/sources/files/shard_files.h"

namespace tagalign::data {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t kBatchAThread = 16;

std::string csv_field(std::string_view field) {
  std::string text = "\"";
  for (const char c : field) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

/// Another file would fare no better.
bool is_trouble(const Status& status) {
  return status.code() == ErrorCode::kUnavailable || status.code() == ErrorCode::kCancelled;
}

/// A shard that is being written; what is not finished leaves no file.
class UnfinishedShard {
 public:
  UnfinishedShard(FileSystem& files, const Path& tar)
      : files_(files), tar_(tar), temporary_(unfinished_name(tar)) {}
  ~UnfinishedShard() {
    if (!temporary_.empty()) (void)files_.remove_all(temporary_);
  }

  Status open() {
    TA_ASSIGN_OR_RETURN(file_, files_.create_file(temporary_));
    TA_ASSIGN_OR_RETURN(writer_, TarWriter::create(*file_));
    return ok_status();
  }

  Status add(const SourceImage& image, std::string_view bytes) {
    const std::string key(key_of(image.name));
    TA_RETURN_IF_ERROR(writer_->add(image.name, bytes));
    TA_RETURN_IF_ERROR(writer_->add(key + ".txt", std::string(image.caption) + "\n"));
    if (image.url.empty()) return ok_status();
    return writer_->add(key + ".json", json_text(Json{{"url", image.url}, {"status", "success"}}));
  }

  Status finish() {
    TA_RETURN_IF_ERROR(writer_->finish());
    TA_RETURN_IF_ERROR(file_->sync());
    TA_RETURN_IF_ERROR(file_->close());
    TA_RETURN_IF_ERROR(files_.rename_durable(temporary_, tar_));
    temporary_.clear();
    return ok_status();
  }

 private:
  FileSystem& files_;
  Path tar_;
  Path temporary_;
  std::unique_ptr<WritableFile> file_;
  std::unique_ptr<TarWriter> writer_;
};

/// One image of a batch.
struct Packed {
  SourceImage image;
  std::optional<std::string> bytes;
  Status dropped;  ///< why there are none
};

Result<Packed> pack_image(const ShardWork& work, std::uint64_t number) {
  Packed packed{.image = work.source.image(number), .bytes = {}, .dropped = {}};
  auto bytes = work.source.read(number);
  if (bytes.ok()) bytes = packed_image(*bytes, work.plan.size, packed.image.original);
  if (is_trouble(bytes.status())) return bytes.status();
  if (bytes.ok()) {
    packed.bytes = std::move(bytes).value();
  } else {
    packed.dropped = bytes.status();
  }
  return packed;
}

Result<std::vector<Packed>> pack_batch(const ShardWork& work, std::uint64_t begin,
                                       std::uint64_t end) {
  std::vector<Packed> batch(end - begin);
  TA_RETURN_IF_ERROR(in_parallel(batch.size(), work.threads, [&](std::size_t i) {
    TA_ASSIGN_OR_RETURN(batch[i], pack_image(work, begin + i));
    return ok_status();
  }));
  return batch;
}

/// In this order, so that a shard with statistics is whole.
Status write_texts(FileSystem& files, const ShardNames& names, const PackedCounts& counts,
                   const std::string& dropped) {
  TA_RETURN_IF_ERROR(files.write_durable(names.dropped, dropped));
  const Json statistics{{"count", counts.packed + counts.dropped},
                        {"successes", counts.packed},
                        {"failed_to_download", 0},
                        {"failed_to_resize", counts.dropped},
                        {"status_dict", {{"success", counts.packed}, {"broken", counts.dropped}}}};
  return files.write_durable(names.statistics, json_text(statistics) + "\n");
}

}  // namespace

ShardNames shard_names(const Path& output, std::uint64_t shard) {
  const std::string stem = format("{:05}", shard);
  return {output / (stem + ".tar"), output / (stem + "_stats.json"),
          output / (stem + "_dropped.csv")};
}

Result<PackedCounts> read_counts(FileSystem& files, const ShardNames& names) {
  TA_ASSIGN_OR_RETURN(const std::string text,
                      files.read_file(names.statistics, limits::kShardTextBytesMax));
  const Json json = Json::parse(text, nullptr, false);
  const bool whole = json.is_object() && json.contains("successes") && json.contains("count") &&
                     json["successes"].is_number_unsigned() && json["count"].is_number_unsigned();
  if (!whole || !files.exists(names.tar))
    return data_loss(
        format("read {}: expected the numbers of a whole shard", names.statistics.string()));
  const auto packed = json["successes"].get<std::uint64_t>();
  return PackedCounts{packed, json["count"].get<std::uint64_t>() - packed};
}

Result<bool> pack_shard(const ShardWork& work, std::uint64_t shard) {
  const ShardNames names = shard_names(work.output, shard);
  UnfinishedShard tar(work.files, names.tar);
  TA_RETURN_IF_ERROR(tar.open());
  PackedCounts counts;
  std::string dropped;
  const std::uint64_t end = work.plan.end(shard);
  for (std::uint64_t begin = work.plan.begin(shard); begin < end;) {
    if (work.stop && work.stop()) return false;
    const std::uint64_t next = std::min(begin + kBatchAThread * work.threads, end);
    TA_ASSIGN_OR_RETURN(const std::vector<Packed> batch, pack_batch(work, begin, next));
    for (const Packed& packed : batch) {
      ++(packed.bytes ? counts.packed : counts.dropped);
      if (packed.bytes) {
        TA_RETURN_IF_ERROR(tar.add(packed.image, *packed.bytes));
      } else {
        dropped += csv_field(packed.image.name) + "," + csv_field(packed.dropped.message()) + "\n";
      }
    }
    if (work.done) work.done(next - begin);
    begin = next;
  }
  TA_RETURN_IF_ERROR(tar.finish());
  TA_RETURN_IF_ERROR(write_texts(work.files, names, counts, dropped));
  return true;
}

}  // namespace tagalign::data
