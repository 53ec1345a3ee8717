#include "worker/evaluate/image_crew.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "model/torch_threads.h"

namespace tagalign::jobs {
namespace {

class ImageCrew {
 public:
  ImageCrew(data::SegmentationLoader& loader, const ImageCrewOptions& options,
            const ImageCrewCalls& calls)
      : loader_(loader), options_(options), calls_(calls) {}

  Result<bool> run() {
    model::on_threads(options_.threads, [this](int thread) { loop(thread); });
    if (!error_.ok()) return error_;
    return !stopped_;
  }

 private:
  /// An image and its claim on memory.
  struct Claimed {
    data::EvaluationImage image;
    std::uint64_t bytes = 0;
  };

  void loop(int thread) {
    try {
      while (auto claimed = claim()) {
        const Status status = calls_.work(thread, claimed->image);
        release(*claimed, status);
      }
    } catch (...) {
      end();  // the others must not wait for this thread's claim
      throw;
    }
  }

  std::optional<Claimed> claim() {
    std::unique_lock lock(mutex_);
    if (ended_) return std::nullopt;
    auto next = loader_.next();
    if (!next.ok()) {
      fail(next.status());
      return std::nullopt;
    }
    if (!*next) return std::nullopt;
    if (calls_.stop_requested()) {
      stopped_ = true;
      ended_ = true;
      return std::nullopt;
    }
    Claimed claimed{std::move(**next)};
    claimed.bytes = calls_.bytes(claimed.image);
    room_.wait(lock, [&] {
      return ended_ || in_work_ == 0 || in_work_ + claimed.bytes <= options_.bytes_max;
    });
    if (ended_) return std::nullopt;
    in_work_ += claimed.bytes;
    return claimed;
  }

  void release(const Claimed& claimed, const Status& status) {
    const std::lock_guard lock(mutex_);
    in_work_ -= claimed.bytes;
    if (status.ok()) {
      calls_.done(claimed.image.index);
    } else {
      fail(status);
    }
    room_.notify_all();
  }

  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    room_.notify_all();
  }

  void fail(const Status& status) {
    if (error_.ok()) error_ = status;
    ended_ = true;
    room_.notify_all();
  }

  data::SegmentationLoader& loader_;
  const ImageCrewOptions& options_;
  const ImageCrewCalls& calls_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::uint64_t in_work_ = 0;  ///< bytes
  bool ended_ = false;
  bool stopped_ = false;
  Status error_;
};

}  // namespace

Result<bool> work_on_images(data::SegmentationLoader& loader, const ImageCrewOptions& options,
                            const ImageCrewCalls& calls) {
  return ImageCrew(loader, options, calls).run();
}

}  // namespace tagalign::jobs
