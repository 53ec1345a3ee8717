/// Which configuration a checkpoint belongs to, and which may go on from it: digest.md, in
/// configs/schema/document, says what follows from that.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "configs/schema/document/digest.h"
#include "configs/schema/jobs/job_configs.h"
#include "configs/schema/reading/load.h"

namespace tagalign::jobs {

/// Before the keys of settings that keep the numbers of a run.
inline constexpr char kKeepsNumbers = '?';

struct ConfigIdentity {
  std::string digest;  ///< of the lines of digest.md: what determines the numbers of a run
  /// These lines, and those of all other keys that are not at their default, behind kKeepsNumbers.
  config::DigestLines settings;
};

/// `numbers` and the lines of other keys, together.
ConfigIdentity identity_of(const config::DigestLines& numbers, const config::DigestLines& others);

/// Refuses what loading would refuse. T: TrainConfig, PretrainConfig, ImportConfig.
template <class T>
Result<ConfigIdentity> config_identity(const T& config) {
  TA_RETURN_IF_ERROR(config::dump(config).status());
  return identity_of(config::digest_lines(config), config::lines_that_keep_numbers(config));
}

/// A setting in which two runs differ.
struct SettingChange {
  std::string key;
  std::string now, then;  ///< as in the lines, or "its default"
};
/// By what they mean for a run that goes on from the other one's checkpoint.
struct SettingChanges {
  std::vector<SettingChange> refused;  ///< it would be another run
  std::vector<SettingChange> told;     ///< it may, and its numbers differ from here on
  std::vector<SettingChange> silent;   ///< its numbers are the same
};
/// Of two configurations' settings. Pure; the table of what may change is in the source.
SettingChanges changes_between(const config::DigestLines& ours, const config::DigestLines& theirs);

/// "optimizer.base_lr is 0.001, was its default; …", the first few.
std::string words_of(const std::vector<SettingChange>& changes);

}  // namespace tagalign::jobs
