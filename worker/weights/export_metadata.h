/// What an exported file says about itself, in safetensors' metadata. Pure.
///
/// Everything in it follows from the content of a checkpoint, and importing restores it: exporting
/// again gives the same bytes.
#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "checkpoint/run_position.h"
#include "model/training/state_dict.h"

namespace tagalign::jobs {

using Metadata = std::map<std::string, std::string>;

/// format, naming, architecture, tensors_digest; step (optimiser steps done), clip_digest,
/// config_digest and dataset_digest, each only where it is known.
/// `tensors` are those of the file, under its names.
Metadata export_metadata(const model::StateDict& tensors, const std::string& naming,
                         const std::string& architecture, const checkpoint::RunPosition& position);

/// Fills step (0: unknown) and digests of `position` from what is there.
/// kInvalidArgument for a step that is no number. Other people's metadata are passed over.
Status read_export_metadata(const Metadata& metadata, checkpoint::RunPosition& position);

/// Hex XXH3-128 over names, types, shapes and bytes: names the content whatever the file's format.
std::string tensors_digest(const model::StateDict& tensors);

}  // namespace tagalign::jobs
