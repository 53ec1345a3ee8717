/// A training checkpoint that the reference saved, read with the program's own archive reader.
#pragma once

#include <optional>
#include <string>

#include "model/files/torch_archive.h"
#include "tests/golden/check/folder.h"

namespace tagalign::golden {

/// The archive at `relative`; nullopt after a line. The Folder keeps the file.
std::optional<model::TorchArchive> open_archive(Folder& folder, Report& report,
                                                const std::string& relative);

/// The dict under `key`, or an error that names it.
Result<const model::PickleDict*> dict_at(const model::PickleDict& dict, const std::string& key);

}  // namespace tagalign::golden
