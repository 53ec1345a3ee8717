/// Writes configs/KEYS.md to the standard output.
#include <cstdio>

#include "configs/schema/reading/keys.h"

int main() {
  const bool written = std::fputs(tagalign::config::keys_page().c_str(), stdout) >= 0;
  return written && std::fflush(stdout) == 0 ? 0 : 1;
}
