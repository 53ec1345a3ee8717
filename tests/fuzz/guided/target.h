/// One reader of foreign bytes, as a fuzzer meets it.
///
/// Two programs run the same bodies: with TAGALIGN_FUZZ=ON (clang) each target becomes a libFuzzer
/// program that is led by what it covers; in every build guided_fuzz_test replays the seeds, damaged
/// copies of them and what the fuzzers once found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tagalign::fuzz {

struct Target {
  std::string_view name;
  /// Aborts when a promise of the reader is broken.
  void (*attack)(std::string_view bytes);
  /// Good input, from which a fuzzer sets out.
  std::vector<std::string> (*seeds)();
};

extern const Target kFrame;
extern const Target kMessages;
extern const Target kFacts;
extern const Target kSnapshot;
extern const Target kJournal;
extern const Target kEndNote;
extern const Target kWorkflow;
extern const Target kJobConfig;

inline std::vector<const Target*> all_targets() {
  return {&kFrame, &kMessages, &kFacts, &kSnapshot, &kJournal, &kEndNote, &kWorkflow, &kJobConfig};
}

}  // namespace tagalign::fuzz
