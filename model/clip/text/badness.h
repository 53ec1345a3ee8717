/// Does a text look like UTF-8 that was read in a single-byte encoding (mojibake)?
///
/// The heuristic of ftfy 6.3.1 (R. Speer, Apache License 2.0), restated: about 400 characters come
/// up when UTF-8 is misread; they fall into classes, and some neighbourhoods of classes are rare in
/// real writing. badness.cpp lists classes and neighbourhoods.
#pragma once

#include <string_view>

namespace tagalign::model {

/// Whether one of the unlikely neighbourhoods occurs anywhere in the text. O(n); any thread.
bool looks_garbled(std::u32string_view text);

}  // namespace tagalign::model
