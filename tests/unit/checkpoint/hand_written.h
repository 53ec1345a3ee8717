/// Checkpoints of version 2 that no Saver has written: put together from the format's own functions,
/// with any number of shards.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "base/checksum.h"
#include "checkpoint/format/layout.h"
#include "checkpoint/format/manifest.h"
#include "checkpoint/format/safetensors_header.h"
#include "checkpoint/format/shard_plan.h"
#include "checkpoint/load.h"

namespace tagalign::checkpoint {

/// Writes one rank's shard into `step_folder` and notes it in `content`.
inline void write_shard(const Path& step_folder, const std::vector<TensorView>& laid,
                        const Seat& seat, ManifestContent& content) {
  Header header;
  std::string data;
  std::vector<Digest128> blocks;
  for (const Slice& slice : plan_shard(laid, seat)) {
    const TensorView& tensor = laid[slice.tensor];
    const ByteSpan bytes = slice_bytes(tensor, slice);
    const std::uint64_t elements = *element_count(tensor.shape);
    const bool whole = slice.end - slice.begin == elements;
    header.entries.push_back(
        {slice_name(tensor.name, slice.begin, slice.end, elements), tensor.dtype,
         whole ? tensor.shape : std::vector{static_cast<std::int64_t>(slice.end - slice.begin)},
         data.size(), data.size() + bytes.size()});
    data.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto own = block_digests(bytes);
    blocks.insert(blocks.end(), own.begin(), own.end());
    content.tensors[slice.tensor].slices.push_back(
        {static_cast<std::size_t>(seat.rank), slice.begin, slice.end, own});
  }
  const std::string text = encode_header(header, kDataAlignment).value();
  content.shards.push_back({text.size() + data.size(), shard_digest(text, blocks)});
  const Path path = step_folder / shard_name(static_cast<std::size_t>(seat.rank),
                                             static_cast<std::size_t>(seat.world));
  std::ofstream(path, std::ios::binary) << text << data;
}

/// `ranks`: what each rank holds; tensors that all hold are cut as a save cuts them.
inline Manifest write_by_hand(const Path& folder, std::vector<std::vector<TensorView>> ranks,
                              const RunPosition& position) {
  const Path step_folder = folder / step_name(position.step);
  std::filesystem::create_directories(step_folder);
  ManifestContent content;
  content.position = position;
  content.position.world_size = static_cast<int>(ranks.size());
  for (auto& tensors : ranks) std::sort(tensors.begin(), tensors.end(), laid_before<TensorView>);
  for (const TensorView& tensor : ranks.at(0))
    content.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, {}});
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    write_shard(step_folder, ranks[rank], {static_cast<int>(rank), static_cast<int>(ranks.size())},
                content);
  }
  std::ofstream(step_folder / kManifestName, std::ios::binary) << encode_manifest(content).value();
  return read_manifest(posix_file_system(), step_folder).value();
}

/// All ranks hold the same.
inline Manifest write_by_hand(const Path& folder, int world, const std::vector<TensorView>& tensors,
                              const RunPosition& position) {
  return write_by_hand(
      folder, std::vector<std::vector<TensorView>>(static_cast<std::size_t>(world), tensors),
      position);
}

}  // namespace tagalign::checkpoint
