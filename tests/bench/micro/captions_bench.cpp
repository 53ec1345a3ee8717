/// What a set of CC12M's size costs at its start: 12 million entries in 1,200 indexes of shards that
/// hold nothing, and tags for each of them.
///
///   captions_bench FOLDER [MILLIONS]     FOLDER gets some 5 GB and keeps what it has
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/format.h"
#include "base/random.h"
#include "data/datasets/caption_dataset.h"
#include "data/shares/parallel.h"
#include "data/sources/shard_set.h"

namespace tagalign::data {
namespace {

constexpr std::uint64_t kShardImages = 10'000;
constexpr int kTagNames = 10'000;

/// "RssAnon", "RssFile" of this process, MiB.
double status_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::atof(line.c_str() + field.size() + 1) / 1024;
  }
  return 0;
}

/// The largest RssAnon while it lives.
class PeakWatch {
 public:
  PeakWatch()
      : thread_([this](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            peak_ = std::max(peak_.load(), status_mib("RssAnon"));
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
          }
        }) {}
  double mib() const { return peak_; }

 private:
  std::atomic<double> peak_{0};
  std::jthread thread_;
};

std::string key_of(std::uint64_t image) {
  return format("{:05}{:04}", image / kShardImages, image % kShardImages);
}

/// Texts as long as CC12M's: 140 bytes of URL and caption.
Status write_index(const Path& folder, std::uint64_t shard) {
  const Path path = folder / format("{:05}.tar", shard);
  std::ofstream(path) << "";
  const RecordFileTarget target{
      .file = folder / ".tagalign-index" / (path.filename().string() + ".index"), .scratch = {}};
  TA_ASSIGN_OR_RETURN(const FileStamp stamp, stamp_of(path));
  const auto walk = [&](MemberSink& sink) -> Result<WalkEnd> {
    for (std::uint64_t i = 0; i < kShardImages; ++i) {
      const std::string key = key_of(shard * kShardImages + i);
      const MemberPlace place{i * 40'000, 30'000, 30'000, MemberCoding::kPlain};
      const std::string text = format("a photograph number {} of some dog beside a tree on a {}",
                                      key, std::string(20 + i % 17, 'x'));
      const std::string json = format(
          R"({{"url":"https://images.example.org/some/folder/of/{}.jpg","status":"success"}})",
          key);
      TA_RETURN_IF_ERROR(sink.add({key + ".jpg", place, {}}));
      TA_RETURN_IF_ERROR(sink.add({key + ".txt", {0, text.size(), text.size()}, text}));
      TA_RETURN_IF_ERROR(sink.add({key + ".json", {0, json.size(), json.size()}, json}));
    }
    return WalkEnd{};
  };
  return ShardIndex::build_from(posix_file_system(), path.string(), ShardKind::kTar, stamp, walk,
                                target)
      .status();
}

void write_tags(const Path& folder, std::uint64_t images) {
  std::ofstream names(folder / "names.txt");
  for (int i = 0; i < kTagNames; ++i) names << "tag" << i << "\n";
  std::ofstream tags(folder / "tags.json");
  RandomStream random({1, 0, 0}, StreamPurpose::kTest);
  for (std::uint64_t i = 0; i < images; ++i) {
    tags << (i == 0 ? "{\"" : ", \"") << key_of(i) << ".jpg\": [" << random.below(kTagNames) << ", "
         << random.below(kTagNames) << ", " << random.below(kTagNames) << "]";
  }
  tags << "}";
}

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Status open_once(const Path& folder, const char* what) {
  const PeakWatch watch;
  Result<CaptionDataset> dataset = internal_error("not opened");
  const double seconds = seconds_of([&] {
    dataset = CaptionDataset::open(posix_file_system(),
                                   {folder, {}, folder / "tags.json", folder / "names.txt"});
  });
  TA_RETURN_IF_ERROR(dataset.status());
  std::uint64_t letters = 0;
  const double reading = seconds_of([&] {
    RandomStream random({2, 0, 0}, StreamPurpose::kTest);
    for (int i = 0; i < 1'000'000; ++i)
      letters +=
          dataset->record(random.below(static_cast<std::uint32_t>(dataset->size()))).caption.size();
  });
  const auto samples = static_cast<double>(dataset->size());
  std::printf(
      "%s: %.1f s; %.0f samples; anonymous memory %.0f MiB (%.1f bytes a sample), at most "
      "%.0f MiB (%.1f); mapped %.0f MiB; %.2f us a record in random order (%.0f letters)\n",
      what, seconds, samples, status_mib("RssAnon"), status_mib("RssAnon") * 1048576 / samples,
      watch.mib(), watch.mib() * 1048576 / samples, status_mib("RssFile"), reading,
      static_cast<double>(letters));
  return ok_status();
}

Status run(const Path& folder, std::uint64_t images) {
  const std::uint64_t shards = images / kShardImages;
  TA_RETURN_IF_ERROR(posix_file_system().create_directories(folder / ".tagalign-index"));
  if (!std::filesystem::exists(folder / "tags.json")) {
    Status status;
    const double seconds = seconds_of([&] {
      status = in_parallel(shards, usual_threads(),
                           [&](std::size_t shard) { return write_index(folder, shard); });
      write_tags(folder, images);
    });
    TA_RETURN_IF_ERROR(status);
    std::printf("made %.0f indexes in %.1f s\n", static_cast<double>(shards), seconds);
  }
  TA_RETURN_IF_ERROR(open_once(folder, "first start, indexes there"));
  return open_once(folder, "next start");
}

}  // namespace
}  // namespace tagalign::data

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const std::uint64_t millions = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 12;
  const tagalign::Status status = tagalign::data::run(argv[1], millions * 1'000'000);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return status.ok() ? 0 : 1;
}
