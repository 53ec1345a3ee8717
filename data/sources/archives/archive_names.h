/// Names of members. Internal to data/.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace tagalign::data {

/// Without "./" in front.
inline std::string_view plain_name(std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  return name;
}

/// The last part of a path.
inline std::string_view base_name(std::string_view name) {
  return name.substr(name.rfind('/') + 1);  // npos + 1 is 0
}

/// Lower-case, without the point; empty when there is none.
inline std::string extension_of(std::string_view name) {
  const std::string_view base = base_name(name);
  const auto point = base.rfind('.');
  if (point == std::string_view::npos || point == 0) return {};
  std::string extension(base.substr(point + 1));
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return extension;
}

/// The path up to the extension: what an image and its texts have in common.
inline std::string_view key_of(std::string_view name) {
  const auto length = extension_of(name).size();
  return length == 0 ? name : name.substr(0, name.size() - length - 1);
}

/// Hidden files are none: macOS puts "._a.jpg" beside "a.jpg" into its archives.
inline bool is_image_name(std::string_view name) {
  if (base_name(name).starts_with('.')) return false;
  const std::string extension = extension_of(name);
  for (const char* known : {"jpg", "jpeg", "png", "webp", "gif"}) {
    if (extension == known) return true;
  }
  return false;
}

}  // namespace tagalign::data
