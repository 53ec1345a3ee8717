#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "base/format.h"
#include "model/files/storage_types.h"
#include "model/files/torch_container.h"

namespace tagalign::model {
namespace {

constexpr std::int64_t kProtocol = 1001;
constexpr std::uint64_t kCountBytes = 8;  // in front of each storage

struct Place {
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;
};
using Places = std::map<std::string, Place>;

class StreamStorages final : public StorageReader {
 public:
  StreamStorages(ByteSource source, Places places, std::string what)
      : source_(std::move(source)), places_(std::move(places)), what_(std::move(what)) {}

  Result<std::uint64_t> bytes(const std::string& key) const override {
    const auto found = places_.find(key);
    if (found != places_.end()) return found->second.bytes;
    return not_found(format("reading {}: {} is not there; the file is incomplete: fetch it again",
                            what_, place(key)));
  }
  Status read(const std::string& key, std::span<std::byte> target) const override {
    return source_.read(places_.at(key).at, target);
  }
  std::string place(const std::string& key) const override {
    return format("the storage {}", printable(key));
  }

 private:
  ByteSource source_;
  Places places_;
  std::string what_;
};

/// Reads the parts of the file one after another.
class StreamReader {
 public:
  StreamReader(ByteSource source, const std::string& what)
      : source_(std::move(source)), what_(what) {}

  Result<TorchContainer> run() {
    text_.resize(std::min<std::uint64_t>(source_.size, kPickleBytesMax));
    TA_RETURN_IF_ERROR(source_.read(0, std::as_writable_bytes(std::span(text_))));
    TA_RETURN_IF_ERROR(next("magic number").status());  // which its first bytes have told
    TA_RETURN_IF_ERROR(check_head());
    TorchContainer container;
    TA_ASSIGN_OR_RETURN(container.pickle, next("object"));
    TA_ASSIGN_OR_RETURN(const Pickle keys, next("list of storages"));
    TA_ASSIGN_OR_RETURN(Places places, locate(container.pickle, keys));
    container.storages =
        std::make_unique<StreamStorages>(std::move(source_), std::move(places), what_);
    return container;
  }

 private:
  Status damaged(const std::string& found) const {
    return data_loss(
        format("reading {}: {}; the file is damaged or cut off: fetch it again", what_, found));
  }

  Result<Pickle> next(const std::string& part) {
    auto pickle =
        parse_pickle(std::string_view(text_).substr(at_), format("{}: its {}", what_, part));
    if (pickle.ok()) at_ += pickle->bytes;
    return pickle;
  }

  Status check_head() {
    TA_ASSIGN_OR_RETURN(const Pickle protocol, next("protocol"));
    const auto* number = protocol.root->as<std::int64_t>();
    if (number == nullptr || *number != kProtocol) {
      return unsupported(format(
          "reading {}: its protocol is {}, expected {}; save it again with torch.save", what_,
          number == nullptr ? protocol.root->describe() : format("{}", *number), kProtocol));
    }
    TA_ASSIGN_OR_RETURN(const Pickle machine, next("machine"));
    const auto* dict = machine.root->as<PickleDict>();
    const PickleRef little = dict == nullptr ? nullptr : dict->find("little_endian");
    if (little == nullptr || little->as<bool>() == nullptr || *little->as<bool>())
      return ok_status();
    return unsupported(
        format("reading {}: its byte order is big, expected little; load it on the machine that "
               "wrote it and save it as safetensors",
               what_));
  }

  /// What the object says of each storage.
  Result<std::map<std::string, const PickleStorage*>> announced(const Pickle& object) const {
    std::map<std::string, const PickleStorage*> storages;
    for (const PickleValue& value : object.values) {
      const auto* storage = value.as<PickleStorage>();
      if (storage == nullptr) continue;
      const auto [known, is_new] = storages.try_emplace(storage->key, storage);
      if (is_new) continue;
      if (known->second->type != storage->type || known->second->elements != storage->elements)
        return damaged(
            format("the storage {} is used with two types or sizes", printable(storage->key)));
    }
    return storages;
  }

  Result<Places> locate(const Pickle& object, const Pickle& keys) {
    TA_ASSIGN_OR_RETURN(const auto storages, announced(object));
    const auto* list = keys.root->as<PickleList>();
    if (list == nullptr)
      return damaged(format("its list of storages is {}", keys.root->describe()));
    Places places;
    std::uint64_t at = at_;
    for (const PickleRef item : list->items) {
      const auto* key = item->as<std::string>();
      const auto known = key == nullptr ? storages.end() : storages.find(*key);
      if (known == storages.end())
        return damaged(format("its list of storages has {} that no tensor has",
                              key == nullptr ? item->describe() : printable(*key)));
      TA_ASSIGN_OR_RETURN(places[*key], take(*known->second, at));
    }
    return places;
  }

  /// The storage whose count lies at `at`, which moves behind it.
  Result<Place> take(const PickleStorage& storage, std::uint64_t& at) const {
    std::int64_t count = 0;
    if (source_.size - at < kCountBytes)
      return damaged(format("it ends before the storage {}", printable(storage.key)));
    TA_RETURN_IF_ERROR(source_.read(at, std::as_writable_bytes(std::span(&count, 1))));
    at += kCountBytes;
    if (count != storage.elements) {
      return damaged(format("the storage {} has {} elements, its tensors expect {}",
                            printable(storage.key), count, storage.elements));
    }
    const std::uint64_t width = find_storage_type(storage.type)->bytes;
    const auto elements = static_cast<std::uint64_t>(count);  // not negative: checked when parsed
    if (elements > (source_.size - at) / width) {
      return damaged(format("the storage {} needs {} elements of {} bytes, {} bytes are left",
                            printable(storage.key), elements, width, source_.size - at));
    }
    const Place place{at, elements * width};
    at += place.bytes;
    return place;
  }

  ByteSource source_;
  const std::string& what_;
  std::string text_;  ///< the begin of the file, in which all pickles lie
  std::size_t at_ = 0;
};

}  // namespace

Result<TorchContainer> open_torch_stream(ByteSource source, const std::string& what) {
  return StreamReader(std::move(source), what).run();
}

}  // namespace tagalign::model
