#include "model/files/torch_archive.h"

#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/format.h"
#include "model/files/file_kind.h"
#include "model/files/storage_types.h"

namespace tagalign::model {
namespace {

constexpr std::size_t kAxesMax = 64;

/// What is wrong with a view of `elements` entries; empty when nothing is.
std::string view_defect(const PickleTensor& view, std::int64_t elements) {
  const auto shown = [&] {
    return format("sizes [{}], strides [{}], offset {} in a storage of {}",
                  fmt::join(view.sizes, ", "), fmt::join(view.strides, ", "), view.offset,
                  elements);
  };
  if (view.sizes.size() != view.strides.size() || view.sizes.size() > kAxesMax)
    return format("{} sizes and {} strides", view.sizes.size(), view.strides.size());
  std::int64_t count = 1, last = view.offset;
  bool overflow = view.offset < 0;
  for (std::size_t i = 0; i < view.sizes.size(); ++i) {
    const std::int64_t size = view.sizes[i], stride = view.strides[i];
    std::int64_t reach = 0;
    overflow |= size < 0 || stride < 0 || __builtin_mul_overflow(count, size, &count) ||
                __builtin_mul_overflow(std::max<std::int64_t>(size - 1, 0), stride, &reach) ||
                __builtin_add_overflow(last, reach, &last);
  }
  if (overflow) return shown();
  if (count == 0) return view.offset <= elements ? "" : shown();
  if (last >= elements) return shown();
  // An expanded view (stride 0) of few bytes could stand for any amount of memory.
  if (count > elements) return shown() + ": expanded; save a contiguous tensor";
  return "";
}

/// What is wrong with a storage that is a part of another; empty when nothing is.
std::string part_defect(const PickleStorage& storage) {
  if (!storage.part) return "";
  const auto [offset, elements] = *storage.part;
  const bool is_within = offset >= 0 && elements >= 0 && offset <= storage.elements &&
                         elements <= storage.elements - offset;
  if (is_within) return "";
  return format("{} elements from {} of a storage of {}", elements, offset, storage.elements);
}

void add_once(std::vector<std::string>& all, const std::string& one) {
  if (std::ranges::find(all, one) == all.end()) all.push_back(one);
}

Result<TorchContainer> open_container(ByteSource source, const std::string& what) {
  std::array<std::byte, kFormatBytes> first{};
  const std::span<std::byte> there(first.data(),
                                   std::min<std::uint64_t>(source.size, first.size()));
  TA_RETURN_IF_ERROR(source.read(0, there));
  return weights_format(there) == WeightsFormat::kTorchLegacy
             ? open_torch_stream(std::move(source), what)
             : open_torch_zip(std::move(source), what);
}

}  // namespace

Result<TorchArchive> TorchArchive::open(ByteSource source, const std::string& what) {
  TorchArchive archive;
  archive.what_ = what;
  archive.bytes_max_ = source.size;
  TA_ASSIGN_OR_RETURN(archive.container_, open_container(std::move(source), what));
  return archive;
}

void TorchArchive::note_not_read(const std::string& name) {
  add_once(notes_.not_read, printable(name));
}

void TorchArchive::note(const std::string& notice) {
  add_once(notes_.notices, notice);
}

Result<at::Tensor> TorchArchive::storage(const PickleStorage& storage) {
  const StorageType* const kind = find_storage_type(storage.type);
  TA_CHECK(kind != nullptr && kind->type.has_value(), storage.type);
  const at::ScalarType type = *kind->type;
  const StorageReader& reader = *container_.storages;
  const auto bad = [&](const std::string& found) {
    return data_loss(format("reading {}: storage {}: {}; the file is damaged: fetch it again",
                            what_, printable(reader.place(storage.key)), found));
  };
  if (const auto known = storages_.find(storage.key); known != storages_.end()) {
    if (known->second.scalar_type() == type && known->second.numel() == storage.elements)
      return known->second;
    return bad("it is used with two types or sizes");
  }
  TA_ASSIGN_OR_RETURN(const std::uint64_t bytes, reader.bytes(storage.key));
  if (bytes / kind->bytes != static_cast<std::uint64_t>(storage.elements) ||
      bytes % kind->bytes != 0)
    return bad(format("expected {} elements of {} bytes, found {} bytes", storage.elements,
                      kind->bytes, bytes));
  bytes_read_ += bytes;
  if (bytes_read_ > bytes_max_) return bad("the storages together are larger than the archive");
  const at::Tensor data = at::empty({storage.elements}, type);
  const std::span<std::byte> target(static_cast<std::byte*>(data.mutable_data_ptr()), bytes);
  TA_RETURN_IF_ERROR(reader.read(storage.key, target));
  const bool holds_bools = type == at::kBool;
  if (holds_bools && std::ranges::any_of(target, [](std::byte b) { return b > std::byte{1}; }))
    return bad("a bool is neither 0 nor 1");
  return storages_.emplace(storage.key, data).first->second;
}

Result<at::Tensor> TorchArchive::tensor(PickleRef value, const std::string& name) {
  const std::string where = format("reading {}: '{}'", what_, printable(name));
  const auto* view = value->as<PickleTensor>();
  if (view == nullptr) {
    return invalid_argument(format(
        "{} is {}, expected a tensor; nothing but tensors, numbers, strings and containers is "
        "loaded",
        where, value->describe()));
  }
  const auto& stored = *view->storage->as<PickleStorage>();
  if (!find_storage_type(stored.type)->type)
    return unsupported(format("{} lies in a {}, which is not read; save it as float", where,
                              printable(stored.type)));
  std::string defect = part_defect(stored);
  if (defect.empty())
    defect = view_defect(*view, stored.part ? stored.part->elements : stored.elements);
  if (!defect.empty())
    return invalid_argument(format("{} does not lie within its storage: {}", where, defect));
  const std::int64_t offset = view->offset + (stored.part ? stored.part->offset : 0);
  try {
    TA_ASSIGN_OR_RETURN(const at::Tensor data, storage(stored));
    return at::as_strided(data, view->sizes, view->strides, offset);
  } catch (const c10::Error& error) {
    return invalid_argument(format("{}: {}", where, error.what_without_backtrace()));
  }
}

}  // namespace tagalign::model
