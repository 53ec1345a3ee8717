#include "data/benchmarks/sources/label_maps.h"

#include <algorithm>
#include <numeric>

namespace tagalign::data {
namespace {

/// Ids that COCO-Stuff reserves but never labels: street sign, hat, shoe, eye glasses, plate,
/// mirror, window, desk, door, blender, hair brush.
constexpr std::array<int, 11> kCocoUnused{11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90};
constexpr int kCocoIds = 182;
constexpr int kCocoThingMax = 90;
constexpr std::uint8_t kUnlabelled = 255;

bool is_unused(int id) {
  return std::find(kCocoUnused.begin(), kCocoUnused.end(), id) != kCocoUnused.end();
}

ByteTable unchanged() {
  ByteTable table;
  std::iota(table.begin(), table.end(), std::uint8_t{0});
  return table;
}

struct CityscapesClass {
  std::string_view name;
  std::uint8_t train_id;
};

/// In the order of their ids, from 0.
constexpr std::array<CityscapesClass, kCityscapesIdMax + 1> kCityscapes{{
    {"unlabeled", 255},  {"ego vehicle", 255}, {"rectification border", 255},
    {"out of roi", 255}, {"static", 255},      {"dynamic", 255},
    {"ground", 255},     {"road", 0},          {"sidewalk", 1},
    {"parking", 255},    {"rail track", 255},  {"building", 2},
    {"wall", 3},         {"fence", 4},         {"guard rail", 255},
    {"bridge", 255},     {"tunnel", 255},      {"pole", 5},
    {"polegroup", 255},  {"traffic light", 6}, {"traffic sign", 7},
    {"vegetation", 8},   {"terrain", 9},       {"sky", 10},
    {"person", 11},      {"rider", 12},        {"car", 13},
    {"truck", 14},       {"bus", 15},          {"caravan", 255},
    {"trailer", 255},    {"train", 16},        {"motorcycle", 17},
    {"bicycle", 18},
}};

/// Categories of Pascal Context's 459 that are scored, ascending: background, aeroplane, bag, …
constexpr std::array<std::int64_t, 60> kContext{
    0,   2,   9,   18,  19,  22,  23,  25,  31,  33,  34,  44,  45,  46,  59,
    65,  68,  72,  80,  85,  98,  104, 105, 113, 115, 144, 158, 159, 162, 187,
    189, 207, 220, 232, 258, 259, 260, 284, 295, 296, 308, 324, 326, 347, 349,
    354, 355, 360, 366, 368, 397, 415, 416, 420, 424, 427, 440, 445, 454, 458};

const CityscapesClass* find_cityscapes(std::string_view name) {
  const auto* found =
      std::find_if(kCityscapes.begin(), kCityscapes.end(),
                   [&](const CityscapesClass& candidate) { return candidate.name == name; });
  return found == kCityscapes.end() ? nullptr : found;
}

}  // namespace

ByteTable coco_stuff_ids() {
  ByteTable table = unchanged();
  std::uint8_t next = 0;
  for (int id = 0; id < kCocoIds; ++id) {
    if (!is_unused(id)) table[static_cast<std::size_t>(id)] = next++;
  }
  return table;
}

ByteTable coco_object_ids() {
  ByteTable table = coco_stuff_ids();
  for (int id = 0; id < kCocoIds; ++id) {
    if (is_unused(id)) continue;
    std::uint8_t& target = table[static_cast<std::size_t>(id)];
    target = id > kCocoThingMax ? std::uint8_t{0} : static_cast<std::uint8_t>(target + 1);
  }
  table[kUnlabelled] = 0;
  return table;
}

ByteTable cityscapes_ids() {
  ByteTable table;
  table.fill(kUnlabelled);
  for (std::size_t id = 0; id < kCityscapes.size(); ++id) table[id] = kCityscapes[id].train_id;
  return table;
}

CityscapesId cityscapes_id_of(std::string_view name) {
  const CityscapesClass* found = find_cityscapes(name);
  constexpr std::string_view kGroup = "group";
  if (found == nullptr && name.ends_with(kGroup))
    name.remove_suffix(kGroup.size()), found = find_cityscapes(name);
  if (found != nullptr) return {CityscapesLabel::kKnown, found->train_id};
  if (name == "license plate") return {CityscapesLabel::kNotDrawn, kUnlabelled};
  return {};
}

std::optional<std::uint8_t> pascal_context_id(std::int64_t category) {
  const auto* found = std::lower_bound(kContext.begin(), kContext.end(), category);
  if (found == kContext.end() || *found != category) return std::nullopt;
  return static_cast<std::uint8_t>(found - kContext.begin());
}

std::optional<std::uint16_t> apply_table(const ByteTable& table, LabelMap& label) {
  for (std::uint16_t& id : label.ids) {
    if (id >= table.size()) return id;
    id = table[id];
  }
  return std::nullopt;
}

}  // namespace tagalign::data
