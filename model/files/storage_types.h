/// The types of tensor storages that PyTorch's files name, and which of them are read. Pure.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace tagalign::model {

struct StorageType {
  std::string_view name;    ///< "FloatStorage"
  std::uint64_t bytes = 0;  ///< of an element
  /// Unset: its tensors are not read (complex, quantized, and fp8 and unsigned integers, which
  /// lie in untyped storages).
  std::optional<at::ScalarType> type;
};

/// nullptr for a name that is none.
const StorageType* find_storage_type(std::string_view name);

/// "FloatStorage" of "torch.FloatStorage", "torch.cuda.FloatStorage", "torch.storage.…"; empty for
/// any other name than that of a storage.
std::string_view storage_of_name(std::string_view global);

}  // namespace tagalign::model
