#include "worker/train/commits/same_run.h"

#include "base/format.h"
#include "worker/identity/config_identity.h"

namespace tagalign::jobs {
namespace {

/// The format of a digest of a configuration, which says what its keys and defaults mean.
std::string_view form_of(std::string_view digest) {
  return digest.substr(0, digest.find(':'));
}

/// Whether their settings can be compared; else only equal digests let a run go on.
bool comparable(const checkpoint::RunPosition& run, const checkpoint::RunPosition& found) {
  const bool known = !found.code.empty() || !found.settings.empty();
  return known && form_of(run.config_digest) == form_of(found.config_digest);
}

}  // namespace

Result<AllowedChanges> compare_runs(const checkpoint::RunPosition& run,
                                    const checkpoint::RunPosition& found, const Path& folder) {
  const auto refuse = [&](const char* what, const std::string& difference) {
    return invalid_argument(format(
        "resume from {}: the checkpoint of step {} was made with another {} ({}); use another "
        "checkpoint.directory, or go back to the earlier configuration",
        folder.string(), found.step, what, difference));
  };
  const auto differs = [&](const char* what, const std::string& ours, const std::string& theirs) {
    return refuse(what, format("expected {}, found {}", ours, theirs));
  };
  const bool known = comparable(run, found);
  if (!known && found.config_digest != run.config_digest)
    return differs("configuration", run.config_digest, found.config_digest);
  SettingChanges changes;
  if (known) changes = changes_between(run.settings, found.settings);
  if (!changes.refused.empty()) return refuse("configuration", words_of(changes.refused));
  if (found.dataset_digest != run.dataset_digest)
    return differs("data set", run.dataset_digest, found.dataset_digest);
  if (found.model_digest != run.model_digest)
    return differs("frozen model", run.model_digest, found.model_digest);
  if (found.code.empty()) changes.silent.clear();  // it did not yet say what kept its numbers
  if (found.world_size != run.world_size) {
    changes.silent.push_back(
        {"the number of ranks", format("{}", run.world_size), format("{}", found.world_size)});
  }
  return AllowedChanges{words_of(changes.told), words_of(changes.silent)};
}

}  // namespace tagalign::jobs
