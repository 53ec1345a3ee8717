#include "data/tags/files/tagged_captions.h"

#include <optional>

#include "base/counted.h"
#include "base/format.h"
#include "data/tags/files/caption_files.h"
#include "data/tags/files/imported_tags.h"
#include "data/tags/files/tag_parsing.h"

namespace tagalign::data {
namespace {

constexpr std::size_t kExamples = 10;

class ParsedCaptions final : public TaggedCaptions {
 public:
  ParsedCaptions(FileSystem& files, const TagOptions& options, Path folder)
      : files_(files), options_(options), folder_(std::move(folder)) {}

  Status each(const Use& use) override {
    TA_ASSIGN_OR_RETURN(CaptionFiles captions, CaptionFiles::open(files_, options_.captions));
    std::vector<CaptionRow> rows;
    CaptionTags tags;
    for (std::size_t number = 0;; ++number) {
      rows.clear();
      TA_RETURN_IF_ERROR(captions.read(kPieceCaptions, rows));
      if (rows.empty()) break;
      TA_ASSIGN_OR_RETURN(const TagPiece piece, open(number, rows.size()));
      for (std::size_t i = 0; i < rows.size(); ++i) {
        TA_RETURN_IF_ERROR(piece.read(i, tags));
        TA_RETURN_IF_ERROR(use(rows[i], tags));
      }
    }
    broken_ = captions.broken();
    return ok_status();
  }

  BrokenLines broken() const override { return broken_; }
  void report(TagReport&) const override {}

 private:
  Result<TagPiece> open(std::size_t number, std::size_t captions) const {
    TA_ASSIGN_OR_RETURN(TagPiece piece, TagPiece::open(tag_piece_path(folder_, number)));
    if (piece.size() == captions) return piece;
    return data_loss(format(
        "make tags: expected {} in {}, found {}; do not change the "
        "files meanwhile",
        counted(captions, "caption"), tag_piece_path(folder_, number).string(), piece.size()));
  }

  FileSystem& files_;
  const TagOptions& options_;
  Path folder_;
  BrokenLines broken_;
};

class ImportedCaptions final : public TaggedCaptions {
 public:
  ImportedCaptions(FileSystem& files, const TagOptions& options, ImportedTags imported)
      : files_(files), options_(options), imported_(std::move(imported)) {}

  Status each(const Use& use) override {
    not_imported_ = 0;
    first_not_imported_.clear();
    if (options_.captions.empty()) return use_all(imported_.rows(), use);
    TA_ASSIGN_OR_RETURN(CaptionFiles captions, CaptionFiles::open(files_, options_.captions));
    std::vector<CaptionRow> rows;
    while (true) {
      rows.clear();
      TA_RETURN_IF_ERROR(captions.read(kPieceCaptions, rows));
      if (rows.empty()) break;
      TA_RETURN_IF_ERROR(use_all(rows, use));
    }
    broken_ = captions.broken();
    return ok_status();
  }

  BrokenLines broken() const override { return broken_; }
  void report(TagReport& report) const override {
    report.not_imported = not_imported_;
    report.first_not_imported = first_not_imported_;
    report.broken_import = imported_.broken();
    report.lines_unused = imported_.unused();
    report.first_unused = imported_.first_unused(kExamples);
  }

 private:
  Status use_all(const std::vector<CaptionRow>& rows, const Use& use) {
    for (const CaptionRow& row : rows) {
      const CaptionTags* tags = imported_.find(row);
      if (tags == nullptr && ++not_imported_ <= kExamples) first_not_imported_.push_back(row.key());
      TA_RETURN_IF_ERROR(use(row, tags == nullptr ? CaptionTags() : *tags));
    }
    return ok_status();
  }

  FileSystem& files_;
  const TagOptions& options_;
  ImportedTags imported_;
  BrokenLines broken_;
  std::uint64_t not_imported_ = 0;
  std::vector<std::string> first_not_imported_;
};

Result<ImportedTags> open_import(FileSystem& files, const TagOptions& options) {
  TA_ASSIGN_OR_RETURN(const auto vocabulary,
                      Vocabulary::open(files, options.wordnet, options.lists));
  CaptionParser parser(*vocabulary);
  return ImportedTags::open(files, options.import, options.raw ? nullptr : &parser);
}

}  // namespace

Result<std::unique_ptr<TaggedCaptions>> TaggedCaptions::create(FileSystem& files,
                                                               const TagOptions& options) {
  if (options.import.empty()) {
    TA_ASSIGN_OR_RETURN(Path folder, tag_pieces_folder(files, options));
    return std::unique_ptr<TaggedCaptions>(
        std::make_unique<ParsedCaptions>(files, options, std::move(folder)));
  }
  TA_ASSIGN_OR_RETURN(ImportedTags imported, open_import(files, options));
  return std::unique_ptr<TaggedCaptions>(
      std::make_unique<ImportedCaptions>(files, options, std::move(imported)));
}

}  // namespace tagalign::data
