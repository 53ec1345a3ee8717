#include "data/tags/files/caption_files.h"

namespace tagalign::data {
namespace {

BrokenLines sum(BrokenLines before, BrokenLines more) {
  if (before.count == 0) before.first = std::move(more.first);
  before.count += more.count;
  return before;
}

}  // namespace

Result<CaptionFiles> CaptionFiles::open(FileSystem& files, std::span<const Path> paths) {
  CaptionFiles captions(files);
  captions.paths_.assign(paths.begin(), paths.end());
  for (const Path& path : paths) {
    TA_ASSIGN_OR_RETURN(const CaptionRows rows, CaptionRows::open(files, path));
    captions.bytes_total_ += rows.bytes_total();
  }
  return captions;
}

/// False when there is no other file.
Result<bool> CaptionFiles::open_next() {
  if (next_ == paths_.size()) return false;
  TA_ASSIGN_OR_RETURN(rows_, CaptionRows::open(*files_, paths_[next_]));
  ++next_;
  return true;
}

void CaptionFiles::close() {
  bytes_before_ += rows_->bytes_total();
  broken_ = sum(std::move(broken_), rows_->broken());
  rows_.reset();
}

Status CaptionFiles::read(std::size_t count, std::vector<CaptionRow>& rows) {
  const std::size_t wanted = rows.size() + count;
  while (rows.size() < wanted) {
    if (!rows_) {
      TA_ASSIGN_OR_RETURN(const bool more, open_next());
      if (!more) break;
    }
    TA_ASSIGN_OR_RETURN(auto row, rows_->next());
    if (row) {
      rows.push_back(std::move(*row));
    } else {
      close();
    }
  }
  return ok_status();
}

BrokenLines CaptionFiles::broken() const {
  return rows_ ? sum(broken_, rows_->broken()) : broken_;
}

}  // namespace tagalign::data
