/// Every limit of the system, with its unit in its name. Zero never means "for ever".
#pragma once

#include <cstdint>

namespace tagalign::limits {

// Wire
inline constexpr std::uint32_t kFrameBytesMax = 64u << 20;
inline constexpr std::uint32_t kLogTailBytesMax = 1u << 20;

// Jobs
inline constexpr int kJobsPerWorkflowMax = 10'000;
inline constexpr int kRanksPerJobMax = 4'096;
inline constexpr int kJobNameCharsMax = 64;
inline constexpr std::uint32_t kConfigBytesMax = 1u << 20;
/// Without durable progress in between: kStalledRetriesMax.
inline constexpr int kInfrastructureRetriesMax = 1'000;
/// Infrastructure failures in a row without a new checkpoint.
inline constexpr int kStalledRetriesMax = 30;
/// Ranks killed in a row at one step: more like the job's own doing (out of memory).
inline constexpr int kSameStepKillsMax = 6;
/// Likewise taken for hung.
inline constexpr int kSameStepHangsMax = 2;

// Time
inline constexpr std::int64_t kServiceTickMs = 50;
inline constexpr std::int64_t kAgentHeartbeatMs = 250;
inline constexpr std::int64_t kAgentLostAfterMs = 8'000;
inline constexpr std::int64_t kRankHeartbeatMs = 250;
/// A rank whose agent says nothing ends: nobody watches over it any more.
inline constexpr std::int64_t kAgentSilentAfterMs = 8'000;
/// No beat of a rank that had said hello: the whole process is stopped, or wedged.
inline constexpr std::int64_t kRankSilentAfterMs = 30'000;
/// Of a gang that is taken for hung, for writing its stacks down before it is killed.
inline constexpr std::int64_t kStacksMs = 2'000;
inline constexpr std::int64_t kSaveAndLeaveMsMax = 120'000;  ///< then the gang is killed
/// A rank that was asked to stop and waits for a read of a file that long leaves without saving:
/// a network disk that is gone may never answer. Well below kSaveAndLeaveMsMax.
inline constexpr std::int64_t kStuckReadMsMax = 30'000;
inline constexpr std::int64_t kTerminateGraceMs = 3'000;  ///< between SIGTERM and SIGKILL
inline constexpr std::int64_t kRequestTimeoutMs = 10'000;
inline constexpr std::int64_t kLaunchRetryMs = 1'000;
/// Infrastructure failures in a row without a new checkpoint are retried at once this often; then
/// after 1 s, and after twice as long each time, up to the maximum.
inline constexpr int kRetriesAtOnceMax = 3;
inline constexpr std::int64_t kRetryBackOffMsMax = 60'000;
/// After a full disk or another trouble of the place: twice as long each time, up to the maximum.
inline constexpr std::int64_t kPlaceBackOffMsMin = 60'000;
inline constexpr std::int64_t kPlaceBackOffMsMax = 1'800'000;
/// Before an allocation ends its agents are told to save and leave: what Slurm's own signal does
/// too, where a script asks for it. Earlier, up to the maximum, where saving takes longer.
inline constexpr std::int64_t kLeaveBeforeEndMs = 150'000;
inline constexpr std::int64_t kLeaveBeforeEndMsMax = 1'800'000;
/// Of that for all but saving: processes end, and Slurm is told.
inline constexpr std::int64_t kLeaveMarginMs = 30'000;
/// From a launch to the end of the first step, until it was measured.
inline constexpr std::int64_t kStartMsUnmeasured = 60'000;

// Evaluation
/// A sliding window of this side asks for the whole image at once.
inline constexpr int kWholeImageWindow = 8192;

// Files
inline constexpr std::uint64_t kConfigFileBytesMax = 4u << 20;
inline constexpr std::uint64_t kManifestBytesMax = 256u << 20;
inline constexpr std::uint64_t kImageFileBytesMax = 512u << 20;
inline constexpr std::uint64_t kTableFileBytesMax = 8ull << 30;  ///< captions, tag tables
inline constexpr std::uint64_t kImagePixelsMax = 1ull << 28;
inline constexpr std::uint64_t kShardTextBytesMax = 1u << 20;  ///< .txt or .json beside an image

/// Of an epoch's first so many images data.broken_share_max may be broken.
inline constexpr std::uint64_t kBrokenWindow = 10'000;

// Memory
/// Of images that a rank evaluates together.
inline constexpr std::uint64_t kScoreBytesMax = 4ull << 30;

}  // namespace tagalign::limits
