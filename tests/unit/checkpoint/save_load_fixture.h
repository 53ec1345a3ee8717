/// Saving and loading on simulated ranks, in a folder of the test's own.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "checkpoint/keep.h"
#include "checkpoint/lease.h"
#include "checkpoint/load.h"
#include "checkpoint/run_position.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/save.h"
#include "tests/unit/checkpoint/checkpoint_fixture.h"

namespace tagalign::checkpoint {

inline RunPosition position_at(std::uint64_t step) {
  RunPosition position;
  position.step = step;
  position.samples = step * 32;
  position.seed = 0xFFFF'FFFF'FFFF'FFFF;
  position.global_batch = 32;
  position.dataset_digest = "data";
  position.config_digest = "config";
  position.model_digest = "model";
  position.scalars = {{"loss_scale", 0.1}, {"infinite", std::numeric_limits<double>::infinity()}};
  return position;
}

class SaveLoad : public TempFolderTest {
 protected:
  /// Saves on `world` ranks; what each rank got.
  std::vector<Result<Manifest>> save_all(FileSystem& system, int world, const SampleTensors& sample,
                                         const RunPosition& position, const Lease& lease = {}) {
    return on_ranks(world, [&](const Coordination& seat) {
      return save(system, seat, {folder(), lease}, sample.views(), position);
    });
  }
  Manifest save_ok(int world, const SampleTensors& sample, const RunPosition& position) {
    const auto manifests = save_all(files(), world, sample, position);
    for (const auto& manifest : manifests) {
      EXPECT_TRUE(manifest.ok()) << manifest.status().to_string();
      EXPECT_EQ(manifest->digest, manifests[0]->digest);
    }
    return manifests.at(0).value();
  }
  Path shard_of(const Manifest& manifest, const std::string& name) const {
    return manifest.folder / name;
  }
  static std::string contents(const Path& path) { return files().read_file(path, 1 << 20).value(); }
  static void overwrite(const Path& path, const std::string& text) {
    ASSERT_TRUE(files().write_durable(path, text).ok());
  }
};

}  // namespace tagalign::checkpoint
