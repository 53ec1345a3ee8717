/// The version of the code that was built: "0.1.0+g" and the commit, with "+dirty" behind it
/// when files of that commit had been changed; "0.1.0+unknown" outside of a Git checkout. Each
/// build reads it anew (stamp_version.cmake), so that no build passes for another. A result
/// records it, for information.
#pragma once

namespace tagalign {
extern const char* const kVersion;
}  // namespace tagalign
