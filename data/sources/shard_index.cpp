#include "data/sources/shard_index.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/format.h"
#include "base/json_text.h"
#include "base/limits.h"
#include "data/sources/archives/archive_names.h"
#include "data/sources/archives/folder_walk.h"
#include "data/sources/shard_index_writer.h"

namespace tagalign::data {
namespace {

using Json = nlohmann::json;
constexpr const char* kNoFiles = "no_files";

struct PointHead {
  std::uint64_t unpacked;
  std::uint64_t packed;
  std::uint64_t bits;
};

/// Each counter of the findings, with its name in the file.
template <class Findings, class Visit>
void visit_counters(Findings& findings, const Visit& visit) {
  visit("without_caption", findings.without_caption);
  visit("captions_without_image", findings.captions_without_image);
  visit("empty_captions", findings.empty_captions);
  visit("duplicates", findings.duplicates);
  visit("broken_texts", findings.broken_texts);
  visit("unreadable", findings.unreadable);
  visit("other_files", findings.other_files);
}

std::string meta_of(ShardKind kind, const FileStamp& stamp, std::size_t members,
                    const ShardFindings& findings) {
  Json meta = {{"kind", static_cast<int>(kind)},   {"bytes", stamp.bytes},
               {"modified_ns", stamp.modified_ns}, {"members", members},
               {"trouble", findings.trouble},      {"statuses", findings.statuses}};
  visit_counters(findings, [&](const char* name, std::uint64_t count) { meta[name] = count; });
  for (const auto& [what, found] : findings.no_files)
    meta[kNoFiles][what] = {{"count", found.count}, {"first", found.first}};
  return json_text(meta);
}

/// Absent where there are none, as before they were counted.
void read_no_files(const Json& meta, ShardFindings& findings) {
  if (!meta.contains(kNoFiles)) return;
  for (const auto& [kind, found] : meta.at(kNoFiles).items())
    findings.no_files[kind] = {found.at("count").get<std::uint64_t>(),
                               found.at("first").get<std::string>()};
}

bool has_tar_checksum(std::string_view block) {
  if (block.size() < 512) return false;
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i)
    sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
  const std::string field(block.substr(148, 8));
  return sum == std::strtoul(field.c_str(), nullptr, 8);
}

std::optional<ShardKind> kind_by_name(const Path& path) {
  const std::string name = path.filename().string();
  if (name.ends_with(".zip")) return ShardKind::kZip;
  if (name.ends_with(".tar")) return ShardKind::kTar;
  if (name.ends_with(".tar.gz") || name.ends_with(".tgz")) return ShardKind::kGzipTar;
  return std::nullopt;
}

Result<WalkEnd> walk_shard(ShardKind kind, const Path& shard, MemberSink& sink) {
  if (kind == ShardKind::kFolder) return walk_folder(shard, sink);
  TA_ASSIGN_OR_RETURN(const auto file, OpenFile::open(shard));
  if (kind == ShardKind::kZip) return walk_zip(*file, sink);
  return kind == ShardKind::kTar ? walk_tar(*file, sink) : walk_gzip_tar(*file, sink);
}

}  // namespace

Result<ShardKind> shard_kind(const Path& path) {
  if (is_folder(path)) return ShardKind::kFolder;
  TA_ASSIGN_OR_RETURN(const auto file, OpenFile::open(path));
  std::string start;
  TA_RETURN_IF_ERROR(file->read(0, 512, start));
  if (start.starts_with("PK\x03\x04") || start.starts_with("PK\x05\x06")) return ShardKind::kZip;
  if (start.starts_with("\x1f\x8b")) return ShardKind::kGzipTar;
  if (has_tar_checksum(start)) return ShardKind::kTar;
  if (const auto kind = kind_by_name(path)) return *kind;
  return invalid_argument(
      format("open {}: expected a folder, a zip, or a tar, plain or gzip'd; found a file that "
             "begins with other bytes",
             path.string()));
}

Result<ShardIndex> ShardIndex::build(FileSystem& files, const Path& shard,
                                     const RecordFileTarget& target) {
  TA_ASSIGN_OR_RETURN(const ShardKind kind, shard_kind(shard));
  TA_ASSIGN_OR_RETURN(const FileStamp stamp, stamp_of(shard));
  const auto walk = [&](MemberSink& sink) { return walk_shard(kind, shard, sink); };
  return build_from(files, shard.string(), kind, stamp, walk, target);
}

