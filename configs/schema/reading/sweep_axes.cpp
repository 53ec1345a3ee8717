#include "configs/schema/reading/sweep_axes.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/format.h"
#include "base/limits.h"
#include "configs/schema/document/binder.h"
#include "configs/schema/reading/sweep_names.h"

namespace tagalign::config {
namespace {

constexpr std::size_t kPathCharsMax = 256;
constexpr std::string_view kJobPrefix = "job.";

/// The map as it is written.
struct WrittenSweep {
  Node grid;
  Node zip;
  Node list;
  int concurrency = 0;
};

template <class V>
void visit_fields(V& v, WrittenSweep& written) {
  v.node("grid", written.grid);
  v.node("zip", written.zip);
  v.node("list", written.list);
  v.field("concurrency", written.concurrency, Rule().between(1, limits::kJobsPerWorkflowMax));
}

/// Empty for a path that may be swept.
std::string wrong_path(std::string_view path) {
  if (path.size() > kPathCharsMax)
    return format("expected a key path of at most {} characters, found {}", kPathCharsMax,
                  path.size());
  if (path.empty() || path.front() == '.' || path.back() == '.' || path.find("..") != path.npos)
    return format("a part of the key path '{}' is empty", path);
  if (path == "job") return "expected a key of the job, such as job.ranks; found 'job' alone";
  if (!path.starts_with(kJobPrefix)) return "";
  const std::string_view key =
      path.substr(kJobPrefix.size(), path.find('.', kJobPrefix.size()) - kJobPrefix.size());
  if (key == "config") return "write the path inside config, without job.config.";
  for (const std::string_view fixed : {"kind", "on_commit_of", "sweep"}) {
    if (key == fixed) return format("'{}' cannot be swept; write a job for each", path);
  }
  return "";
}

/// Equal points have equal texts.
std::string text_of(const SweptValues& point) {
  std::string text;
  for (const SweptValue& swept : point) text += swept.path + "=" + exact_text(swept.value) + "\n";
  return text;
}

/// "a", "a.b" and "a.b.c" of "a.b.c".
std::vector<std::string> beginnings(std::string_view path) {
  std::vector<std::string> all;
  for (std::size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1))
    all.emplace_back(path.substr(0, dot));
  all.emplace_back(path);
  return all;
}

/// A key of grid or zip with its list.
struct Column {
  std::string path;
  std::string place;  ///< where the list stands, for messages
  const Node* values;
};

class SweepReader {
 public:
  SweepReader(std::string path, Problems& problems) : path_(std::move(path)), problems_(problems) {}

  Sweep read(const Node& node) {
    sweep_.origin = node.origin;
    WrittenSweep written;
    Reader reader(&node, node.origin, path_, problems_);
    visit_fields(reader, written);
    reader.finish();
    sweep_.concurrency = written.concurrency;
    if (node.kind != Node::Kind::kMap) return sweep_;
    if (node.find("grid") != nullptr) read_grid(written.grid);
    if (node.find("zip") != nullptr) read_zip(written.zip);
    if (node.find("list") != nullptr) read_list(written.list);
    if (sweep_.axes.empty() && problems_.empty())
      problems_.add(node.origin, path_ + ": expected grid, zip or list, found none of them");
    return std::move(sweep_);
  }

 private:
  void read_grid(const Node& grid) {
    for (const Column& column : columns_of(grid, path_ + ".grid")) {
      std::vector<SweptValues> points;
      for (const Node& value : column.values->items) points.push_back({{column.path, value}});
      add_axis(std::move(points), column.place);
    }
  }

  void read_zip(const Node& zip) {
    const std::string place = path_ + ".zip";
    const std::vector<Column> columns = columns_of(zip, place);
    if (columns.empty()) return;
    const std::size_t length = columns.front().values->items.size();
    std::vector<SweptValues> points(length);
    for (const Column& column : columns) {
      const std::vector<Node>& values = column.values->items;
      if (values.size() != length)
        return problems_.add(
            column.values->origin,
            format("{}: expected lists of equal lengths, found {} for '{}' and {} "
                   "for '{}'",
                   place, length, columns.front().path, values.size(), column.path));
      for (std::size_t i = 0; i < length; ++i) points[i].push_back({column.path, values[i]});
    }
    add_axis(std::move(points), place);
  }

  void read_list(const Node& list) {
    const std::string place = path_ + ".list";
    if (list.kind != Node::Kind::kList || list.items.empty()) {
      return problems_.add(
          list.origin, format("{}: expected a list of maps from keys to values, found {}", place,
                              list.kind == Node::Kind::kList ? "none" : list.describe()));
    }
    std::vector<SweptValues> points;
    for (std::size_t i = 0; i < list.items.size(); ++i)
      points.push_back(read_point(list.items[i], format("{}.{}", place, i)));
    add_axis(std::move(points), place);
  }

