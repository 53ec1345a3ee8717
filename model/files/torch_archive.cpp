#include "model/files/torch_archive.h"

#include <ATen/ops/as_strided.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/format.h"

namespace tagalign::model {
namespace {

constexpr std::string_view kPickleEntry = "data.pkl";
constexpr std::size_t kAxesMax = 64;

std::optional<at::ScalarType> storage_type(const std::string& name) {
  static const std::map<std::string, at::ScalarType> types = {
      {"FloatStorage", at::kFloat},       {"HalfStorage", at::kHalf},
      {"BFloat16Storage", at::kBFloat16}, {"DoubleStorage", at::kDouble},
      {"LongStorage", at::kLong},         {"IntStorage", at::kInt},
      {"ShortStorage", at::kShort},       {"CharStorage", at::kChar},
      {"ByteStorage", at::kByte},         {"BoolStorage", at::kBool}};
  const auto found = types.find(name);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

/// The folder of the one entry FOLDER/data.pkl.
Result<std::string> find_folder(const ZipReader& zip, const std::string& what) {
  std::optional<std::string> folder;
  for (const auto& [name, index] : zip.entries()) {
    const auto slash = name.find('/');
    if (slash == std::string::npos || name.substr(slash + 1) != kPickleEntry) continue;
    if (folder) {
      return data_loss(format("reading {}: it holds {}{} and {}, expected one of them", what,
                              printable(*folder), kPickleEntry, printable(name)));
    }
    folder = name.substr(0, slash + 1);
  }
  if (folder) return *folder;
  return invalid_argument(
      format("reading {}: a zip archive of {} entries without FOLDER/data.pkl; expected what "
             "torch.save or torch.jit.save writes, or safetensors",
             what, zip.entries().size()));
}

Status check_byte_order(const ZipReader& zip, const std::string& folder, const std::string& what) {
  constexpr std::uint64_t kWordBytesMax = 16;
  const std::string entry = folder + "byteorder";
  if (!zip.contains(entry)) return ok_status();  // written before torch 2.1
  TA_ASSIGN_OR_RETURN(const std::string order, zip.read_text(entry, kWordBytesMax));
  if (order == "little") return ok_status();
  return unsupported(
      format("reading {}: its byte order is '{}', expected little; load it on the "
             "machine that wrote it and save it as safetensors",
             what, printable(order)));
}

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

bool is_passed_over(PickleRef value) {
  return value->as<PickleNone>() != nullptr || value->as<bool>() != nullptr ||
         value->as<std::int64_t>() != nullptr || value->as<double>() != nullptr ||
         value->as<std::string>() != nullptr;
}

/// Walks a TorchScript module. The values may refer to themselves: depth and visits are limited.
class ModuleReader {
 public:
  explicit ModuleReader(TorchArchive& archive) : archive_(archive) {}

  Result<StateDict> run(const PickleModule& root) {
    TA_RETURN_IF_ERROR(visit(root, "", 1));
    return std::move(tensors_);
  }

 private:
  static constexpr int kModuleDepthMax = 64;
  static constexpr int kAttributesMax = 1'000'000;

  Status visit(const PickleModule& module, const std::string& prefix, int depth) {
    if (depth > kModuleDepthMax) {
      return invalid_argument(format("reading {}: modules lie more than {} deep at {}",
                                     archive_.what(), kModuleDepthMax, printable(prefix)));
    }
    if (module.attributes == nullptr) return ok_status();
    for (const auto& [key, value] : module.attributes->as<PickleDict>()->items) {
      if (++attributes_ > kAttributesMax) {
        return invalid_argument(format("reading {}: more than {} attributes in its modules",
                                       archive_.what(), kAttributesMax));
      }
      const auto* name = key->as<std::string>();
      if (name == nullptr) {
        return data_loss(format("reading {}: an attribute of {} is named by {}", archive_.what(),
                                printable(module.class_name), key->describe()));
      }
      TA_RETURN_IF_ERROR(take(prefix + *name, value, depth));
    }
    return ok_status();
  }

  Status take(const std::string& name, PickleRef value, int depth) {
    if (const auto* below = value->as<PickleModule>()) return visit(*below, name + ".", depth + 1);
    const bool is_foreign = value->as<PickleRefused>() != nullptr;
    if (!is_foreign && value->as<PickleTensor>() == nullptr) return ok_status();
    TA_ASSIGN_OR_RETURN(tensors_[name], archive_.tensor(value, name));
    return ok_status();
  }

  TorchArchive& archive_;
  StateDict tensors_;
  int attributes_ = 0;
};

Status refuse_foreign(const TorchArchive& archive) {
  const auto& refused = archive.pickle().refused;
  if (refused.empty()) return ok_status();
  const auto first = std::min_element(refused.begin(), refused.end(),
                                      [](auto& a, auto& b) { return a.second < b.second; });
  return invalid_argument(format(
      "reading {}: data.pkl, byte {}, names {}; a weights file holds tensors, numbers, "
      "strings and containers, and nothing else is ever loaded or run. If you trust where it "
      "comes from, load it in Python and save its state_dict() as safetensors",
      archive.what(), first->second, printable(first->first)));
}

}  // namespace

WeightsFormat weights_format(ByteSpan first_bytes) {
  const std::string_view text(reinterpret_cast<const char*>(first_bytes.data()),
                              first_bytes.size());
  // A pickled integer of ten bytes, the magic number of torch.save before 1.6.
  constexpr std::string_view kLegacy = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
  if (text.starts_with("PK\x03\x04")) return WeightsFormat::kTorchZip;
  if (text.size() > 2 && text[0] == '\x80' && text.substr(2).starts_with(kLegacy))
    return WeightsFormat::kTorchLegacy;
  return WeightsFormat::kSafetensors;
}

Result<TorchArchive> TorchArchive::open(ByteSource source, const std::string& what) {
  const std::uint64_t bytes = source.size;
  TA_ASSIGN_OR_RETURN(ZipReader zip, ZipReader::open(std::move(source), what));
  TA_ASSIGN_OR_RETURN(const std::string folder, find_folder(zip, what));
  TA_RETURN_IF_ERROR(check_byte_order(zip, folder, what));
  const std::string entry = folder + std::string(kPickleEntry);
  TA_ASSIGN_OR_RETURN(const std::string text, zip.read_text(entry, kPickleBytesMax));
  TorchArchive archive(std::move(zip));
  archive.what_ = what;
  archive.folder_ = folder;
  archive.bytes_max_ = bytes;
  TA_ASSIGN_OR_RETURN(archive.pickle_, parse_pickle(text, what + ": " + std::string(kPickleEntry)));
  return archive;
}

Result<at::Tensor> TorchArchive::storage(const PickleStorage& storage) {
  const auto type = storage_type(storage.type);
  TA_CHECK(type.has_value(), storage.type);
  const std::string entry = folder_ + "data/" + storage.key;
  const auto bad = [&](const std::string& found) {
    return data_loss(format("reading {}: storage {}: {}; the file is damaged: fetch it again",
                            what_, printable(entry), found));
  };
  if (const auto known = storages_.find(storage.key); known != storages_.end()) {
    if (known->second.scalar_type() == *type && known->second.numel() == storage.elements)
      return known->second;
    return bad("it is used with two types or sizes");
  }
  TA_ASSIGN_OR_RETURN(const std::uint64_t bytes, zip_.entry_bytes(entry));
  const std::uint64_t width = at::elementSize(*type);
  if (bytes / width != static_cast<std::uint64_t>(storage.elements) || bytes % width != 0)
    return bad(
        format("expected {} elements of {} bytes, found {} bytes", storage.elements, width, bytes));
  bytes_read_ += bytes;
  if (bytes_read_ > bytes_max_) return bad("the storages together are larger than the archive");
  const at::Tensor data = at::empty({storage.elements}, *type);
  const std::span<std::byte> target(static_cast<std::byte*>(data.mutable_data_ptr()), bytes);
  TA_RETURN_IF_ERROR(zip_.read(entry, target));
  const bool holds_bools = *type == at::kBool;
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
  if (const std::string defect = view_defect(*view, stored.elements); !defect.empty())
    return invalid_argument(format("{} does not lie within its storage: {}", where, defect));
  try {
    TA_ASSIGN_OR_RETURN(const at::Tensor data, storage(stored));
    return at::as_strided(data, view->sizes, view->strides, view->offset);
  } catch (const c10::Error& error) {
    return invalid_argument(format("{}: {}", where, error.what_without_backtrace()));
  }
}

Result<StateDict> read_tensors(TorchArchive& archive, const PickleDict& dict,
                               const std::string& what) {
  StateDict tensors;
  for (const auto& [key, value] : dict.items) {
    const auto* name = key->as<std::string>();
    if (name == nullptr) {
      return invalid_argument(format("reading {}: {} has {} as a key, expected names of tensors",
                                     archive.what(), what, key->describe()));
    }
    if (is_passed_over(value)) continue;
    TA_ASSIGN_OR_RETURN(tensors[*name], archive.tensor(value, *name));
  }
  if (!tensors.empty()) return tensors;
  return invalid_argument(format("reading {}: {} holds no tensors among its {} entries",
                                 archive.what(), what, dict.items.size()));
}

Result<StateDict> read_weights(TorchArchive& archive) {
  if (const auto* module = archive.root()->as<PickleModule>()) {
    TA_RETURN_IF_ERROR(refuse_foreign(archive));
    return ModuleReader(archive).run(*module);
  }
  const auto* dict = archive.root()->as<PickleDict>();
  for (const char* key : {"model", "state_dict"}) {
    const PickleRef inner = dict == nullptr ? nullptr : dict->find(key);
    if (inner != nullptr && inner->as<PickleDict>() != nullptr)
      return read_tensors(archive, *inner->as<PickleDict>(), format("its '{}'", key));
  }
  TA_RETURN_IF_ERROR(refuse_foreign(archive));
  if (dict != nullptr) return read_tensors(archive, *dict, "the state dict");
  return invalid_argument(
      format("reading {}: it holds {}, expected a state dict (names and tensors)", archive.what(),
             archive.root()->describe()));
}

}  // namespace tagalign::model
