/// Weight files of the reference (.pt, .pth, and both packed by gzip) through the product's reader.
#pragma once

#include <memory>
#include <string>

#include "model/files/torch_archive.h"

namespace tagalign::testing {

/// The open archive and the bytes that it reads from.
struct GoldenArchive {
  std::unique_ptr<std::string> bytes;
  model::TorchArchive archive;
};
/// Throws std::runtime_error when the archive is refused.
std::unique_ptr<GoldenArchive> open_golden_archive(const std::string& relative);

}  // namespace tagalign::testing
