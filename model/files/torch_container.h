/// The two containers in which torch.save leaves a pickle and the storages of its tensors.
///
///   zip     from 1.6 on, and torch.jit.save: FOLDER/data.pkl, FOLDER/data/KEY for each storage
///   stream  before 1.6, or with _use_new_zipfile_serialization=False: pickles one after another
///           (magic number, protocol, the machine, the object, the keys), then for each key the
///           number of elements (8 bytes) and the bytes
/// Source of the stream: torch/serialization.py, _legacy_save.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "model/files/pickle.h"
#include "model/files/zip_reader.h"

namespace tagalign::model {

/// The bytes of the storages, by key. Not safe from several threads. Fails as the file does, and
/// with kNotFound for a key that is not there.
class StorageReader {
 public:
  virtual ~StorageReader() = default;
  virtual Result<std::uint64_t> bytes(const std::string& key) const = 0;
  /// `target` has exactly bytes(key).
  virtual Status read(const std::string& key, std::span<std::byte> target) const = 0;
  /// What messages call the place of the storage: "archive/data/0".
  virtual std::string place(const std::string& key) const = 0;
};

struct TorchContainer {
  Pickle pickle;
  std::unique_ptr<StorageReader> storages;
};

/// `what` names the file in messages. kDataLoss for a damaged file, kUnsupported for one that was
/// written on a big-endian machine, and what parse_pickle() refuses.
Result<TorchContainer> open_torch_zip(ByteSource source, const std::string& what);
Result<TorchContainer> open_torch_stream(ByteSource source, const std::string& what);

}  // namespace tagalign::model
