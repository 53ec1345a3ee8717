/// Group augmentation, draws: the distributions of crop, RandAugment and erasing against timm's.
#include <array>
#include <cmath>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "base/format.h"
#include "configs/schema/jobs/job_configs.h"
#include "data/training/augment_draws.h"
#include "tests/golden/check/augmentation.h"
#include "tests/golden/check/statistics.h"

namespace tagalign::golden {
namespace {

/// Our samples are larger than the stored ones, so that mostly the latter's noise remains.
constexpr std::uint64_t kOversampling = 4;
constexpr std::uint64_t kSeed = 20;

using Samples = std::map<std::string, std::vector<double>>;

RandomStream draw_stream(std::uint64_t number) {
  return RandomStream({kSeed, 1, number}, StreamPurpose::kTest);
}

/// The number in "…_distribution_20000_draws".
std::uint64_t draws_in_name(const std::string& name) {
  static const std::regex kDraws("_([0-9]+)_draws");
  std::smatch match;
  TA_CHECK(std::regex_search(name, match, kDraws), "a part of N draws");
  return std::stoull(match[1]);
}

QuantileSummary summary_of(const Json& stored) {
  QuantileSummary summary{.size = stored.at("n").get<double>(), .quantiles = {}};
  for (const auto& [level, value] : stored.at("quantiles").items())
    summary.quantiles[std::stod(level)] = value.get<double>();
  return summary;
}

void add_line(const std::string& quantity, std::size_t draws, const TestResult& result,
              Report& report) {
  report.chance(quantity, draws, result.statistic, result.probability, kProbabilityMin);
}

void compare_quantiles(const std::string& quantity, const std::vector<double>& samples,
                       const Json& stored, Report& report) {
  add_line(quantity + " (Kolmogorov-Smirnov)", samples.size(),
           kolmogorov(samples, summary_of(stored)), report);
}

/// Every part of `stored` that summarises samples, against ours of the same name.
void compare_all_quantiles(const std::string& prefix, const Samples& samples, const Json& stored,
                           Report& report) {
  for (const auto& [name, summary] : stored.items()) {
    if (!summary.is_object() || !summary.contains("quantiles")) continue;
    const auto ours = samples.find(name);
    if (ours == samples.end())
      report.failed(prefix + name, "the product draws nothing of this name");
    else
      compare_quantiles(prefix + name, ours->second, summary, report);
  }
}

void compare_share(const std::string& quantity, Share ours, double stored_share, double stored_all,
                   Report& report) {
  add_line(quantity + " (chi-square)", static_cast<std::size_t>(ours.all),
           chi_square_of_shares(ours, {stored_share * stored_all, stored_all}), report);
}

/// Our counts by name against stored shares of `stored_all` by name.
void compare_shares(const std::string& quantity, const std::map<std::string, double>& ours,
                    const Json& stored, double stored_all, Report& report) {
  std::map<std::string, std::array<double, 2>> both;
  double draws = 0;
  for (const auto& [name, count] : ours) both[name][0] = count, draws += count;
  for (const auto& [name, share] : stored.items()) both[name][1] = share.get<double>() * stored_all;
  std::vector<double> counts, stored_counts;
  for (const auto& [name, pair] : both) {
    counts.push_back(pair[0]);
    stored_counts.push_back(pair[1]);
  }
  add_line(quantity + " (chi-square)", static_cast<std::size_t>(draws),
           chi_square(counts, stored_counts), report);
}

// ------------------------------------------------------------------------------------------ crop

/// What draw_crop() falls back to: no area above the whole can be met.
data::CropBox fallback_crop(data::Size image) {
  RandomStream stream = draw_stream(0);
  return data::draw_crop(image, {.scale_min = 4, .scale_max = 4}, stream);
}

void add_crop(Samples& samples, data::Size image, const data::CropBox& box) {
  const double aspect = static_cast<double>(box.width) / box.height;
  samples["area_ratio"].push_back(static_cast<double>(box.width) * box.height /
                                  (static_cast<double>(image.width) * image.height));
  samples["aspect_w_over_h"].push_back(aspect);
  samples["log_aspect"].push_back(std::log(aspect));
  if (box.height < image.height)
    samples["relative_top"].push_back(static_cast<double>(box.top) / (image.height - box.height));
  if (box.width < image.width)
    samples["relative_left"].push_back(static_cast<double>(box.left) / (image.width - box.width));
}

/// `name` is "image_256x192", width first.
void compare_crop_draws(const std::string& name, const Json& stored, std::uint64_t stored_draws,
                        Report& report) {
  static const std::regex kSize("([0-9]+)x([0-9]+)");
  std::smatch match;
  if (!std::regex_search(name, match, kSize))
    return report.failed(name, "expected an image size, WxH, in the name");
  const data::Size image{std::stoi(match[1]), std::stoi(match[2])};
  const data::CropBox fallback = fallback_crop(image);
  const std::uint64_t draws = kOversampling * stored_draws;
  Samples samples;
  Share fallbacks{.all = static_cast<double>(draws)};
  for (std::uint64_t i = 0; i < draws; ++i) {
    RandomStream stream = draw_stream(i);
    const data::CropBox box = data::draw_crop(image, {}, stream);
    add_crop(samples, image, box);
    fallbacks.hits += box.top == fallback.top && box.left == fallback.left &&
                              box.height == fallback.height && box.width == fallback.width
                          ? 1
                          : 0;
  }
  compare_all_quantiles("crop " + name + " ", samples, stored, report);
  if (const auto share = stored.find("fraction_equal_to_fallback_crop"); share != stored.end())
    compare_share("crop " + name + " fallback", fallbacks, *share,
                  static_cast<double>(stored_draws), report);
}

// ----------------------------------------------------------------------------------- RandAugment

struct RandAugmentDraws {
  std::map<std::string, std::vector<double>> arguments;  ///< by operation
  std::map<std::string, double> images_by_count;         ///< "0", "1", …
  Share same_twice;
};

RandAugmentDraws draw_rand_augment(const data::RandAugmentPolicy& policy, std::uint64_t draws) {
  RandAugmentDraws result;
  result.same_twice.all = static_cast<double>(draws);
  for (std::uint64_t i = 0; i < draws; ++i) {
    RandomStream stream = draw_stream(i);
    const auto ops = data::draw_ops(policy, stream);
    std::map<std::string, int> uses;
    for (const data::AppliedOp& op : ops) {
      const std::string name(data::augment_op_name(op.op));
      result.arguments[name].push_back(op.argument);
      ++uses[name];
    }
    ++result.images_by_count[std::to_string(ops.size())];
    result.same_twice.hits += uses.size() < ops.size() ? 1 : 0;
  }
  return result;
}

std::map<std::string, double> histogram(const std::vector<double>& values) {
  std::map<std::string, double> counts;
  for (const double value : values)
    ++counts[format("{:.1f}", value)];  // keys as Python's str(float)
  return counts;
}

data::RandAugmentPolicy stored_policy(const Json& facts) {
  const Json& stored = facts.at("randaugment");
  return {.magnitude = stored.at("magnitude"),
          .magnitude_std = stored.at("magnitude_std"),
          .layers = stored.at("n_ops")};
}

void compare_rand_augment_draws(const Json& facts, const Json& stored, std::uint64_t stored_draws,
                                Report& report) {
  const auto all = static_cast<double>(stored_draws);
  const RandAugmentDraws draws =
      draw_rand_augment(stored_policy(facts), kOversampling * stored_draws);
  std::map<std::string, double> applications;
  for (const auto& [name, arguments] : draws.arguments)
    applications[name] = static_cast<double>(arguments.size());
  compare_shares("RandAugment applied_count_per_image", draws.images_by_count,
                 stored.at("applied_count_per_image"), all, report);
  compare_shares("RandAugment applications_per_image", applications,
                 stored.at("applications_per_image"), all, report);
  compare_share("RandAugment same_op_twice", draws.same_twice, stored.at("same_op_twice"), all,
                report);
  compare_all_quantiles("RandAugment argument ", draws.arguments, stored.at("argument"), report);
  const auto histograms = stored.find("argument_histogram_of_integer_ops");
  if (histograms == stored.end()) return;
  for (const auto& [name, shares] : histograms->items()) {
    compare_shares("RandAugment argument_histogram " + name, histogram(draws.arguments.at(name)),
                   shares, stored.at("argument").at(name).at("n"), report);
  }
}

/// The notation that the product trains with by default means what the reference built.
void compare_policy(const Json& stored, Report& report) {
  const std::string text = config::AugmentConfig{}.rand_augment;
  const auto policy = data::parse_rand_augment(text);
  if (!policy.ok()) return report.failed("randaugment", policy.status().message());
  report.number("randaugment magnitude", policy->magnitude, stored.at("magnitude"), {});
  report.number("randaugment magnitude_std", policy->magnitude_std, stored.at("magnitude_std"), {});
  report.equal("randaugment n_ops", std::int64_t{policy->layers},
               stored.at("n_ops").get<std::int64_t>());
  std::vector<std::string> names;
  for (int i = 0; i < data::kAugmentOps; ++i)
    names.emplace_back(data::augment_op_name(static_cast<data::AugmentOp>(i)));
  report.equal("randaugment ops", Json(names).dump(), stored.at("ops").dump());
  report.not_compared("randaugment with_replacement, prob_of_each, fill, interpolation",
                      "they show in the draws and in the operations' pixels, which are compared");
}

// --------------------------------------------------------------------------------------- erasing

/// A grey image through the product's whole augmentation with erasing alone: what is not
/// grey afterwards is noise.
std::vector<double> erased_values(int size, std::size_t wanted) {
  const data::Image grey{.width = size,
                         .height = size,
                         .channels = 3,
                         .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(size) *
                                                             static_cast<std::size_t>(size) * 3)};
  std::vector<float> plain(grey.pixels.size()), planes(grey.pixels.size());
  data::normalize_into(grey, plain.data());
  const data::AugmentOptions options{.scale_min = 1,
                                     .scale_max = 1,
                                     .ratio_min = 1,
                                     .ratio_max = 1,
                                     .flip = 0,
                                     .rand_augment = "",
                                     .erase = 1};
  std::vector<double> values;
  for (std::uint64_t i = 0; values.size() < wanted; ++i) {
    RandomStream stream = draw_stream(i);
    const data::CropBox box = data::draw_crop({size, size}, options, stream);
    data::augment_box({grey, box}, size, options, stream, planes.data());
    for (std::size_t k = 0; k < planes.size(); ++k) {
      if (planes[k] != plain[k]) values.push_back(planes[k]);
    }
  }
  return values;
}

void compare_erasing(const Json& stored, Report& report) {
  const int size = stored.at("size");
  const auto stored_draws = stored.at("draws").get<std::uint64_t>();
  const double probability = config::AugmentConfig{}.erase;
  const std::uint64_t draws = kOversampling * stored_draws;
  Samples samples;
  Share erased{.all = static_cast<double>(draws)};
  for (std::uint64_t i = 0; i < draws; ++i) {
    RandomStream stream = draw_stream(i);
    const auto box = data::draw_erasing({size, size}, probability, stream);
    if (!box) continue;
    ++erased.hits;
    samples["area_ratio"].push_back(static_cast<double>(box->width) * box->height /
                                    (static_cast<double>(size) * size));
    samples["aspect_h_over_w"].push_back(static_cast<double>(box->height) / box->width);
    samples["relative_top"].push_back(static_cast<double>(box->top) / (size - box->height));
    samples["relative_left"].push_back(static_cast<double>(box->left) / (size - box->width));
  }
  samples["pixel_values"] =
      erased_values(size, stored.at("pixel_values").at("n").get<std::size_t>());
  compare_share("erasing fraction_erased", erased, stored.at("fraction_erased"),
                static_cast<double>(stored_draws), report);
  compare_all_quantiles("erasing ", samples, stored, report);
}

}  // namespace

void compare_draws(const Json& facts, const std::string& name, Report& report) {
  const Json& part = facts.at(name);
  if (name == "hflip_probability") {
    report.number(name, config::AugmentConfig{}.flip, part, {});
  } else if (name == "randaugment") {
    compare_policy(part, report);
  } else if (name == "random_erasing") {
    compare_erasing(part, report);
  } else if (name.starts_with("randaugment_distribution_")) {
    compare_rand_augment_draws(facts, part, draws_in_name(name), report);
  } else if (name.starts_with("random_resized_crop_distribution_")) {
    for (const auto& [image, stored] : part.items())
      compare_crop_draws(image, stored, draws_in_name(name), report);
    report.not_compared("mean, std, min and max of each sample of draws",
                        "its quantiles are compared");
  } else {
    report.not_compared(name, "this program does not know the part");
  }
}

}  // namespace tagalign::golden
