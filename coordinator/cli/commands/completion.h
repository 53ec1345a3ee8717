/// Shell completion made from the commands themselves.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace tagalign::cli {

/// A bash script: `source <(tagalign completion bash)`. Offers the sub-commands and options that
/// fit the words so far, and file names elsewhere.
std::string bash_completion(const CLI::App& app);

}  // namespace tagalign::cli
