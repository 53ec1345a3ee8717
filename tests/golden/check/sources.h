/// What several groups need from the folder: the CLIP's weights, the tokenizer, projectors.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "model/clip/tokenizer.h"
#include "model/methods/tagalign/projector.h"
#include "tests/golden/check/folder.h"

namespace tagalign::golden {

inline constexpr char kTorchScript[] = "clip/clip_tiny.pt";
inline constexpr char kVocabulary[] = "tokenizer/bpe_simple_vocab_16e6.txt";

/// The golden data that all methods share, for a method's folder: that folder itself where it holds
/// clip/, else DIR/.., DIR/../golden or DIR/../../golden; nullptr after a line.
std::unique_ptr<Folder> base_folder(Folder& folder, Report& report);

/// clip/clip_tiny.safetensors, or where the folder leaves it out the TorchScript archive;
/// nullopt after a line.
std::optional<Tensors> load_clip_weights(Folder& folder, Report& report);

/// From the folder's merge list, packed or not, else the installed one; nullopt after a line.
std::optional<model::Tokenizer> load_tokenizer(Folder& folder, Report& report);

/// A projector as projector.json configures it.
model::ProjectorShape projector_shape(const Json& config, const std::string& kind,
                                      std::int64_t width);
/// Why the program's projectors are not of this configuration; empty when they are.
std::string unsupported_projector(const Json& config, const std::string& kind);

}  // namespace tagalign::golden
