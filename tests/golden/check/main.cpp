// golden_check DIR [GROUP…] [--photos FOLDER | --without-photos] [--json FILE]: every comparison
// with the reference on a folder of golden data; see README.md beside tests/golden.
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "base/format.h"
#include "tests/golden/check/groups.h"
#include "tests/golden/check/listing.h"
#include "tests/golden/check/loss_ranks.h"
#include "worker/rank/precision.h"

namespace tagalign::golden {
namespace {

constexpr int kAgrees = 0;
constexpr int kDiffers = 1;
constexpr int kUsage = 2;

struct Arguments {
  Path folder;
  std::vector<std::string> groups;
  Path photos;
  Path json;
  bool without_photos = false;
};

std::string group_names() {
  std::string names;
  for (const Group& group : kGroups) names += (names.empty() ? "" : ", ") + std::string(group.name);
  return names;
}

void declare(CLI::App& app, Arguments& arguments) {
  app.add_option("DIR", arguments.folder, "folder with the layout of the golden data")->required();
  app.add_option(
      "GROUP", arguments.groups,
      "only these, or all of a method; without one, of the method whose layout DIR has: " +
          group_names());
  app.add_option("--photos", arguments.photos,
                 "photographs that groups name (default: DIR/../camvid, or DIR/../../camvid)");
  app.add_flag("--without-photos", arguments.without_photos,
               "what needs photographs is not compared, instead of missing");
  app.add_option("--json", arguments.json, "write every line to this file too");
  app.footer("Exit status: 0 everything agrees, 1 something is out or missing, 2 usage.");
}

/// The names that are no group, joined.
std::string unknown_groups(const std::vector<std::string>& wanted) {
  std::string unknown;
  for (const std::string& name : wanted) {
    const bool known = std::any_of(std::begin(kGroups), std::end(kGroups), [&](const Group& group) {
      return name == group.name || name == group.method();
    });
    if (!known) unknown += (unknown.empty() ? "" : ", ") + name;
  }
  return unknown;
}

/// The name of a method stands for all of its groups.
bool is_wanted(const Group& group, const std::vector<std::string>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return name == group.name || name == group.method();
  });
}

/// Whose golden data the folder holds: the method, empty for what all share, of which it has the
/// most groups. Several where that does not tell.
std::vector<std::string> methods_of(const Path& folder) {
  std::map<std::string, int> groups;
  for (const Group& group : kGroups)
    groups[group.method()] += posix_file_system().exists(folder / group.folder()) ? 1 : 0;
  const auto most = std::ranges::max_element(groups, {}, [](const auto& g) { return g.second; });
  std::vector<std::string> methods;
  for (const auto& [method, count] : groups) {
    if (count == most->second) methods.push_back(method);
  }
  return methods;
}

/// The photographs lie beside the golden data, or beside the folder that holds a method's.
Path default_photos(const Path& folder) {
  const Path beside = folder / ".." / "camvid";
  const Path above = folder / ".." / ".." / "camvid";
  return !posix_file_system().exists(beside) && posix_file_system().exists(above) ? above : beside;
}

/// A file of another structure than the layout's throws from JSON or Torch: one line, and the
/// next group goes on.
void run_group(const Group& group, Folder& folder, Report& report) {
  report.begin_group(group.name);
  try {
    compare_listing(folder, group.folder(), report);
    group.check(folder, report);
  } catch (const std::exception& error) {
    const std::string text = error.what();
    report.failed("the rest of the group", text.substr(0, text.find('\n')));
  }
  folder.report_unused({group.folder()});
  report.end_group();
}

int check(Arguments arguments) {
  if (arguments.photos.empty()) arguments.photos = default_photos(arguments.folder);
  Report report(std::cout);
  const auto folder = Folder::open(arguments.folder, arguments.photos, report);
  if (!folder.ok()) {
    std::cerr << "golden_check: " << folder.status().message() << "\n";
    return kUsage;
  }
  if (arguments.without_photos) (*folder)->leave_out_photographs();
  if (arguments.groups.empty()) {
    const auto methods = methods_of(arguments.folder);
    if (methods.size() > 1) {
      std::cerr << format(
          "golden_check: {}: its folders are those of {}: name the groups to compare\n",
          arguments.folder.string(), fmt::join(methods, " and of "));
      return kUsage;
    }
    arguments.groups = methods;
  }
  for (const Group& group : kGroups) {
    if (is_wanted(group, arguments.groups)) run_group(group, **folder, report);
  }
  report.print_total();
  if (!arguments.json.empty()) {
    std::ofstream file(arguments.json);
    file << report.json().dump(1) << "\n";
    if (!file.flush()) {
      std::cerr << format("golden_check: {} cannot be written\n", arguments.json.string());
      return kUsage;
    }
  }
  return report.all_agree() ? kAgrees : kDiffers;
}

}  // namespace
}  // namespace tagalign::golden

int main(int argc, char** argv) {
  using namespace tagalign::golden;
  if (argc > 1 && std::string(argv[1]) == kLossesRank) return losses_rank_main(argc, argv);
  CLI::App app("Compares this implementation with golden data of the reference.", "golden_check");
  Arguments arguments;
  declare(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kAgrees : kUsage;
  }
  if (const std::string unknown = unknown_groups(arguments.groups); !unknown.empty()) {
    std::cerr << "golden_check: no such group: " << unknown << "; there are " << group_names()
              << "\n";
    return kUsage;
  }
  tagalign::jobs::configure_torch(1);
  return check(arguments);
}
