/// Files of torch.save (from 1.6 on) and torch.jit.save: a zip archive with one pickle and one
/// entry a tensor storage. Read as data; neither Python code nor TorchScript in it is run.
///
/// A tensor never reads outside its storage, and storages together are never larger than the
/// archive. Tensors keep their type (fp16, fp32, …), sizes and strides; those that shared a
/// storage share it still. Not safe from several threads. Cost: a storage is read when a tensor in
/// it is asked for.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"
#include "model/files/pickle.h"
#include "model/files/zip_reader.h"
#include "model/training/state_dict.h"

namespace tagalign::model {

/// What the first bytes of a file say.
enum class WeightsFormat {
  kSafetensors,  ///< or anything else: its reader judges
  kTorchZip,
  kTorchLegacy,  ///< torch.save before 1.6, or with _use_new_zipfile_serialization=False
};
inline constexpr std::size_t kFormatBytes = 16;  ///< enough to tell
WeightsFormat weights_format(ByteSpan first_bytes);

class TorchArchive {
 public:
  /// `what` names the file in messages. kDataLoss for a damaged archive, kUnsupported for one that
  /// was written on a big-endian machine, and what parse_pickle refuses.
  static Result<TorchArchive> open(ByteSource source, const std::string& what);

  const std::string& what() const { return what_; }
  const Pickle& pickle() const { return pickle_; }
  PickleRef root() const { return pickle_.root; }

  /// `value` is what messages call `name`. kInvalidArgument unless it is a tensor within its
  /// storage (a foreign name is given); kDataLoss when the storage is missing or of another size.
  Result<at::Tensor> tensor(PickleRef value, const std::string& name);

 private:
  explicit TorchArchive(ZipReader zip) : zip_(std::move(zip)) {}
  Result<at::Tensor> storage(const PickleStorage& storage);

  std::string what_;
  ZipReader zip_;
  std::string folder_;  ///< of the archive's entries, with its slash
  std::uint64_t bytes_max_ = 0;
  std::uint64_t bytes_read_ = 0;
  Pickle pickle_;
  std::map<std::string, at::Tensor> storages_;  ///< by key; one-dimensional
};

/// All weights of the archive by name:
///   a TorchScript archive     parameters and buffers of the module and those below it
///   a plain state dict        its tensors; numbers, strings and None beside them are passed over
///   a dict with a state dict  under "model" or "state_dict": that one; what lies beside is not
///   read
/// kInvalidArgument names what else is found, foreign names first: a file that is nothing but
/// weights has no reason to hold any.
Result<StateDict> read_weights(TorchArchive& archive);

/// The tensors of one dict of the archive. `what` names it in messages.
Result<StateDict> read_tensors(TorchArchive& archive, const PickleDict& dict,
                               const std::string& what);

}  // namespace tagalign::model
