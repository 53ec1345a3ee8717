/// What reading and decoding a sample of the images shows. Internal to data/report/.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "data/report/report.h"
#include "data/shares/work_share.h"
#include "data/sources/image_reader.h"
#include "data/sources/shard_set.h"

namespace tagalign::data {

/// `images` of `of`, evenly spread.
struct Sample {
  std::size_t images = 0;
  std::size_t of = 0;

  std::size_t image(std::size_t i) const { return i * of / images; }
};

/// Adds up: the sum over shares is that of the whole.
struct Examined {
  WorkShare share;     ///< of one process; of a sum that of the first
  std::string shards;  ///< digest_of(): only equal ones are added
  std::uint64_t images = 0;
  std::map<std::string, std::uint64_t> formats;
  std::map<std::string, BrokenKind> broken;
  Histogram short_sides = empty_histogram("pixels", {0, 64, 128, 256, 512, 1024});
  std::vector<std::uint64_t> digests;  ///< of the files

  void add(const Examined& other);
  /// `message` names the image.
  void add_broken(const Status& status);
};

/// Between processes of one program: no format that anything keeps.
std::string to_text(const Examined& examined);
/// kDataLoss for what to_text() did not write.
Result<Examined> examined_from(std::string_view text);

/// Names and numbers of images of all shards, and the sample, as a digest.
std::string digest_of(const ShardSet& shards, const Sample& sample);

/// Of image `number`.
ImageAddress address_of(const ShardSet& shards, std::size_t number, const ShardMember& member);
/// Reads and decodes one image.
Examined examine_image(const ShardSet& shards, const ImageReader& reader, std::size_t number);

}  // namespace tagalign::data
