#include "worker/agent/gangs/process_report_posix.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/file_system.h"
#include "base/format.h"

namespace tagalign::agent {
namespace {

/// A worker of Torch has dozens; a table of thousands helps nobody.
constexpr std::size_t kEntriesMax = 200;

std::string first_line(const Path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::vector<Path> entries(const Path& folder) {
  std::vector<Path> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    paths.push_back(it->path());
  std::ranges::sort(paths);
  if (paths.size() > kEntriesMax) paths.resize(kEntriesMax);
  return paths;
}

/// The letter behind the name, which may itself hold brackets and spaces.
std::string_view state_of(std::string_view stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos || name_end + 2 >= stat.size()) return "unknown";
  switch (stat[name_end + 2]) {
    case 'R':
      return "runs";
    case 'S':
      return "sleeps";
    case 'D':
      return "waits for a disk or the kernel, and takes no signal";
    case 'T':
      return "is stopped by a signal";
    case 't':
      return "is stopped by a debugger";
    case 'Z':
      return "has ended";
    default:
      return "unknown";
  }
}

std::string thread_line(const Path& task) {
  const std::string where = first_line(task / "wchan");
  const std::string call = first_line(task / "syscall");
  return format("  thread {} ({}) {}{}{}\n", task.filename().string(), first_line(task / "comm"),
                state_of(first_line(task / "stat")),
                where.empty() || where == "0" ? "" : ", in the kernel's " + where,
                call.empty() || call == "running" ? "" : ", system call " + call);
}

std::string file_line(const Path& link) {
  std::array<char, 4096> target{};
  const ssize_t length = ::readlink(link.c_str(), target.data(), target.size());
  if (length <= 0) return "";
  return format("  file {} {}\n", link.filename().string(),
                std::string_view(target.data(), static_cast<std::size_t>(length)));
}

}  // namespace

std::string process_report(int pid) {
  const Path folder = Path("/proc") / std::to_string(pid);
  std::string text;
  for (const Path& task : entries(folder / "task")) text += thread_line(task);
  if (text.empty()) return "";
  for (const Path& link : entries(folder / "fd")) text += file_line(link);
  return text;
}

}  // namespace tagalign::agent
