// Draws what the suites read: photographs of a size and quality that no file of somebody else is needed for.
//     bench_photographs FOLDER COUNT WIDTHxHEIGHT QUALITY TAGS CLASSES
// Below FOLDER: images/000000.jpg …, captions.csv, tags.json, tag_names.txt for trainings;
// labels/000000.png … and classes.txt for evaluations. The same bytes from the same words. Noise of
// all sizes, the smaller the weaker, as it is in photographs; at 640x427 and quality 95 a file has
// about as many bytes as one of those, some 90 kB.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/format.h"
#include "base/json_text.h"
#include "data/image/image.h"
#include "data/scenes/scene_texture.h"

namespace tagalign::data {
namespace {

constexpr int kTagsOfAnImage = 4;
constexpr double kLargest = 128, kSmallest = 2;  ///< pixels of a noise's period
constexpr double kAmplitude = 150;               ///< of the largest, in 255

struct Order {
  Path folder;
  int count = 0, width = 0, height = 0, quality = 0, tags = 0, classes = 0;
};

/// Each noise has 0.71 of the amplitude of that of twice its period.
double brightness(std::uint32_t salt, int x, int y) {
  double sum = 0, amplitude = kAmplitude;
  for (double period = kLargest; period >= kSmallest; period /= 2, amplitude *= 0.71) {
    sum += amplitude *
           (smooth_noise(salt + static_cast<std::uint32_t>(period), x / period, y / period) - 0.5);
  }
  return sum;
}

Image photograph(const Order& order, std::uint32_t salt) {
  Image image{.width = order.width, .height = order.height};
  image.pixels.reserve(static_cast<std::size_t>(order.width * order.height * 3));
  for (int y = 0; y < order.height; ++y) {
    for (int x = 0; x < order.width; ++x) {
      const double light = brightness(salt, x, y);
      for (std::uint32_t channel = 0; channel < 3; ++channel) {
        const double tint = 60 * (smooth_noise(salt + 1000 + channel, x / 90.0, y / 90.0) - 0.5);
        image.pixels.push_back(
            static_cast<std::uint8_t>(std::clamp(122 + light + tint, 0.0, 255.0)));
      }
    }
  }
  return image;
}

LabelMap labels(const Order& order, std::uint32_t salt) {
  LabelMap map{.width = order.width, .height = order.height};
  for (int y = 0; y < order.height; ++y) {
    for (int x = 0; x < order.width; ++x) {
      map.ids.push_back(static_cast<std::uint16_t>(smooth_noise(salt + 2000, x / 96.0, y / 96.0) *
                                                   order.classes));
    }
  }
  return map;
}

std::string words(const char* stem, int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) lines += format("{} {}\n", stem, i);
  return lines;
}

Status draw(const Order& order) {
  FileSystem& files = posix_file_system();
  for (const char* part : {"images", "labels"})
    TA_RETURN_IF_ERROR(files.create_directories(order.folder / part));
  std::string captions = "file,caption\n";
  nlohmann::json tags = nlohmann::json::object();
  for (int i = 0; i < order.count; ++i) {
    const std::uint32_t salt = 7919U * static_cast<std::uint32_t>(i + 1);
    const std::string name = format("{:06}", i);
    TA_RETURN_IF_ERROR(files.write_durable(order.folder / "images" / (name + ".jpg"),
                                           encode_jpeg(photograph(order, salt), order.quality)));
    TA_RETURN_IF_ERROR(files.write_durable(order.folder / "labels" / (name + ".png"),
                                           encode_label_png(labels(order, salt))));
    captions += format(
        "{}.jpg,\"a photo of thing {} beside thing {}, seen from some way off in the evening\"\n",
        name, i % order.tags, (i * 7 + 3) % order.tags);
    for (int k = 0; k < kTagsOfAnImage; ++k)
      tags[name + ".jpg"].push_back((i * 31 + k * 17) % order.tags);
  }
  TA_RETURN_IF_ERROR(files.write_durable(order.folder / "captions.csv", captions));
  TA_RETURN_IF_ERROR(files.write_durable(order.folder / "tags.json", json_text(tags)));
  TA_RETURN_IF_ERROR(
      files.write_durable(order.folder / "tag_names.txt", words("thing", order.tags)));
  return files.write_durable(order.folder / "classes.txt", words("class", order.classes));
}

}  // namespace
}  // namespace tagalign::data

int main(int count, char** words) {
  tagalign::data::Order order;
  if (count != 7 || std::sscanf(words[3], "%dx%d", &order.width, &order.height) != 2) {
    std::fputs("usage: bench_photographs FOLDER COUNT WIDTHxHEIGHT QUALITY TAGS CLASSES\n", stderr);
    return 2;
  }
  order.folder = words[1];
  order.count = std::stoi(words[2]);
  order.quality = std::stoi(words[4]);
  order.tags = std::stoi(words[5]);
  order.classes = std::stoi(words[6]);
  const tagalign::Status drawn = tagalign::data::draw(order);
  if (!drawn.ok()) std::fprintf(stderr, "%s\n", drawn.to_string().c_str());
  return drawn.ok() ? 0 : 1;
}
