#include "checkpoint/write/report.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/format.h"
#include "base/json_text.h"
#include "checkpoint/format/manifest_text.h"

namespace tagalign::checkpoint {
namespace {

using Json = nlohmann::json;

template <class T>
T required(Result<T> result) {
  if (!result.ok()) throw std::invalid_argument(result.status().message());
  return std::move(result).value();
}

/// Of `parse`, with what the library throws as a Status.
template <class Parse>
auto guarded(const Parse& parse) -> Result<decltype(parse())> {
  try {
    return parse();
  } catch (const std::exception& error) {
    return internal_error(format(
        "a rank's report cannot be read ({}); do all ranks run the same program?", error.what()));
  }
}

Json encode_status(const Status& status) {
  return {{"code", static_cast<int>(status.code())},
          {"message", status.message()},
          {"of_the_place", status.is_of_the_place()}};
}

Status decode_status(const Json& json) {
  const int code = json.at("code").get<int>();
  if (code == 0) return ok_status();
  return Status(static_cast<ErrorCode>(code), json.at("message"))
      .set_of_the_place(json.at("of_the_place"));
}

Json encode_part(const SavedPart& part) {
  return {{"name", part.name},   {"dtype", dtype_name(part.dtype)},
          {"shape", part.shape}, {"begin", part.begin},
          {"end", part.end},     {"blocks", encode_blocks(part.blocks)}};
}

SavedPart decode_part(const Json& json) {
  return {
      json.at("name"),  required(dtype_from_name(json.at("dtype").get<std::string>())),
      json.at("shape"), json.at("begin"),
      json.at("end"),   required(decode_blocks(json.at("blocks").get_ref<const std::string&>()))};
}

}  // namespace

std::string encode_report(const Fare& fare, const ShardReport& shard) {
  Json first = encode_status(fare.status);
  first["plan"] = fare.plan;
  Json second = {{"bytes", shard.bytes}, {"digest", shard.digest.hex()}, {"parts", Json::array()}};
  for (const SavedPart& part : shard.parts) second["parts"].push_back(encode_part(part));
  return json_text(first) + "\n" + json_text(second);
}

Result<Fare> decode_fare(std::string_view report) {
  return guarded([&] {
    const Json json = Json::parse(report.substr(0, report.find('\n')));
    return Fare{.status = decode_status(json), .plan = json.at("plan")};
  });
}

Result<ShardReport> decode_shard_report(std::string_view report) {
  return guarded([&] {
    const Json json = Json::parse(report.substr(report.find('\n') + 1));
    ShardReport shard;
    shard.bytes = json.at("bytes");
    shard.digest = required(Digest128::from_hex(json.at("digest").get<std::string>()));
    for (const Json& part : json.at("parts")) shard.parts.push_back(decode_part(part));
    return shard;
  });
}

std::string encode_outcome(const Outcome& outcome) {
  Json json = encode_status(outcome.status);
  json["digest"] = outcome.digest;
  json["scheduled"] = outcome.scheduled;
  json["world_size"] = outcome.world_size;
  json["code_version"] = outcome.code;
  return json_text(json);
}

Result<Outcome> decode_outcome(std::string_view text) {
  return guarded([&] {
    const Json json = Json::parse(text);
    return Outcome{.status = decode_status(json),
                   .digest = json.at("digest"),
                   .scheduled = json.at("scheduled"),
                   .world_size = json.at("world_size"),
                   .code = json.at("code_version")};
  });
}

}  // namespace tagalign::checkpoint
