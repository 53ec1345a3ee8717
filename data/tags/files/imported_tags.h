/// Tags that somebody else made, an LLM or another parser, one JSON line a caption:
/// {"key"|"url"|"id"|"file"|"caption", "objects": ["dog"], "attributes": [["red", "car"]]}.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/status.h"
#include "data/tags/files/caption_files.h"
#include "data/tags/parse/caption_parser.h"

namespace tagalign::data {

/// Held in memory. Not for several threads while find() is called.
class ImportedTags {
 public:
  /// With a parser the tags are normalised as the parser's own are: singular, compounds, spelling,
  /// stop list; without one they stay as they are. Broken lines are counted. kInvalidArgument when
  /// no line is left.
  static Result<ImportedTags> open(FileSystem& files, const Path& path, CaptionParser* parser);

  /// By key, else by the text of the caption; remembers that the line was used.
  const CaptionTags* find(const CaptionRow& row);

  /// Its lines as captions, in their order; those that have no key have a caption as key.
  std::vector<CaptionRow> rows() const;
  std::size_t size() const { return lines_.size(); }
  const BrokenLines& broken() const { return broken_; }
  std::uint64_t unused() const;
  std::vector<std::string> first_unused(std::size_t count) const;

 private:
  struct Line {
    std::string key;
    CaptionTags tags;
    bool used = false;
  };
  void add(std::string_view text, std::uint64_t number, const Path& path, CaptionParser* parser);

  std::vector<Line> lines_;
  TextMap<std::size_t> places_;
  BrokenLines broken_;
};

}  // namespace tagalign::data
