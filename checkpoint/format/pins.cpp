#include "checkpoint/format/pins.h"

#include <algorithm>

#include "base/format.h"
#include "checkpoint/format/layout.h"

namespace tagalign::checkpoint {
namespace {

constexpr const char* kPinsName = "pins";
constexpr std::size_t kOwnerCharsMax = 64;

bool is_owner_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace

bool is_pin_owner(std::string_view owner) {
  return !owner.empty() && owner.size() <= kOwnerCharsMax &&
         std::ranges::all_of(owner, is_owner_char);
}

Path pin_path(const Path& folder, std::uint64_t step, std::string_view owner) {
  return folder / kPinsName / format("{}.{}", step_name(step), owner);
}

Result<Pins> read_pins(FileSystem& files, const Path& folder) {
  Pins pins;
  const Result<std::vector<std::string>> names = files.list_directory(folder / kPinsName);
  if (names.status().code() == ErrorCode::kNotFound) return pins;
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) continue;
    const auto step = step_of_name(std::string_view(name).substr(0, dot));
    const std::string owner = name.substr(dot + 1);
    if (step && is_pin_owner(owner)) pins[*step].push_back(owner);
  }
  return pins;
}

}  // namespace tagalign::checkpoint
