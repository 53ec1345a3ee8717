#include <algorithm>

#include "base/format.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensors.h"
#include "checkpoint/format/safetensors_header.h"

namespace tagalign::checkpoint {
namespace {

Status write_whole(FileSystem& files, const Path& path, const std::string& header,
                   const std::vector<TensorView>& tensors) {
  TA_ASSIGN_OR_RETURN(const auto file, files.create_file(path));
  TA_RETURN_IF_ERROR(file->append(as_bytes(header)));
  for (const TensorView& tensor : tensors) TA_RETURN_IF_ERROR(file->append(tensor.bytes));
  TA_RETURN_IF_ERROR(file->sync());
  return file->close();
}

}  // namespace

Status write_safetensors(FileSystem& files, const Path& path,
                         const std::vector<TensorView>& tensors,
                         const std::map<std::string, std::string>& metadata) {
  const std::string where = format("write {}", path.string());
  if (Status status = check_views(tensors); !status.ok()) return status.with_context(where);
  std::vector<TensorView> sorted = tensors;
  std::ranges::sort(sorted, laid_before<TensorView>);
  Header header{.entries = {}, .metadata = metadata};
  std::uint64_t offset = 0;
  for (const TensorView& tensor : sorted) {
    header.entries.push_back(
        {tensor.name, tensor.dtype, tensor.shape, offset, offset + tensor.bytes.size()});
    offset += tensor.bytes.size();
  }
  Result<std::string> text = encode_header(header);
  if (!text.ok()) return text.status().with_context(where);
  const Path temporary = path.parent_path() / ("." + path.filename().string() + ".partial");
  Status status = write_whole(files, temporary, *text, sorted);
  if (status.ok()) status = files.rename_durable(temporary, path);
  if (!status.ok()) (void)files.remove_all(temporary);
  return status.with_context(where);
}

Result<SafetensorsFile> read_safetensors(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(LocatedHeader located, read_header(files, path));
  SafetensorsFile result;
  result.metadata = std::move(located.header.metadata);
  for (UnreadEntry& entry : located.header.not_read)
    result.not_read.emplace(std::move(entry.name), std::move(entry.type));
  for (HeaderEntry& entry : located.header.entries) {
    TensorData data{entry.dtype, std::move(entry.shape), ByteBuffer(entry.end - entry.begin)};
    TA_RETURN_IF_ERROR(files.read_range(path, located.data_start + entry.begin, data.bytes.span()));
    result.tensors.emplace(std::move(entry.name), std::move(data));
  }
  return result;
}

}  // namespace tagalign::checkpoint
