#include "tests/lab/gang_processes.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "base/format.h"
#include "base/process.h"

namespace tagalign::lab {
namespace {

std::string slurp(const Path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The value of NAME= among entries that end with a zero byte; empty: none.
std::string entry(const std::string& entries, std::string_view name) {
  const std::string wanted = std::string(1, '\0').append(name).append("=");
  const std::size_t at = ('\0' + entries).find(wanted);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + wanted.size() - 1;
  return entries.substr(begin, entries.find('\0', begin) - begin);
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = !text.empty() && error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

}  // namespace

Path test_programs() {
  return self_executable().parent_path();
}

Path write_endless_workflow(const Path& folder, int ranks) {
  const Path file = folder / "workflow.yml";
  std::ofstream(file) << format(
      "name: gang\nworkspace: {}\njobs:\n  endless:\n    kind: scenes\n    ranks: {}\n"
      "    config: {{output: run, validation: [{{name: v, count: 1, size: 64}}]}}\n",
      (folder / "work").string(), ranks);
  return file;
}

std::vector<GangProcess> gang_processes(const Path& folder) {
  std::vector<GangProcess> found;
  std::error_code error;
  for (const auto& place : std::filesystem::directory_iterator("/proc", error)) {
    const auto pid = number(place.path().filename().string());
    if (!pid) continue;
    const std::string variables = slurp(place.path() / "environ");
    if (!entry(variables, "TAGALIGN_LOG_FOLDER").starts_with(folder.string())) continue;
    const std::string words = slurp(place.path() / "cmdline");
    if (words.empty()) continue;  // a zombie
    found.push_back(
        {*pid, static_cast<std::uint32_t>(number(entry(variables, "TAGALIGN_ATTEMPT")).value_or(0)),
         number(entry(variables, "PMIX_RANK")).value_or(-1),
         Path(words.substr(0, words.find('\0'))).filename()});
  }
  return found;
}

}  // namespace tagalign::lab