  SweptValues read_point(const Node& item, const std::string& place) {
    if (item.kind != Node::Kind::kMap || item.entries.empty()) {
      problems_.add(item.origin,
                    format("{}: expected a map from keys to values, found {}", place,
                           item.kind == Node::Kind::kMap ? "an empty one" : item.describe()));
    }
    SweptValues point;
    std::set<std::string> own;
    for (const Entry& entry : item.entries) {
      if (may_sweep(entry.key, own, format("{}.{}", place, entry.key), entry.origin))
        point.push_back({entry.key, entry.value});
    }
    return point;
  }

  /// A map below grid or zip goes on with the path, as overrides write it.
  std::vector<Column> columns_of(const Node& map, const std::string& place) {
    std::vector<Column> columns;
    if (map.kind != Node::Kind::kMap || map.entries.empty()) {
      problems_.add(map.origin,
                    format("{}: expected a map from keys to lists of values, found {}", place,
                           map.kind == Node::Kind::kMap ? "an empty one" : map.describe()));
      return columns;
    }
    std::set<std::string> own;
    add_columns(map, "", place, own, columns);
    swept_.merge(own);
    return columns;
  }

  void add_columns(const Node& map, const std::string& prefix, const std::string& place,
                   std::set<std::string>& own, std::vector<Column>& columns) {
    for (const Entry& entry : map.entries) {
      const std::string path = prefix + entry.key;
      const Node& value = entry.value;
      if (value.kind == Node::Kind::kMap && !value.entries.empty()) {
        add_columns(value, path + ".", place, own, columns);
        continue;
      }
      const std::string where = format("{}.{}", place, path);
      if (value.kind != Node::Kind::kList || value.items.empty()) {
        problems_.add(entry.origin,
                      format("{}: expected a list of values, found {}", where,
                             value.kind == Node::Kind::kList ? "none" : value.describe()));
      } else if (may_sweep(path, own, where, entry.origin)) {
        columns.push_back({path, where, &value});
      }
    }
  }

  /// A later key must not undo an earlier one: `a.b` after `a` is fine, `a` after `a.b` is not.
  bool may_sweep(const std::string& path, std::set<std::string>& own, const std::string& place,
                 const Origin& origin) {
    const std::string wrong = wrong_path(path);
    if (!wrong.empty()) {
      problems_.add(origin, format("{}: {}", place, wrong));
      return false;
    }
    if (swept_.contains(path) || own.contains(path)) {
      problems_.add(origin, format("{}: '{}', or a key within it, is swept already; name it once, "
                                   "and a map before what lies in it",
                                   place, path));
      return false;
    }
    for (std::string& beginning : beginnings(path)) own.insert(std::move(beginning));
    return true;
  }

  void add_axis(std::vector<SweptValues> points, const std::string& place) {
    std::map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto [same, is_new] = seen.emplace(text_of(points[i]), i);
      if (is_new || points[i].empty()) continue;
      problems_.add(points[i].front().value.origin,
                    format("{}: expected combinations that differ, found the same at {} and {}",
                           place, same->second, i));
    }
    sweep_.axes.push_back(std::move(points));
  }

  std::string path_;
  Problems& problems_;
  Sweep sweep_;
  std::set<std::string> swept_;  ///< the paths of earlier sections, and what they begin with
};

}  // namespace

std::optional<Sweep> read_sweep(const Node& node, const std::string& path, Problems& problems) {
  Problems found;
  Sweep sweep = SweepReader(path, found).read(node);
  problems.append(found);
  if (!found.empty()) return std::nullopt;
  return sweep;
}

std::uint64_t count_combinations(const Sweep& sweep) {
  std::uint64_t count = 1;
  for (const auto& points : sweep.axes) {
    if (points.size() > kCombinationsCounted / count) return kCombinationsCounted;
    count *= points.size();
  }
  return count;
}

SweptValues combination(const Sweep& sweep, std::uint64_t number) {
  std::vector<const SweptValues*> chosen;
  for (auto points = sweep.axes.rbegin(); points != sweep.axes.rend(); ++points) {
    chosen.push_back(&(*points)[number % points->size()]);
    number /= points->size();
  }
  SweptValues values;
  for (auto point = chosen.rbegin(); point != chosen.rend(); ++point)
    values.insert(values.end(), (*point)->begin(), (*point)->end());
  return values;
}

}  // namespace tagalign::config
