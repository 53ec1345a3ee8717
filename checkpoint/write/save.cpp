#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/format/safetensors_header.h"
#include "checkpoint/format/shard_plan.h"

namespace tagalign::checkpoint {
namespace {

/// What a rank tells the others at each of a save's three meetings.
struct Report {
  Status status;
  std::string digest;       ///< of the plan, of the shard, of the manifest
  std::uint64_t bytes = 0;  ///< of the shard
  bool scheduled = true;    ///< as published
};

std::string encode_report(const Report& report) {
  const nlohmann::json json = {{"code", static_cast<int>(report.status.code())},
                               {"message", report.status.message()},
                               {"of_the_place", report.status.is_of_the_place()},
                               {"digest", report.digest},
                               {"bytes", report.bytes},
                               {"scheduled", report.scheduled}};
  return json_text(json);
}

Result<Report> decode_report(const std::string& text) {
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    Report report;
    const int code = json.at("code").get<int>();
    if (code != 0) report.status = Status(static_cast<ErrorCode>(code), json.at("message"));
    report.status.set_of_the_place(json.at("of_the_place"));
    report.digest = json.at("digest");
    report.bytes = json.at("bytes");
    report.scheduled = json.at("scheduled");
    return report;
  } catch (const nlohmann::json::exception& error) {
    return internal_error(format("a rank's report cannot be read: {}", error.what()));
  }
}

/// One save on one rank.
class Saver {
 public:
  Saver(FileSystem& files, const Coordination& coordination, const SaveOptions& options,
        const RunPosition& position)
      : files_(files),
        coordination_(coordination),
        options_(options),
        final_(options.folder / step_name(position.step)),
        temporary_(options.folder / temporary_name(position.step, options.lease)) {
    content_.position = position;
    content_.position.world_size = coordination.world;
  }

  Result<Manifest> run(const std::vector<TensorView>& tensors);

 private:
  using Reports = std::vector<Report>;

  bool leads() const { return coordination_.rank == 0; }
  Status plan(const std::vector<TensorView>& tensors);
  Status prepare_folder();
  Result<Report> write_shard();
  Status write_slices(WritableFile& file, const std::string& header, Hasher128& hasher);
  Result<Manifest> publish();
  Result<std::optional<Manifest>> settle_existing(const std::string& text);
  /// Everybody's reports; an error that names the first rank that has one.
  Result<Reports> meet(const Report& mine);

  FileSystem& files_;
  const Coordination& coordination_;
  const SaveOptions& options_;
  const Path final_;
  const Path temporary_;
  std::vector<TensorView> laid_;
  std::vector<std::vector<Slice>> shards_;
  ManifestContent content_;
};

Status Saver::plan(const std::vector<TensorView>& tensors) {
  TA_RETURN_IF_ERROR(check_views(tensors));
  laid_ = tensors;
  std::sort(laid_.begin(), laid_.end(), laid_before);
  for (const TensorView& tensor : laid_) {
    if (looks_like_slice(tensor.name)) {
      return invalid_argument(
          format("tensor name '{}': it must not end like a slice, [0:1]", tensor.name));
    }
    content_.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, {}});
  }
  shards_ = plan_shards(laid_, coordination_.world);
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    for (const Slice& slice : shards_[shard]) {
      content_.tensors[slice.tensor].slices.push_back({shard, slice.begin, slice.end});
    }
  }
  return ok_status();
}

Status Saver::prepare_folder() {
  if (!files_.exists(options_.folder)) {
    TA_RETURN_IF_ERROR(files_.create_directories(options_.folder));
    TA_RETURN_IF_ERROR(files_.sync_directory(parent_of(options_.folder)));
  }
  TA_RETURN_IF_ERROR(check_lease(files_, options_.folder, options_.lease));
  TA_RETURN_IF_ERROR(remove_leftovers(files_, options_.folder));
  return files_.create_directories(temporary_);
}

Status Saver::write_slices(WritableFile& file, const std::string& header, Hasher128& hasher) {
  hasher.update(header);
  TA_RETURN_IF_ERROR(file.append(as_bytes(header)));
  for (const Slice& slice : shards_[static_cast<std::size_t>(coordination_.rank)]) {
    const TensorView& tensor = laid_[slice.tensor];
    const std::size_t width = dtype_bytes(tensor.dtype);
    const ByteSpan bytes =
        tensor.bytes.subspan(slice.begin * width, (slice.end - slice.begin) * width);
    hasher.update(bytes);
    TA_RETURN_IF_ERROR(file.append(bytes));
  }
  TA_RETURN_IF_ERROR(file.sync());
  return file.close();
}

Result<Report> Saver::write_shard() {
  Header header;
  std::uint64_t offset = 0;
  for (const Slice& slice : shards_[static_cast<std::size_t>(coordination_.rank)]) {
    const TensorView& tensor = laid_[slice.tensor];
    const std::uint64_t elements = tensor.bytes.size() / dtype_bytes(tensor.dtype);
    const bool whole = slice.end - slice.begin == elements;
    const std::uint64_t end = offset + (slice.end - slice.begin) * dtype_bytes(tensor.dtype);
    header.entries.push_back(
        {slice_name(tensor.name, slice.begin, slice.end, elements), tensor.dtype,
         whole ? tensor.shape : std::vector{static_cast<std::int64_t>(slice.end - slice.begin)},
         offset, end});
    offset = end;
  }
  TA_ASSIGN_OR_RETURN(const std::string text, encode_header(header));
  const Path path =
      temporary_ / shard_name(static_cast<std::size_t>(coordination_.rank), shards_.size());
  TA_ASSIGN_OR_RETURN(const auto file, files_.create_file(path));
  Hasher128 hasher;
  TA_RETURN_IF_ERROR(write_slices(*file, text, hasher));  // which names the file
  return Report{.status = {}, .digest = hasher.digest().hex(), .bytes = text.size() + offset};
}

