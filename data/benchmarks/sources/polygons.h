/// Filled polygons as Pillow's ImageDraw.polygon draws them into a label image. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "data/image/image.h"

namespace tagalign::data {

struct PolygonPoint {
  double x = 0;
  double y = 0;
};

/// Sets every pixel inside or on the border of the polygon to `id`; the part outside the
/// image is left out. Fewer than two points draw nothing. Equal to Pillow 9.5 up to single
/// pixels at sharp corners (below one in a thousand of random polygons' pixels), where
/// Pillow's own versions differ.
void fill_polygon(const std::vector<PolygonPoint>& points, std::uint16_t id, LabelMap& label);

}  // namespace tagalign::data
