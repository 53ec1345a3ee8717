#include "data/scenes/scenes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/random.h"
#include "data/scenes/scene_texture.h"

namespace tagalign::data {
namespace {

constexpr int kSceneSideMin = 16;
constexpr double kVisibleShare = 0.01;

/// An object: its class and the box [-1, 1]² turned by a small angle and put
/// somewhere on the image.
struct Placement {
  SceneClass kind;
  TextureStyle style;
  double center_x, center_y;  // pixels
  double half_width, half_height;
  double cosine, sine;
};

struct Lighting {
  double gain;
  double slope_x, slope_y;  // relative change of the gain across the image
  Color tint;
  double noise;  // half the width of the pixel noise, in grey levels
};

TextureStyle draw_style(RandomStream& stream) {
  TextureStyle style;
  style.salt = stream.next_u32();
  style.pixels_per_unit = stream.uniform(0.8, 1.3);
  style.shift_x = stream.uniform(0, 64);
  style.shift_y = stream.uniform(0, 64);
  return style;
}

/// Width over height of a class's box.
double box_aspect(SceneClass kind) {
  switch (kind) {
    case SceneClass::kFence:
      return 1.5;
    case SceneClass::kCar:
      return 1.35;
    case SceneClass::kTree:
      return 0.8;
    default:
      return 1.0;
  }
}

Placement draw_placement(RandomStream& stream, SceneClass kind, int size) {
  Placement p{};
  p.kind = kind;
  p.style = draw_style(stream);
  p.center_x = size * stream.uniform(0.12, 0.88);
  p.center_y = size * stream.uniform(0.12, 0.88);
  const double half = 0.5 * size * stream.uniform(0.26, 0.56);
  const double aspect = box_aspect(kind) * stream.uniform(0.85, 1.18);
  const double stretch = std::sqrt(aspect);
  p.half_width = half * stretch;
  p.half_height = half / stretch;
  const double t = stream.uniform(-0.13, 0.13);  // tangent of half the angle: about ±15°
  p.cosine = (1 - t * t) / (1 + t * t);
  p.sine = 2 * t / (1 + t * t);
  return p;
}

Lighting draw_lighting(RandomStream& stream, SceneLook look) {
  Lighting light{};
  light.gain = stream.uniform(0.78, 1.15);
  light.slope_x = stream.uniform(-0.22, 0.22);
  light.slope_y = stream.uniform(-0.22, 0.22);
  light.tint = {stream.uniform(0.92, 1.08), stream.uniform(0.94, 1.06), stream.uniform(0.92, 1.08)};
  light.noise = stream.uniform(3, 10);
  if (look == SceneLook::kDusk) {
    light.gain *= 0.62;
    light.tint.red *= 1.18;
    light.tint.blue *= 0.78;
    light.noise *= 2;
  }
  return light;
}

/// `count` distinct object classes in random order.
std::vector<SceneClass> draw_kinds(RandomStream& stream, int count) {
  std::vector<SceneClass> kinds;
  for (int i = kSceneBackgrounds; i < kSceneClasses; ++i)
    kinds.push_back(static_cast<SceneClass>(i));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    std::swap(kinds[i], kinds[i + stream.below(kinds.size() - i)]);
  }
  kinds.resize(static_cast<std::size_t>(count));
  return kinds;
}

/// The colours of a scene before lighting, and the class of every pixel.
struct Canvas {
  explicit Canvas(int side)
      : size(side), colors(static_cast<std::size_t>(side) * static_cast<std::size_t>(side)) {
    label.width = label.height = side;
    label.ids.resize(colors.size());
  }
  std::size_t at(int x, int y) const {
    return static_cast<std::size_t>(y) * static_cast<std::size_t>(size) +
           static_cast<std::size_t>(x);
  }
  int size;
  std::vector<Color> colors;  // [size, size]
  LabelMap label;
};

void paint_background(Canvas& canvas, SceneClass kind, const TextureStyle& style) {
  for (int y = 0; y < canvas.size; ++y) {
    for (int x = 0; x < canvas.size; ++x) {
      const TexturePoint point{x + 0.5, y + 0.5, 0, 0};
      canvas.colors[canvas.at(x, y)] = scene_color(kind, style, point);
      canvas.label.ids[canvas.at(x, y)] = static_cast<std::uint16_t>(kind);
    }
  }
}

void paint_object(Canvas& canvas, const Placement& p) {
  const double reach = p.half_width + p.half_height;
  const int x_begin = std::max(0, static_cast<int>(p.center_x - reach));
  const int x_end = std::min(canvas.size, static_cast<int>(p.center_x + reach) + 1);
  const int y_begin = std::max(0, static_cast<int>(p.center_y - reach));
  const int y_end = std::min(canvas.size, static_cast<int>(p.center_y + reach) + 1);
  for (int y = y_begin; y < y_end; ++y) {
    for (int x = x_begin; x < x_end; ++x) {
      const double dx = x + 0.5 - p.center_x;
      const double dy = y + 0.5 - p.center_y;
      const double along = p.cosine * dx + p.sine * dy;
      const double across = p.cosine * dy - p.sine * dx;
      const TexturePoint point{along, across, along / p.half_width, across / p.half_height};
      if (!scene_contains(p.kind, p.style, point.u, point.v)) continue;
      canvas.colors[canvas.at(x, y)] = scene_color(p.kind, p.style, point);
      canvas.label.ids[canvas.at(x, y)] = static_cast<std::uint16_t>(p.kind);
    }
  }
}

/// Small specks in any colour. They have no class of their own: the label beneath stays.
void paint_clutter(Canvas& canvas, RandomStream& stream) {
  const auto specks = 3 + stream.below(static_cast<std::uint64_t>(canvas.size) / 8);
  for (std::uint64_t i = 0; i < specks; ++i) {
    const double center_x = canvas.size * stream.uniform();
    const double center_y = canvas.size * stream.uniform();
    const double radius = stream.uniform(0.7, 1.8);
    const Color color{stream.uniform(0, 255), stream.uniform(0, 255), stream.uniform(0, 255)};
    for (int y = static_cast<int>(center_y) - 2; y <= static_cast<int>(center_y) + 2; ++y) {
      for (int x = static_cast<int>(center_x) - 2; x <= static_cast<int>(center_x) + 2; ++x) {
        if (x < 0 || y < 0 || x >= canvas.size || y >= canvas.size) continue;
        const double dx = x + 0.5 - center_x;
        const double dy = y + 0.5 - center_y;
        if (dx * dx + dy * dy < radius * radius) canvas.colors[canvas.at(x, y)] = color;
      }
    }
  }
}

std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::clamp(value + 0.5, 0.0, 255.0));
}

