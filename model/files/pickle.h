/// Python pickles as PyTorch writes them, read as data: nothing that a pickle names is ever called.
///
/// A pickle is a program for a stack machine. This reader runs it with plain values in place of
/// Python's objects; what is called in Python becomes a value here when it is on the list below,
/// and a PickleRefused with its name otherwise.
///   collections.OrderedDict, Counter, set, torch.Size           containers
///   _codecs.encode, bytearray                                   bytes
///   torch._utils._rebuild_tensor(_v2, _v3), _rebuild_parameter  PickleTensor
///   torch.FloatStorage … (persistent ids), torch.float16 …      PickleStorage, PickleGlobal
///   __torch__.…                                                 PickleModule (TorchScript)
///   torch.jit._pickle.build_…list, restore_type_tag             lists, and what they wrap
/// A foreign name does not stop the reading: a training checkpoint of the reference holds pickled
/// configuration objects beside its tensors. It stops whoever needs its content; whoever expects
/// nothing but weights looks at Pickle::refused. What PyTorch's own tensors name that is not read
/// (sparse and quantized ones, types) is a PickleRefused too, but does not stand there: it says
/// nothing against the file.
///
/// Bounds: at most kPickleBytesMax bytes, kPickleValuesMax values, kPickleStackMax entries on the
/// stack, kPickleDepthMax containers within each other as they are built. The reader does not
/// recurse. A value may be reached on several paths, and a list may hold itself: whoever walks the
/// values limits depth and visits. Pure; safe from several threads.
/// Source of the format: Python's pickletools.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"

namespace tagalign::model {

inline constexpr std::size_t kPickleBytesMax = 64u << 20;
inline constexpr std::size_t kPickleValuesMax = 2'000'000;
inline constexpr std::size_t kPickleStackMax = 1'000'000;
inline constexpr std::size_t kPickleMemoMax = 2'000'000;
inline constexpr std::uint32_t kPickleDepthMax = 200;
inline constexpr std::size_t kPickleNameCharsMax = 1'024;  ///< of a module or class

struct PickleValue;
using PickleRef = const PickleValue*;  ///< never null; owned by the Pickle

struct PickleNone {};
struct PickleBytes {
  std::string bytes;
};
struct PickleList {
  std::vector<PickleRef> items;
};
struct PickleTuple {
  std::vector<PickleRef> items;
};
struct PickleSet {
  std::vector<PickleRef> items;
};
/// In the order of insertion; a repeated key appears again, and the last one counts.
struct PickleDict {
  std::vector<std::pair<PickleRef, PickleRef>> items;
  /// The value under a string key; nullptr without.
  PickleRef find(std::string_view key) const;
};
/// A name from the list above that was not called, e.g. torch.float16.
struct PickleGlobal {
  std::string name;
};
/// The persistent id of a tensor storage: `key` names its entry in the archive.
struct PickleStorage {
  /// A part of the storage that stands for a whole one, as the oldest files have it.
  struct Part {
    std::int64_t offset = 0;
    std::int64_t elements = 0;
  };
  std::string type;  ///< "FloatStorage": one that find_storage_type() knows
  std::string key;
  std::int64_t elements = 0;
  std::optional<Part> part = std::nullopt;  ///< unchecked
};
/// A view into a storage, unchecked: in elements, not bytes.
struct PickleTensor {
  PickleRef storage;  ///< a PickleStorage
  std::int64_t offset = 0;
  std::vector<std::int64_t> sizes;
  std::vector<std::int64_t> strides;
};
/// A TorchScript object: a class name and its attributes.
struct PickleModule {
  std::string class_name;
  PickleRef attributes = nullptr;  ///< a PickleDict; nullptr before and without any
};
/// What stands where Python would have called something that is not on the list. Its arguments
/// and content are dropped.
struct PickleRefused {
  std::string name;  ///< "os.system"
};

struct PickleValue {
  std::variant<PickleNone, bool, std::int64_t, double, std::string, PickleBytes, PickleList,
               PickleTuple, PickleSet, PickleDict, PickleGlobal, PickleStorage, PickleTensor,
               PickleModule, PickleRefused>
      data;
  std::uint32_t depth = 1;  ///< of containers, when it was built

  template <class T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
  /// "a list", "a tensor", "os.system", for messages.
  std::string describe() const;
};

struct Pickle {
  PickleRef root = nullptr;
  /// Foreign names in the order of their spelling, and the byte of the first occurrence of each.
  std::map<std::string, std::size_t> refused;
  std::deque<PickleValue> values;  ///< owns everything; addresses are stable
  std::size_t bytes = 0;           ///< that it takes
};

/// `what` names the bytes in messages ("FILE: data.pkl"); bytes after the end of the pickle are not
/// looked at. kDataLoss for bytes that are no whole pickle, kInvalidArgument for what breaks a
/// bound above, kUnsupported for an instruction that PyTorch does not write. The message gives the
/// byte's offset, what was found and what to do.
Result<Pickle> parse_pickle(std::string_view bytes, const std::string& what);

/// A name that PyTorch writes for tensors that are not read: "torch._utils._rebuild_sparse_tensor".
bool is_tensor_name(std::string_view global);

/// Foreign text for a message: control characters escaped, at most 80 characters.
std::string printable(std::string_view text);

}  // namespace tagalign::model
