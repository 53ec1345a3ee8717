/// A libFuzzer program of one target, TAGALIGN_FUZZ_TARGET. With TAGALIGN_FUZZ_SEEDS=DIR in the
/// environment it first writes the target's seeds there, to be named as its corpus.
#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "base/format.h"
#include "tests/fuzz/guided/target.h"

using tagalign::fuzz::TAGALIGN_FUZZ_TARGET;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* folder = std::getenv("TAGALIGN_FUZZ_SEEDS");
  if (folder == nullptr) return 0;
  int number = 0;
  for (const std::string& seed : TAGALIGN_FUZZ_TARGET.seeds()) {
    std::ofstream(tagalign::format("{}/seed-{}", folder, number++), std::ios::binary) << seed;
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  TAGALIGN_FUZZ_TARGET.attack({reinterpret_cast<const char*>(data), size});
  return 0;
}