Image shine(const Canvas& canvas, const Lighting& light, std::uint32_t noise_salt) {
  Image image{canvas.size, canvas.size, 3, std::vector<std::uint8_t>(canvas.colors.size() * 3)};
  std::uint8_t* out = image.pixels.data();
  for (int y = 0; y < canvas.size; ++y) {
    for (int x = 0; x < canvas.size; ++x, out += 3) {
      const double across = (x + 0.5) / canvas.size - 0.5;
      const double down = (y + 0.5) / canvas.size - 0.5;
      const double gain = light.gain * (1 + light.slope_x * across * 2 + light.slope_y * down * 2);
      const double noise = light.noise * (2 * lattice_noise(noise_salt, x, y) - 1);
      const Color& color = canvas.colors[canvas.at(x, y)];
      out[0] = to_byte(color.red * gain * light.tint.red + noise);
      out[1] = to_byte(color.green * gain * light.tint.green + noise);
      out[2] = to_byte(color.blue * gain * light.tint.blue + noise);
    }
  }
  return image;
}

std::vector<std::int32_t> visible_classes(const LabelMap& label) {
  std::array<std::size_t, kSceneClasses> pixels{};
  for (const std::uint16_t id : label.ids) ++pixels[id];
  std::vector<std::int32_t> visible;
  for (std::int32_t id = 0; id < kSceneClasses; ++id) {
    const auto count = static_cast<double>(pixels[static_cast<std::size_t>(id)]);
    if (count > kVisibleShare * static_cast<double>(label.ids.size())) visible.push_back(id);
  }
  return visible;
}

