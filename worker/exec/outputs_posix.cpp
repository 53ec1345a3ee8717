#include <glob.h>

#include "worker/exec/outputs.h"

namespace tagalign::exec {
namespace {

bool is_there(const Path& pattern) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(pattern, error))) return true;
  glob_t found = {};
  const bool any = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &found) == 0;
  ::globfree(&found);
  return any;
}

}  // namespace

std::vector<std::string> missing_outputs(const std::vector<std::string>& patterns,
                                         const Path& workspace) {
  std::vector<std::string> missing;
  for (const std::string& pattern : patterns) {
    if (!is_there(workspace / pattern)) missing.push_back(pattern);
  }
  return missing;
}

}  // namespace tagalign::exec
