/// Whether a training keeps what the frozen text tower makes of captions.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "configs/schema/document/choices.h"
#include "configs/schema/document/rule.h"

namespace tagalign::config {

enum class CaptionKeeping : std::uint8_t { kOff, kFp16, kFp32 };
template <>
struct WordsOf<CaptionKeeping> {
  static constexpr std::array<std::string_view, 3> kWords = {"off", "fp16", "fp32"};
};

/// What the frozen text tower makes of captions, kept for later steps, attempts and runs.
struct CaptionFeaturesConfig {
  CaptionKeeping keep = CaptionKeeping::kOff;
  std::uint64_t bytes_max = 16ull << 30;
  std::string folder;

  bool operator==(const CaptionFeaturesConfig&) const = default;
};

template <class V>
void visit_fields(V& v, CaptionFeaturesConfig& c) {
  v.field(
      "keep", c.keep,
      Rule("off: the captions of a batch are encoded together at every step; fp32, fp16: each "
           "caption is encoded once, in passes of fixed shapes, and read from then on. fp32 "
           "rounds otherwise than off, by the shapes alone; fp16 takes half the room and rounds "
           "features to 11 bits"));
  v.field(
      "bytes_max", c.bytes_max,
      Rule("files of features in the folder may have so many together; what finds no room is "
           "encoded at every step. The 12 million captions of CC12M take 13 GB in fp16 and 26 GB "
           "in fp32 at the 512 numbers of a ViT-B")
          .at_least(0)
          .in("bytes")
          .keeps_numbers());
  v.field("folder", c.folder,
          Rule("where they lie, for runs that share them; empty: cache/ beside the checkpoints")
              .keeps_numbers());
}

}  // namespace tagalign::config
