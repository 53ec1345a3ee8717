#include "tests/golden/check/listing.h"

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <sstream>

#include "base/format.h"

namespace tagalign::golden {
namespace {

constexpr char kList[] = "tensors.tsv";
constexpr char kHeader[] = "file\ttensor\tdtype\tshape";

struct Row {
  std::string file, tensor, dtype, shape;
};

/// As safetensors names it.
std::string stored_type(at::ScalarType type) {
  static const std::map<at::ScalarType, std::string> kNames = {
      {at::kFloat, "F32"}, {at::kHalf, "F16"}, {at::kBFloat16, "BF16"}, {at::kDouble, "F64"},
      {at::kByte, "U8"},   {at::kChar, "I8"},  {at::kShort, "I16"},     {at::kInt, "I32"},
      {at::kLong, "I64"},  {at::kBool, "BOOL"}};
  const auto found = kNames.find(type);
  return found == kNames.end() ? "another type" : found->second;
}

/// "6x3x64x64", "scalar"
std::string stored_shape(at::IntArrayRef shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

/// Empty when `tensor` is as the row says.
std::string difference(const Row& row, const at::Tensor& tensor) {
  const std::string dtype = stored_type(tensor.scalar_type()), shape = stored_shape(tensor.sizes());
  if (dtype == row.dtype && shape == row.shape) return "";
  return format("{} [{}], listed as {} [{}]", dtype, shape, row.dtype, row.shape);
}

}  // namespace

void compare_listing(Folder& folder, const std::string& group, Report& report) {
  if (!folder.has(kList)) return;
  const auto text = folder.bytes(kList);
  if (!text) return;
  std::istringstream lines(*text);
  std::uint64_t listed = 0, differing = 0;
  std::string path;
  const TensorFile* file = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(group + "/") || line == kHeader) continue;
    std::istringstream fields(line);
    Row row;
    std::getline(fields, row.file, '\t');
    std::getline(fields, row.tensor, '\t');
    std::getline(fields, row.dtype, '\t');
    std::getline(fields, row.shape, '\t');
    if (row.file != path) file = folder.tensors(path = row.file);
    if (file == nullptr) continue;  // folder.tensors() said why
    ++listed;
    const at::Tensor* tensor = file->peek(row.tensor);
    const std::string quantity = format("{} {}: {}", kList, row.file, row.tensor);
    if (tensor == nullptr) {
      report.missing(quantity, "listed, and the file has no such tensor");
    } else if (const std::string found = difference(row, *tensor); !found.empty()) {
      report.failed(quantity, found);
      ++differing;
    }
  }
  report.counted(format("{}: types and shapes", kList), listed, differing, 0, {});
}

}  // namespace tagalign::golden
