#include "data/report/examination.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/utf8.h"
#include "data/image/image.h"

namespace tagalign::data {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kDigestDigits = 16;
constexpr std::size_t kMessageBytesMax = 1000;

std::string format_of(std::string_view bytes) {
  if (bytes.starts_with("\xff\xd8\xff")) return "jpeg";
  if (bytes.starts_with("\x89PNG")) return "png";
  if (bytes.starts_with("GIF8")) return "gif";
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP")) return "webp";
  return bytes.empty() ? "empty" : "other";
}

/// Hexadecimal digits without anything between: a list of JSON would take twice the bytes.
std::string digits_of(const std::vector<std::uint64_t>& digests) {
  std::string digits;
  digits.reserve(digests.size() * kDigestDigits);
  for (const std::uint64_t digest : digests) digits += format("{:016x}", digest);
  return digits;
}

bool read_digits(std::string_view digits, std::vector<std::uint64_t>& digests) {
  if (digits.size() % kDigestDigits != 0) return false;
  for (; !digits.empty(); digits.remove_prefix(kDigestDigits)) {
    const char* end = digits.data() + kDigestDigits;
    const auto read = std::from_chars(digits.data(), end, digests.emplace_back(), 16);
    if (read.ec != std::errc() || read.ptr != end) return false;
  }
  return true;
}

/// Throws what the library throws; false for a value that cannot be.
bool read_fields(const Json& json, Examined& examined) {
  json.at("rank").get_to(examined.share.rank);
  json.at("world").get_to(examined.share.world);
  json.at("shards").get_to(examined.shards);
  json.at("images").get_to(examined.images);
  json.at("formats").get_to(examined.formats);
  json.at("short_sides").get_to(examined.short_sides.counts);
  for (const auto& [kind, found] : json.at("broken").items())
    examined.broken[kind] = {found.at("count").get<std::uint64_t>(),
                             found.at("first").get<std::string>()};
  return examined.share.rank < examined.share.world &&
         examined.short_sides.counts.size() == examined.short_sides.bounds.size() &&
         read_digits(json.at("digests").get_ref<const std::string&>(), examined.digests);
}

}  // namespace

void Examined::add(const Examined& other) {
  images += other.images;
  for (const auto& [name, count] : other.formats) formats[name] += count;
  for (const auto& [kind, found] : other.broken) {
    BrokenKind& sum = broken[kind];
    if (sum.count == 0 || found.first < sum.first) sum.first = found.first;
    sum.count += found.count;
  }
  short_sides.add(other.short_sides);
  digests.insert(digests.end(), other.digests.begin(), other.digests.end());
}

void Examined::add_broken(const Status& status) {
  broken[std::string(error_code_name(status.code()))] = {
      1, printable(status.message(), kMessageBytesMax)};
}

std::string to_text(const Examined& examined) {
  Json broken = Json::object();
  for (const auto& [kind, found] : examined.broken)
    broken[kind] = {{"count", found.count}, {"first", found.first}};
  return json_text(Json{{"rank", examined.share.rank},
                        {"world", examined.share.world},
                        {"shards", examined.shards},
                        {"images", examined.images},
                        {"formats", examined.formats},
                        {"broken", broken},
                        {"short_sides", examined.short_sides.counts},
                        {"digests", digits_of(examined.digests)}});
}

Result<Examined> examined_from(std::string_view text) {
  Examined examined;
  try {
    if (read_fields(Json::parse(text), examined)) return examined;
  } catch (const Json::exception&) {
    // said below
  }
  return data_loss(
      format("finish report: expected the findings of a share, found \"{}\"", printable(text, 80)));
}

std::string digest_of(const ShardSet& shards, const Sample& sample) {
  Hasher128 hasher;
  hasher.update(format("{}\n", sample.images));
  for (const Shard& shard : shards.shards())
    hasher.update(format("{}\n{}\n", shard.path.string(), shard.index.size()));
  return hasher.digest().hex();
}

ImageAddress address_of(const ShardSet& shards, std::size_t number, const ShardMember& member) {
  return {static_cast<std::uint32_t>(shards.shard_of(number)), member.place, member.name};
}

Examined examine_image(const ShardSet& shards, const ImageReader& reader, std::size_t number) {
  const ShardMember member = shards.image(number);
  const ImageAddress address = address_of(shards, number, member);
  const auto bytes = reader.read(address);
  const auto image = bytes.ok() ? decode_image(*bytes, ReadAs::kTraining, reader.describe(address))
                                : Result<Image>(bytes.status());
  Examined found;
  found.images = 1;
  if (bytes.ok()) {
    found.formats[format_of(*bytes)] = 1;
    found.digests.push_back(digest64(as_bytes(*bytes)));
  }
  if (image.ok())
    found.short_sides.add(static_cast<std::uint64_t>(std::min(image->width, image->height)));
  else
    found.add_broken(image.status());
  return found;
}

}  // namespace tagalign::data