Result<ShardIndex> ShardIndex::build_from(FileSystem& files, const std::string& name,
                                          ShardKind kind, const FileStamp& stamp, const Walk& walk,
                                          const RecordFileTarget& target) {
  RecordFileWriter records(files, RecordFileKind::kShardIndex, target);
  ShardIndexWriter writer(records);
  TA_ASSIGN_OR_RETURN(WalkEnd end, walk(writer));
  TA_RETURN_IF_ERROR(writer.finish());
  writer.findings.trouble = std::move(end.trouble);
  writer.findings.unreadable += end.unreadable;
  writer.findings.no_files = std::move(end.no_files);
  const std::size_t members = records.size();
  for (const GzipPoint& point : end.points) {
    const PointHead head{point.unpacked, point.packed, static_cast<std::uint64_t>(point.bits)};
    TA_RETURN_IF_ERROR(
        records.add({{reinterpret_cast<const char*>(&head), sizeof head}, point.window}));
  }
  TA_ASSIGN_OR_RETURN(RecordFile file,
                      records.finish(meta_of(kind, stamp, members, writer.findings)));
  return from_records(std::move(file), name);
}

Result<ShardIndex> ShardIndex::open(const Path& index_file) {
  TA_ASSIGN_OR_RETURN(RecordFile records,
                      RecordFile::open(index_file, RecordFileKind::kShardIndex));
  return from_records(std::move(records), index_file.string());
}

Result<ShardIndex> ShardIndex::from_records(RecordFile records, const std::string& name) {
  ShardIndex index(std::move(records));
  try {
    const Json meta = Json::parse(index.records_.meta());
    index.members_ = meta.at("members").get<std::size_t>();
    index.kind_ = static_cast<ShardKind>(meta.at("kind").get<int>());
    index.stamp_ = {meta.at("bytes").get<std::uint64_t>(),
                    meta.at("modified_ns").get<std::int64_t>()};
    index.findings_.trouble = meta.at("trouble").get<std::string>();
    index.findings_.statuses = meta.at("statuses").get<std::map<std::string, std::uint64_t>>();
    read_no_files(meta, index.findings_);
    visit_counters(index.findings_, [&](const char* key, std::uint64_t& count) {
      count = meta.at(key).get<std::uint64_t>();
    });
  } catch (const Json::exception& error) {
    return data_loss(format("open the index of {}: {}", name, error.what()));
  }
  if (index.members_ > index.records_.size())
    return data_loss(format("open the index of {}: it names more members than it holds", name));
  return index;
}

ShardMember ShardIndex::member(std::size_t index) const {
  TA_CHECK(index < members_, "member out of range");
  std::string_view bytes = records_.record(index);
  MemberHead head;
  std::memcpy(&head, bytes.data(), sizeof head);
  bytes.remove_prefix(sizeof head);
  ShardMember member;
  member.name = bytes.substr(0, head.name_bytes);
  member.caption = bytes.substr(head.name_bytes, head.caption_bytes);
  member.url = bytes.substr(std::size_t{head.name_bytes} + head.caption_bytes, head.url_bytes);
  member.place = {head.offset, head.packed_bytes, head.bytes,
                  static_cast<MemberCoding>(head.coding)};
  member.has_caption = head.has_caption != 0;
  member.is_duplicate = head.is_duplicate != 0;
  return member;
}

GzipPoint ShardIndex::point(std::size_t index) const {
  const std::string_view bytes = records_.record(members_ + index);
  PointHead head;
  std::memcpy(&head, bytes.data(), sizeof head);
  return {head.unpacked, head.packed, static_cast<int>(head.bits),
          std::string(bytes.substr(sizeof head))};
}

GzipPoint ShardIndex::point_before(std::uint64_t unpacked) const {
  std::size_t low = 0;  // the first point is the start of the stream
  std::size_t high = records_.size() - members_;
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    PointHead head;
    std::memcpy(&head, records_.record(members_ + middle).data(), sizeof head);
    (head.unpacked <= unpacked ? low : high) = middle;
  }
  return high == 0 ? GzipPoint{} : point(low);
}

}  // namespace tagalign::data
