#include "data/scenes/scene_texture.h"

#include <array>
#include <cmath>

namespace tagalign::data {
namespace {

double fraction(double value) {
  return value - std::floor(value);
}

/// 0 at whole numbers, 1 half-way between.
double triangle_wave(double value) {
  const double part = fraction(value);
  return part < 0.5 ? 2 * part : 2 - 2 * part;
}

Color mix(const Color& from, const Color& to, double weight) {
  return {from.red + (to.red - from.red) * weight, from.green + (to.green - from.green) * weight,
          from.blue + (to.blue - from.blue) * weight};
}

double lattice_noise_at(std::uint32_t salt, double x, double y) {
  return lattice_noise(salt, static_cast<std::int64_t>(std::floor(x)),
                       static_cast<std::int64_t>(std::floor(y)));
}

/// A pattern's own coordinates: x and y in zoomed pixels.
struct Pattern {
  std::uint32_t salt;
  double x;
  double y;
  double u;
  double v;
};

Color sky(const Pattern& p) {
  const double cloud = smooth_noise(p.salt, p.x / 13, p.y / 8);
  const double veil = smooth_noise(p.salt + 1, p.x / 5, p.y / 4);
  return mix({96, 164, 242}, {232, 240, 250}, 0.65 * cloud * cloud + 0.15 * veil);
}

Color grass(const Pattern& p) {
  const double blade = smooth_noise(p.salt, p.x / 1.4, p.y / 6);
  return mix({62, 138, 26}, {146, 208, 64}, blade);
}

Color sand(const Pattern& p) {
  const double ripple = triangle_wave(p.y / 10 + 0.7 * smooth_noise(p.salt, p.x / 12, p.y / 12));
  const double grain = lattice_noise_at(p.salt + 1, p.x / 1.5, p.y / 1.5);
  return mix({190, 152, 92}, {240, 212, 150}, 0.6 * ripple + 0.4 * grain);
}

Color water(const Pattern& p) {
  const double wave = triangle_wave(p.y / 6 + 0.9 * smooth_noise(p.salt, p.x / 10, p.y / 10));
  return mix({12, 44, 120}, {64, 132, 186}, wave * wave);
}

Color snow(const Pattern& p) {
  const double drift = smooth_noise(p.salt, p.x / 11, p.y / 7);
  const bool flake = lattice_noise_at(p.salt + 1, p.x / 2, p.y / 2) > 0.88;
  return mix({250, 251, 254}, {206, 214, 232}, flake ? 1.0 : 0.35 * drift);
}

Color wall(const Pattern& p) {
  const double row = std::floor(p.y / 5);
  const double along = p.x / 11 + 0.5 * (row - 2 * std::floor(row / 2));
  if (fraction(p.y / 5) < 0.22 || fraction(along) < 0.11) return {206, 194, 182};
  return mix({140, 58, 40}, {188, 92, 66}, lattice_noise_at(p.salt, along, row));
}

Color tree(const Pattern& p) {
  if (p.v > 0.42) return mix({84, 58, 34}, {112, 80, 50}, smooth_noise(p.salt, p.x / 1.5, p.y / 5));
  const double leaf = smooth_noise(p.salt, p.x / 3, p.y / 3);
  return leaf > 0.5 ? Color{30, 96, 48} : Color{8, 48, 24};
}

Color ball(const Pattern& p) {
  const double dx = fraction(p.x / 7) - 0.5;
  const double dy = fraction(p.y / 7) - 0.5;
  return dx * dx + dy * dy < 0.07 ? Color{250, 240, 236} : Color{220, 24, 36};
}

Color box(const Pattern& p) {
  if (fraction(p.y / 7) < 0.18) return {70, 42, 16};
  return mix({142, 90, 36}, {186, 128, 62}, smooth_noise(p.salt, p.x / 7, p.y / 1.2));
}

Color house(const Pattern& p) {
  if (p.v < -0.2) return fraction(p.y / 4) < 0.4 ? Color{196, 148, 8} : Color{250, 214, 40};
  const bool window = fraction(p.x / 9) < 0.45 && fraction(p.y / 9) < 0.5;
  return window ? Color{72, 56, 40} : Color{252, 220, 52};
}

Color car(const Pattern& p) {
  const double left = p.u + 0.55;
  const double right = p.u - 0.55;
  const double down = p.v - 0.6;
  if (left * left + down * down < 0.07 || right * right + down * down < 0.07) return {34, 34, 40};
  const double gloss = triangle_wave(p.y / 9 + 0.2 * smooth_noise(p.salt, p.x / 14, 0));
  return mix({0, 126, 128}, {90, 226, 220}, gloss);
}

Color flower(const Pattern& p) {
  const bool check = (fraction(p.x / 6) < 0.5) != (fraction(p.y / 6) < 0.5);
  if (p.u * p.u + p.v * p.v < 0.06) return {250, 210, 60};
  return check ? Color{250, 128, 196} : Color{214, 52, 146};
}

Color stone(const Pattern& p) {
  const double speck = lattice_noise_at(p.salt, p.x / 1.7, p.y / 1.7);
  const double body = smooth_noise(p.salt + 1, p.x / 6, p.y / 6);
  return mix({70, 70, 76}, {170, 170, 172}, 0.6 * speck + 0.4 * body);
}

Color fence(const Pattern& p) {
  const bool picket = fraction(p.x / 6) < 0.55;
  return picket ? Color{186, 150, 230} : Color{74, 36, 124};
}

bool in_flower(double u, double v) {
  constexpr std::array<std::array<double, 2>, 5> kPetals{
      {{0, -0.52}, {0.5, -0.16}, {0.31, 0.42}, {-0.31, 0.42}, {-0.5, -0.16}}};
  for (const auto& [x, y] : kPetals) {
    if ((u - x) * (u - x) + (v - y) * (v - y) < 0.22) return true;
  }
  return u * u + v * v < 0.1;
}

bool in_car(double u, double v) {
  if (std::abs(u) < 1 && v > -0.15 && v < 0.6) return true;
  if (v > -0.65 && v <= -0.15) return std::abs(u) < 0.6 + 0.4 * (v + 0.15);
  const double wheel = std::abs(u) - 0.55;
  return wheel * wheel + (v - 0.6) * (v - 0.6) < 0.07;
}

}  // namespace

double lattice_noise(std::uint32_t salt, std::int64_t x, std::int64_t y) {
  auto h = static_cast<std::uint32_t>(x) * 0x9e3779b1U ^
           static_cast<std::uint32_t>(y) * 0x85ebca77U ^ salt * 0xc2b2ae3dU;
  h = (h ^ (h >> 16)) * 0x7feb352dU;
  h = (h ^ (h >> 15)) * 0x846ca68bU;
  h ^= h >> 16;
  return static_cast<double>(h) * (1.0 / 4294967296.0);
}

double smooth_noise(std::uint32_t salt, double x, double y) {
  const double left = std::floor(x);
  const double top = std::floor(y);
  const auto column = static_cast<std::int64_t>(left);
  const auto row = static_cast<std::int64_t>(top);
  const double a = x - left;
  const double b = y - top;
  const double fade_x = a * a * (3 - 2 * a);
  const double fade_y = b * b * (3 - 2 * b);
  const double above = lattice_noise(salt, column, row) * (1 - fade_x) +
                       lattice_noise(salt, column + 1, row) * fade_x;
  const double below = lattice_noise(salt, column, row + 1) * (1 - fade_x) +
                       lattice_noise(salt, column + 1, row + 1) * fade_x;
  return above * (1 - fade_y) + below * fade_y;
}

Color scene_color(SceneClass kind, const TextureStyle& style, const TexturePoint& point) {
  const Pattern p{style.salt, (point.x + style.shift_x) / style.pixels_per_unit,
                  (point.y + style.shift_y) / style.pixels_per_unit, point.u, point.v};
  switch (kind) {
    case SceneClass::kSky:
      return sky(p);
    case SceneClass::kGrass:
      return grass(p);
    case SceneClass::kSand:
      return sand(p);
    case SceneClass::kWater:
      return water(p);
    case SceneClass::kSnow:
      return snow(p);
    case SceneClass::kWall:
      return wall(p);
    case SceneClass::kTree:
      return tree(p);
    case SceneClass::kBall:
      return ball(p);
    case SceneClass::kBox:
      return box(p);
    case SceneClass::kHouse:
      return house(p);
    case SceneClass::kCar:
      return car(p);
    case SceneClass::kFlower:
      return flower(p);
    case SceneClass::kStone:
      return stone(p);
    case SceneClass::kFence:
      return fence(p);
  }
  return {};
}

bool scene_contains(SceneClass kind, const TextureStyle& style, double u, double v) {
  switch (kind) {
    case SceneClass::kTree:
      if (v > 0.42) return v < 1 && std::abs(u) < 0.18;
      return u * u * 1.2 + (v + 0.27) * (v + 0.27) * 1.9 < 1;
    case SceneClass::kBall:
      return u * u + v * v < 1;
    case SceneClass::kBox:
      return std::abs(u) < 0.95 && std::abs(v) < 0.95;
    case SceneClass::kHouse:
      if (v < -0.2) return v > -1 && std::abs(u) < 1.25 * (v + 1);
      return v < 1 && std::abs(u) < 0.85;
    case SceneClass::kCar:
      return in_car(u, v);
    case SceneClass::kFlower:
      return in_flower(u, v);
    case SceneClass::kStone:
      return u * u + v * v < 0.65 + 0.6 * (smooth_noise(style.salt + 7, 2 * u, 2 * v) - 0.4);
    case SceneClass::kFence:
      return std::abs(u) < 1 && std::abs(v) < 0.8;
    default:
      return true;
  }
}

}  // namespace tagalign::data
