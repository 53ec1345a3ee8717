#include "worker/weights/trained_digest.h"

#include "base/checksum.h"
#include "checkpoint/load.h"

namespace tagalign::jobs {

Result<std::string> trained_digest(FileSystem& files, const Path& chosen) {
  if (files.list_directory(chosen).ok()) {
    TA_ASSIGN_OR_RETURN(const auto manifest, checkpoint::read_manifest(files, chosen));
    return manifest.digest;
  }
  TA_ASSIGN_OR_RETURN(const Digest128 digest, digest_file(files, chosen));
  return digest.hex();
}

}  // namespace tagalign::jobs
