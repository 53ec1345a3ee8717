#include "model/files/storage_types.h"

#include <algorithm>
#include <array>

namespace tagalign::model {
namespace {

constexpr std::array<StorageType, 18> kTypes = {{{"FloatStorage", 4, at::kFloat},
                                                 {"HalfStorage", 2, at::kHalf},
                                                 {"BFloat16Storage", 2, at::kBFloat16},
                                                 {"DoubleStorage", 8, at::kDouble},
                                                 {"LongStorage", 8, at::kLong},
                                                 {"IntStorage", 4, at::kInt},
                                                 {"ShortStorage", 2, at::kShort},
                                                 {"CharStorage", 1, at::kChar},
                                                 {"ByteStorage", 1, at::kByte},
                                                 {"BoolStorage", 1, at::kBool},
                                                 {"ComplexFloatStorage", 8, std::nullopt},
                                                 {"ComplexDoubleStorage", 16, std::nullopt},
                                                 {"QInt8Storage", 1, std::nullopt},
                                                 {"QUInt8Storage", 1, std::nullopt},
                                                 {"QInt32Storage", 4, std::nullopt},
                                                 {"QUInt4x2Storage", 1, std::nullopt},
                                                 {"QUInt2x4Storage", 1, std::nullopt},
                                                 {"UntypedStorage", 1, std::nullopt}}};

}  // namespace

const StorageType* find_storage_type(std::string_view name) {
  const auto* const found = std::ranges::find(kTypes, name, &StorageType::name);
  return found == kTypes.end() ? nullptr : found;
}

std::string_view storage_of_name(std::string_view global) {
  for (const std::string_view module : {"torch.cuda.", "torch.storage.", "torch."}) {
    if (!global.starts_with(module)) continue;
    const StorageType* const found = find_storage_type(global.substr(module.size()));
    if (found != nullptr) return found->name;
  }
  return {};
}

}  // namespace tagalign::model
