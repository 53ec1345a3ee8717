/// Colours and outlines of the classes of the embedded data set "scenes".
///
/// Pure functions of integers and doubles in a fixed order, without libm calls whose last bit
/// differs between machines. Textures are measured in pixels, so that a class looks alike at every
/// image size; outlines fill the box [-1, 1]².
#pragma once

#include <cstdint>

namespace tagalign::data {

enum class SceneClass : std::uint8_t {
  kSky,
  kGrass,
  kSand,
  kWater,
  kSnow,
  kWall,  // backgrounds
  kTree,
  kBall,
  kBox,
  kHouse,
  kCar,
  kFlower,
  kStone,
  kFence,  // objects
};
inline constexpr int kSceneBackgrounds = 6;
inline constexpr int kSceneClasses = 14;

struct Color {
  double red = 0;
  double green = 0;
  double blue = 0;
};

/// How one region's texture differs from the next of its class.
struct TextureStyle {
  std::uint32_t salt = 0;      ///< chooses the noise
  double pixels_per_unit = 1;  ///< zoom of the pattern, about 1
  double shift_x = 0;          ///< pixels
  double shift_y = 0;
};

/// A pixel of a region: image coordinates in pixels, and coordinates in the object's box
/// (the image's for backgrounds).
struct TexturePoint {
  double x = 0;
  double y = 0;
  double u = 0;
  double v = 0;
};

/// Colour before lighting, channels in 0 … 255.
Color scene_color(SceneClass kind, const TextureStyle& style, const TexturePoint& point);

/// Whether (u, v), v pointing down, belongs to the object. Backgrounds contain everything.
bool scene_contains(SceneClass kind, const TextureStyle& style, double u, double v);

/// Hash of a lattice point, and smooth noise between such hashes; both in [0, 1).
double lattice_noise(std::uint32_t salt, std::int64_t x, std::int64_t y);
double smooth_noise(std::uint32_t salt, double x, double y);

}  // namespace tagalign::data
