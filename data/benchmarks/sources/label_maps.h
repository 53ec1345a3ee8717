/// How the ids stored in the archives become the ids that are scored. Pure tables.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "data/image/image.h"

namespace tagalign::data {

/// New id of each stored byte.
using ByteTable = std::array<std::uint8_t, 256>;

/// COCO-Stuff's stuffthingmaps (things 0 … 90, stuff 91 … 181, 11 of them never used,
/// 255 unlabelled) to the 171 ids of `_labelTrainIds.png`. An unused id stays as it is,
/// as in mmsegmentation's converter.
ByteTable coco_stuff_ids();
/// The same maps to background and 80 things of `_instanceTrainIds.png`: stuff and unlabelled (255)
/// become 0. An unused id stays as it is, as in GroupViT's converter.
ByteTable coco_object_ids();

/// Cityscapes `_labelIds.png` (0 … 33) to the 19 ids of `_labelTrainIds.png`; all others 255.
ByteTable cityscapes_ids();
/// The largest id of a `_labelIds.png`; above it only 255 (drawn as nothing) is known.
inline constexpr std::uint16_t kCityscapesIdMax = 33;
/// What cityscapesScripts draws for a polygon of this name: a train id, 255, or nothing. "car
/// group" names ("cargroup") are those of their members.
enum class CityscapesLabel { kKnown, kNotDrawn, kUnknown };
struct CityscapesId {
  CityscapesLabel label = CityscapesLabel::kUnknown;
  std::uint8_t train_id = 255;
};
CityscapesId cityscapes_id_of(std::string_view name);

/// Category of trainval_merged.json (0 … 459) to 0 (background) … 59; nullopt for one that the 59
/// classes do not hold.
std::optional<std::uint8_t> pascal_context_id(std::int64_t category);

/// Replaces each id; nullopt, or the first id above 255, which no table holds.
std::optional<std::uint16_t> apply_table(const ByteTable& table, LabelMap& label);

}  // namespace tagalign::data
