/// The long part of making tags: captions parsed, piece by piece, into files.
///
/// Pieces lie in OUTPUT/.tags-DIGEST/, where DIGEST stands for captions, lists, WordNet and program, so
/// that none is taken for another's. Any number of processes makes the same pieces; one that was
/// killed goes on at those that are missing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/status.h"
#include "data/datasets/captions/caption_row.h"
#include "data/shares/progress.h"
#include "data/shares/work_share.h"
#include "data/tags/files/make_tags.h"
#include "data/tags/files/tag_piece.h"

namespace tagalign::data {

/// Where the pieces of these captions lie. Errors of files that are not there.
Result<Path> tag_pieces_folder(FileSystem& files, const TagOptions& options);
Path tag_piece_path(const Path& folder, std::size_t piece);

/// Parses the pieces of a share that are missing. `progress` counts captions of all shares, those that
/// this one passes over too. False: left on request, which is looked for between pieces.
Result<bool> parse_tag_pieces(FileSystem& files, Clock& clock, const TagOptions& options,
                              const WorkShare& share, const StopCheck& stop,
                              const ProgressCallback& progress);

}  // namespace tagalign::data
