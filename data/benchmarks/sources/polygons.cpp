#include "data/benchmarks/sources/polygons.h"

#include <algorithm>
#include <cmath>

namespace tagalign::data {
namespace {

constexpr double kFar = 1e6;  ///< beyond any image; farther points are moved here

/// Pillow truncates coordinates before it draws.
struct Point {
  int x = 0;
  int y = 0;
};

struct Edge {
  Point upper;
  Point lower;
  double x_per_row = 0;

  double x_at(int y) const { return (y - upper.y) * x_per_row + upper.x; }
};

/// A side that lies in one row is drawn as such; the others limit spans.
struct Outline {
  std::vector<Edge> edges;
  std::vector<Edge> level;
  int top = 0;
  int bottom = 0;
};

Outline outline_of(const std::vector<PolygonPoint>& points) {
  const auto truncated = [](const PolygonPoint& point) {
    return Point{static_cast<int>(std::clamp(point.x, -kFar, kFar)),
                 static_cast<int>(std::clamp(point.y, -kFar, kFar))};
  };
  Outline outline;
  outline.top = outline.bottom = truncated(points[0]).y;
  for (std::size_t i = 0; i < points.size(); ++i) {
    Point a = truncated(points[i]);
    Point b = truncated(points[(i + 1) % points.size()]);
    outline.top = std::min(outline.top, a.y);
    outline.bottom = std::max(outline.bottom, a.y);
    if (a.y > b.y) std::swap(a, b);
    if (a.y == b.y)
      outline.level.push_back({a, b, 0});
    else
      outline.edges.push_back({a, b, static_cast<double>(b.x - a.x) / (b.y - a.y)});
  }
  return outline;
}

/// Halves go inward at both ends of a span.
int first_pixel(double x) {
  return static_cast<int>(x >= 0 ? std::floor(x + 0.5) : -std::floor(-x + 0.5));
}
int last_pixel(double x) {
  return static_cast<int>(x >= 0 ? std::ceil(x - 0.5) : -std::ceil(-x - 0.5));
}

void fill_span(int y, int first, int last, std::uint16_t id, LabelMap& label) {
  if (y < 0 || y >= label.height) return;
  first = std::max(first, 0);
  last = std::min(last, label.width - 1);
  const auto row = static_cast<std::size_t>(y) * static_cast<std::size_t>(label.width);
  for (int x = first; x <= last; ++x) label.ids[row + static_cast<std::size_t>(x)] = id;
}

/// Where the outline crosses the row, ascending. The lower end of an edge counts twice above the
/// polygon's last row, so that inside and outside alternate at every corner.
std::vector<double> crossings(const Outline& outline, int y) {
  std::vector<double> found;
  for (const Edge& edge : outline.edges) {
    if (y < edge.upper.y || y > edge.lower.y) continue;
    found.push_back(edge.x_at(y));
    if (y == edge.lower.y && y < outline.bottom) found.push_back(found.back());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

void fill_polygon(const std::vector<PolygonPoint>& points, std::uint16_t id, LabelMap& label) {
  if (points.size() < 2) return;
  const Outline outline = outline_of(points);
  for (const Edge& side : outline.level) {
    fill_span(side.upper.y, std::min(side.upper.x, side.lower.x),
              std::max(side.upper.x, side.lower.x), id, label);
  }
  const int bottom = std::min(outline.bottom, label.height - 1);
  for (int y = std::max(outline.top, 0); y <= bottom; ++y) {
    const std::vector<double> found = crossings(outline, y);
    for (std::size_t i = 1; i < found.size(); i += 2)
      fill_span(y, first_pixel(found[i - 1]), last_pixel(found[i]), id, label);
  }
}

}  // namespace tagalign::data