Result<Saver::Reports> Saver::meet(const Report& mine) {
  TA_ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                      coordination_.all_gather(encode_report(mine)));
  Reports reports;
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    TA_ASSIGN_OR_RETURN(Report report, decode_report(texts[rank]));
    if (!report.status.ok()) return report.status.with_context(format("rank {}", rank));
    reports.push_back(std::move(report));
  }
  return reports;
}

/// What to do about a step folder that is there already: nothing when it is damaged (it is moved
/// aside), its manifest when it holds the same state; kAlreadyExists when it holds another.
Result<std::optional<Manifest>> Saver::settle_existing(const std::string& text) {
  Result<ManifestFile> existing = read_manifest_file(files_, final_);
  if (existing.ok() && load(files_, existing->manifest).ok()) {
    const bool was_scheduled = existing->content.position.scheduled;
    existing->content.position.scheduled = content_.position.scheduled;
    TA_ASSIGN_OR_RETURN(const std::string existing_text, encode_manifest(existing->content));
    if (existing_text != text) {
      return already_exists(
          format("{} holds another run's state of this step; remove it or choose another folder",
                 final_.string()));
    }
    if (!was_scheduled && content_.position.scheduled) {
      TA_RETURN_IF_ERROR(files_.write_durable(final_ / kManifestName, text));
    }
    TA_RETURN_IF_ERROR(files_.remove_all(temporary_));
    TA_ASSIGN_OR_RETURN(Manifest kept, read_manifest(files_, final_));
    return std::optional(std::move(kept));
  }
  const Path aside = options_.folder / format(".{}.damaged", step_name(content_.position.step));
  TA_RETURN_IF_ERROR(files_.remove_all(aside));
  TA_RETURN_IF_ERROR(files_.rename_durable(final_, aside));
  return std::optional<Manifest>();
}

Result<Manifest> Saver::publish() {
  TA_ASSIGN_OR_RETURN(const std::string text, encode_manifest(content_));
  TA_RETURN_IF_ERROR(files_.write_durable(temporary_ / kManifestName, text));
  TA_RETURN_IF_ERROR(check_lease(files_, options_.folder, options_.lease));
  if (files_.exists(final_)) {
    TA_ASSIGN_OR_RETURN(const std::optional<Manifest> kept, settle_existing(text));
    if (kept) return *kept;
  }
  TA_RETURN_IF_ERROR(files_.rename_durable(temporary_, final_));
  TA_ASSIGN_OR_RETURN(Manifest manifest, read_manifest(files_, final_));
  if (manifest.digest != digest128(as_bytes(text)).hex()) {
    return data_loss(format("{} was changed while it was published", final_.string()));
  }
  (void)files_.remove_all(options_.folder /
                          format(".{}.damaged", step_name(content_.position.step)));
  return manifest;
}

Result<Manifest> Saver::run(const std::vector<TensorView>& tensors) {
  Report mine{.status = plan(tensors)};
  if (mine.status.ok()) {
    const Result<std::string> text = encode_manifest(content_);  // shards are still empty: the plan
    mine.status = text.status();
    if (text.ok()) mine.digest = digest128(as_bytes(*text)).hex();
  }
  if (mine.status.ok() && leads()) mine.status = prepare_folder();
  TA_ASSIGN_OR_RETURN(const Reports plans, meet(mine));
  for (std::size_t rank = 1; rank < plans.size(); ++rank) {
    if (plans[rank].digest == plans[0].digest) continue;
    return invalid_argument(format("rank {}: its tensors or position differ from rank 0's", rank));
  }

  Result<Report> written = write_shard();
  TA_ASSIGN_OR_RETURN(const Reports shards,
                      meet(written.ok() ? *written : Report{.status = written.status()}));
  for (const Report& report : shards) {
    TA_ASSIGN_OR_RETURN(const Digest128 digest, Digest128::from_hex(report.digest));
    content_.shards.push_back({report.bytes, digest});
  }

  Report published;
  if (leads()) {
    const Result<Manifest> manifest = publish();
    published.status = manifest.status();
    if (manifest.ok()) {
      published.digest = manifest->digest;
      published.scheduled = manifest->position.scheduled;
    }
  }
  TA_ASSIGN_OR_RETURN(const Reports ends, meet(published));
  content_.position.scheduled = ends[0].scheduled;
  return Manifest{content_.position, ends[0].digest, final_};
}

}  // namespace

Result<Manifest> save(FileSystem& files, const Coordination& coordination,
                      const SaveOptions& options, const std::vector<TensorView>& tensors,
                      const RunPosition& position) {
  TA_CHECK(coordination.world > 0 && coordination.rank >= 0 &&
           coordination.rank < coordination.world);
  Saver saver(files, coordination, options, position);
  Result<Manifest> manifest = saver.run(tensors);
  if (manifest.ok()) return manifest;
  if (coordination.rank == 0) {
    (void)files.remove_all(options.folder / temporary_name(position.step, options.lease));
  }
  return manifest.status().with_context(
      format("save step {} below {}", position.step, options.folder.string()));
}

}  // namespace tagalign::checkpoint
