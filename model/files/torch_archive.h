/// Files of torch.save and torch.jit.save: a pickle and the storages of its tensors, in either of
/// torch_container.h's containers. Read as data; neither Python code nor TorchScript in it is run.
///
/// A tensor never reads outside its storage, and storages together are never larger than the
/// file. Tensors keep their type (fp16, fp32, …), sizes and strides; those that shared a
/// storage share it still. Not safe from several threads. Cost: a storage is read when a tensor in
/// it is asked for.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/files/pickle.h"
#include "model/files/torch_container.h"
#include "model/files/zip_reader.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// What a person should know of a reading, each once.
struct ReadingNotes {
  std::vector<std::string> not_read;  ///< names of what stood beside the tensors that were read
  std::vector<std::string> notices;   ///< sentences
};

class TorchArchive {
 public:
  /// The first bytes tell the container. `what` names the file in messages. kDataLoss for a damaged
  /// file, kUnsupported for one that was written on a big-endian machine, and what parse_pickle()
  /// refuses about its pickle.
  static Result<TorchArchive> open(ByteSource source, const std::string& what);

  const std::string& what() const { return what_; }
  const Pickle& pickle() const { return container_.pickle; }
  PickleRef root() const { return container_.pickle.root; }

  /// `value` is what messages call `name`. kInvalidArgument unless it is a tensor within its
  /// storage (a foreign name is given), kUnsupported for one of a type that is not read; kDataLoss
  /// when the storage is missing or of another size.
  Result<at::Tensor> tensor(PickleRef value, const std::string& name);

  /// Filled by whoever reads from the archive.
  const ReadingNotes& notes() const { return notes_; }
  void note_not_read(const std::string& name);
  void note(const std::string& notice);

 private:
  TorchArchive() = default;
  Result<at::Tensor> storage(const PickleStorage& storage);

  std::string what_;
  TorchContainer container_;
  std::uint64_t bytes_max_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::map<std::string, at::Tensor> storages_;  ///< by key; one-dimensional
  ReadingNotes notes_;
};

}  // namespace tagalign::model