/// "a ball", "grass", "the sky": a class name as a noun phrase.
std::string noun_phrase(std::int32_t id) {
  const std::string& name = scene_classes()[static_cast<std::size_t>(id)];
  switch (static_cast<SceneClass>(id)) {
    case SceneClass::kSky:
      return "the " + name;
    case SceneClass::kGrass:
    case SceneClass::kSand:
    case SceneClass::kWater:
    case SceneClass::kSnow:
      return name;
    default:
      return "a " + name;
  }
}

std::string join_phrases(const std::vector<std::int32_t>& ids) {
  std::string text;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) text += i + 1 == ids.size() ? " and " : ", ";
    text += noun_phrase(ids[i]);
  }
  return text;
}

void shuffle(std::vector<std::int32_t>& ids, RandomStream& stream) {
  for (std::size_t i = ids.size(); i > 1; --i) std::swap(ids[i - 1], ids[stream.below(i)]);
}

/// Names everything in `visible`, in one of six wordings and in random order.
std::string write_caption(const std::vector<std::int32_t>& visible, RandomStream& stream) {
  std::vector<std::int32_t> all = visible;
  shuffle(all, stream);
  const auto wording = stream.below(6);
  if (wording == 0) return "a photo of " + join_phrases(all) + ".";
  if (wording == 1) return "a picture with " + join_phrases(all);
  if (wording == 2) return join_phrases(all);
  std::vector<std::int32_t> things;
  std::string ground;
  for (const std::int32_t id : all) {
    if (id >= kSceneBackgrounds)
      things.push_back(id);
    else
      ground = noun_phrase(id);
  }
  if (things.empty() || ground.empty()) return "a photo of " + join_phrases(all) + ".";
  if (wording == 3) return "a photo of " + ground + " with " + join_phrases(things) + ".";
  if (wording == 4) return join_phrases(things) + " in front of " + ground;
  return "there is " + join_phrases(things) + " and behind it " + ground + ".";
}

}  // namespace

const std::vector<std::string>& scene_classes() {
  static const std::vector<std::string> kNames{"sky",  "grass",  "sand",  "water", "snow",
                                               "wall", "tree",   "ball",  "box",   "house",
                                               "car",  "flower", "stone", "fence"};
  return kNames;
}

Scene draw_scene(std::uint64_t seed, std::uint64_t index, int size, SceneLook look) {
  TA_CHECK(size >= kSceneSideMin);
  RandomStream stream({seed, 0, index}, StreamPurpose::kScene);
  Canvas canvas(size);
  const auto background = static_cast<SceneClass>(stream.below(kSceneBackgrounds));
  paint_background(canvas, background, draw_style(stream));
  const int objects = 2 + static_cast<int>(stream.below(3));
  for (const SceneClass kind : draw_kinds(stream, objects)) {
    paint_object(canvas, draw_placement(stream, kind, size));
  }
  paint_clutter(canvas, stream);
  const Lighting light = draw_lighting(stream, look);

  Scene scene;
  scene.image = shine(canvas, light, stream.next_u32());
  scene.label = std::move(canvas.label);
  scene.tags = visible_classes(scene.label);
  RandomStream words({seed, 0, index}, StreamPurpose::kCaption);
  scene.caption = write_caption(scene.tags, words);
  return scene;
}

}  // namespace tagalign::data
