/// Pictures for people: label maps in colour, and many images on one sheet.
#pragma once

#include <vector>

#include "data/image/image.h"

namespace tagalign::data {

/// One row after the other from the top, images side by side from the left, `gap` white pixels
/// around each. Images are grey or RGB; those of a row have the same height. At least one image.
Image contact_sheet(const std::vector<std::vector<Image>>& rows, int gap);

/// A colour per class, the same for a class wherever it appears; ids of `classes`
/// or above are black.
Image colorize(const LabelMap& label, int classes);

}  // namespace tagalign::data
