#include "data/pack/pack_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/counted.h"
#include "base/format.h"
#include "base/json_text.h"
#include "base/limits.h"
#include "data/shares/parallel.h"

namespace tagalign::data {
namespace {

using Json = nlohmann::json;
constexpr int kFormat = 1;
constexpr std::uint64_t kTrials = 64;
constexpr std::uint64_t kTarBlock = 512;

/// Bytes of a member in a tar.
std::uint64_t in_tar(std::uint64_t bytes) {
  return kTarBlock + (bytes + kTarBlock - 1) / kTarBlock * kTarBlock;
}

/// Mean bytes of an image with its texts, over some that lie evenly spread.
Result<std::uint64_t> bytes_an_image(const PackOptions& options, const PackSource& source) {
  const std::uint64_t trials = std::min(kTrials, source.size());
  std::vector<std::uint64_t> bytes(trials);
  const std::size_t threads = options.threads == 0 ? usual_threads() : options.threads;
  TA_RETURN_IF_ERROR(in_parallel(trials, threads, [&](std::size_t i) {
    const std::uint64_t number = i * source.size() / trials;
    const SourceImage image = source.image(number);
    const auto read = source.read(number);
    if (!read.ok()) return ok_status();  // it will be dropped
    const auto packed = packed_image(*read, options.size, image.original);
    if (packed.ok()) bytes[i] = in_tar(packed->size()) + in_tar(image.caption.size() + 1);
    if (packed.ok() && !image.url.empty()) bytes[i] += in_tar(image.url.size() + 32);
    return ok_status();
  }));
  const auto used = static_cast<std::uint64_t>(
      std::count_if(bytes.begin(), bytes.end(), [](std::uint64_t each) { return each > 0; }));
  std::uint64_t sum = 0;
  for (const std::uint64_t each : bytes) sum += each;
  return std::max<std::uint64_t>(used == 0 ? 0 : sum / used, kTarBlock);
}

std::string plan_text(const PackPlan& plan) {
  return json_text(Json{{"format", kFormat},
                        {"sources", plan.sources},
                        {"images", plan.images},
                        {"images_a_shard", plan.images_a_shard},
                        {"short_side", plan.size.short_side},
                        {"quality", plan.size.quality},
                        {"shard_bytes", plan.shard_bytes},
                        {"finished", plan.is_finished}},
                   1) +
         "\n";
}

Result<PackPlan> read_plan(FileSystem& files, const Path& path) {
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kShardTextBytesMax));
  const Json json = Json::parse(text, nullptr, false);
  const auto number = [&](const char* name) {
    const auto field = json.find(name);
    return field != json.end() && field->is_number_unsigned() ? field->get<std::uint64_t>() : 0;
  };
  if (!json.is_object() || number("format") != kFormat || number("images_a_shard") == 0)
    return data_loss(
        format("read {}: expected a plan of format {}; remove the folder to begin anew",
               path.string(), kFormat));
  PackPlan plan;
  plan.sources = json.value("sources", "");
  plan.images = number("images");
  plan.images_a_shard = number("images_a_shard");
  plan.size = {static_cast<int>(number("short_side")), static_cast<int>(number("quality"))};
  plan.shard_bytes = number("shard_bytes");
  plan.is_finished = json.value("finished", false);
  return plan;
}

Status check_plan(const PackPlan& plan, const PackOptions& options, const PackSource& source) {
  const auto refuse = [&](const std::string& expected, const std::string& found) {
    return invalid_argument(
        format("pack into {}: it was begun {}, now {}; give another folder, or "
               "remove this one to begin anew",
               options.output.string(), expected, found));
  };
  const auto size = [](const PackedSize& each, std::uint64_t bytes) {
    return format("with short side {}, quality {} and {} MiB a shard", each.short_side,
                  each.quality, bytes >> 20);
  };
  const std::string begun = size(plan.size, plan.shard_bytes);
  const std::string now = size(options.size, options.shard_bytes);
  if (begun != now) return refuse(begun, now);
  if (plan.sources != source.digest() || plan.images != source.size())
    return refuse(format("from {} with captions", counted(plan.images, "image")),
                  format("there are {} or other ones", source.size()));
  return ok_status();
}

}  // namespace

std::uint64_t PackPlan::end(std::uint64_t shard) const {
  return std::min(images, begin(shard + 1));
}

Path plan_file(const Path& output) {
  return output / "pack.json";
}

Status write_plan(FileSystem& files, const Path& output, const PackPlan& plan) {
  return files.write_durable(plan_file(output), plan_text(plan));
}

Result<PackPlan> make_plan(FileSystem& files, const PackOptions& options,
                           const PackSource& source) {
  if (files.exists(plan_file(options.output))) {
    TA_ASSIGN_OR_RETURN(const PackPlan plan, read_plan(files, plan_file(options.output)));
    TA_RETURN_IF_ERROR(check_plan(plan, options, source));
    return plan;
  }
  TA_ASSIGN_OR_RETURN(const std::uint64_t bytes, bytes_an_image(options, source));
  const PackPlan plan{.sources = source.digest(),
                      .images = source.size(),
                      .images_a_shard = std::max<std::uint64_t>(options.shard_bytes / bytes, 1),
                      .size = options.size,
                      .shard_bytes = options.shard_bytes,
                      .is_finished = false};
  TA_RETURN_IF_ERROR(files.create_directories(options.output));
  TA_RETURN_IF_ERROR(write_plan(files, options.output, plan));
  return plan;
}

}  // namespace tagalign::data
