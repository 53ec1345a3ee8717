#include "data/training/training_loader.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "base/format.h"
#include "base/random.h"
#include "data/image/image.h"
#include "data/training/broken_share.h"

namespace tagalign::data {
namespace {

/// Decoded images, kept from their first use on until the budget is spent: with a shuffled order
/// nothing is gained by evicting.
class ImageCache {
 public:
  explicit ImageCache(std::uint64_t bytes_max) : bytes_left_(bytes_max) {}

  std::shared_ptr<const Image> find(std::size_t record) {
    const std::lock_guard lock(mutex_);
    const auto entry = images_.find(record);
    return entry == images_.end() ? nullptr : entry->second;
  }
  bool has_room(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    return bytes <= bytes_left_;
  }
  void keep(std::size_t record, std::shared_ptr<const Image> image) {
    const std::lock_guard lock(mutex_);
    if (image->pixels.size() > bytes_left_) return;
    const std::uint64_t bytes = image->pixels.size();
    if (images_.emplace(record, std::move(image)).second) bytes_left_ -= bytes;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::size_t, std::shared_ptr<const Image>> images_;
  std::uint64_t bytes_left_;
};

/// The fault is this file's, whatever it is, unless the machine has too little of something just
/// now: another file would fare no better.
bool is_broken_image(const Status& status) {
  return status.code() != ErrorCode::kUnavailable && status.code() != ErrorCode::kCancelled;
}

/// So many images one behind the other that the place keeps back are not broken: a file server is gone.
constexpr std::size_t kKeptBackMax = 64;

/// What made a record unusable.
struct BrokenImage {
  std::size_t record;
  std::string message;
};

/// An image, or what of it holds the box.
struct View {
  std::shared_ptr<const Image> image;
  CropBox box;
  int reduced = 1;
};

struct FoundImage {
  std::size_t record = 0;
  View view;
  std::vector<BrokenImage> skipped;  ///< in the order in which they were tried
};

/// Tells which part of a record's image is wanted, given its size. Called for each record that is
/// tried, the last time for the one that is found.
using ChoosePart = std::function<CropBox(std::size_t record, Size size)>;

/// Finds the image of a record or its substitute. Safe from several threads.
class ImageSource {
 public:
  /// What is cached has every pixel: with Decoding::kFast an image would look different when it is
  /// used for the second time.
  ImageSource(const CaptionDataset& dataset, const LoaderOptions& options)
      : dataset_(dataset),
        cache_(options.decoding == Decoding::kFast ? 0 : options.cache_bytes_max) {
    if (options.decoding == Decoding::kFast) at_least_ = {options.image_size, options.image_size};
  }

  Result<FoundImage> find(std::size_t wanted, const ChoosePart& choose) {
    FoundImage found;
    std::size_t kept_back = 0;
    for (std::size_t tries = 0; tries < dataset_.size(); ++tries) {
      found.record = (wanted + tries) % dataset_.size();
      if (std::string message; is_known_broken(found.record, message)) {
        found.skipped.push_back({found.record, std::move(message)});
        continue;
      }
      Result<View> view = load(found.record, choose);
      if (view.ok()) {
        found.view = std::move(view).value();
        return found;
      }
      if (!is_broken_image(view.status())) return view.status();
      kept_back = view.status().is_of_the_place() ? kept_back + 1 : 0;
      if (kept_back == std::min(kKeptBackMax, dataset_.size()))
        return gone(view.status(), kept_back);
      remember_broken(found.record, view.status().message());
      found.skipped.push_back({found.record, view.status().message()});
    }
    return data_loss(format(
        "load training images: none of the {} images below {} can be read; the first says: {}",
        dataset_.size(), dataset_.root().string(), found.skipped.front().message));
  }

 private:
  Status gone(const Status& last, std::size_t images) const {
    return unavailable(format("load training images: {} one behind the other below {} cannot be "
                              "read just now; the last says: {}",
                              images, dataset_.root().string(), last.message()))
        .set_of_the_place(true);
  }
  /// An image that the cache can keep is decoded whole.
  Result<View> load(std::size_t record, const ChoosePart& choose) {
    if (auto image = cache_.find(record)) {
      const CropBox box = choose(record, {image->width, image->height});
      return View{std::move(image), box};
    }
    TA_ASSIGN_OR_RETURN(const std::string bytes, dataset_.read_image(record));
    CropBox box;
    bool whole = false;
    const auto choose_box = [&](Size size) {
      box = choose(record, size);
      whole = cache_.has_room(std::uint64_t{3} * static_cast<std::uint64_t>(size.width) *
                              static_cast<std::uint64_t>(size.height));
      return whole ? CropBox{0, 0, size.height, size.width} : box;
    };
    TA_ASSIGN_OR_RETURN(ImageRegion region,
                        decode_region(bytes, dataset_.image_name(record), choose_box, at_least_));
    auto image = std::make_shared<const Image>(std::move(region.image));
    if (whole) cache_.keep(record, image);
    return View{std::move(image), whole ? box : region.box, region.reduced};
  }
  bool is_known_broken(std::size_t record, std::string& message) {
    const std::lock_guard lock(mutex_);
    const auto entry = broken_.find(record);
    if (entry == broken_.end()) return false;
    message = entry->second;
    return true;
  }
  void remember_broken(std::size_t record, const std::string& message) {
    const std::lock_guard lock(mutex_);
    broken_.emplace(record, message);
  }

  const CaptionDataset& dataset_;
  Size at_least_;
  ImageCache cache_;
  std::mutex mutex_;
  std::unordered_map<std::size_t, std::string> broken_;
};

/// A batch that is being filled. Every sample has its own places in it, so that
/// filling needs no lock.
struct PendingBatch {
  std::uint64_t first_sample = 0;
  TrainingBatch batch;
  std::vector<std::vector<BrokenImage>> skipped;  // [B]
  std::vector<Status> outcome;                    // [B]
  int taken = 0;     ///< samples that a thread has started; under the loader's mutex
  int finished = 0;  ///< under the loader's mutex
};

class Loader final : public TrainingLoader {
 public:
  Loader(const CaptionDataset& dataset, const LoaderOptions& options)
      : dataset_(dataset),
        options_(options),
        slice_(options.global_batch / options.world),
        next_sample_(options.first_sample),
        source_(dataset, options) {
    for (int i = 0; i < std::max(1, options.prefetch_batches); ++i) enqueue();
    for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
  }

  ~Loader() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    work_ready_.notify_all();
  }

  Result<TrainingBatch> next() override {
    const std::shared_ptr<PendingBatch> pending = wait_for_front();
    for (const Status& status : pending->outcome) TA_RETURN_IF_ERROR(status);
    for (std::size_t i = 0; i < pending->skipped.size(); ++i) {
      const bool judged = is_judged(pending->first_sample + i, dataset_.size());
      if (judged && !pending->skipped[i].empty()) ++pending->batch.replaced;
      for (const BrokenImage& broken : pending->skipped[i])
        note_once(broken, pending->batch.notices);
    }
    return std::move(pending->batch);
  }

 private:
  void enqueue() {
    auto pending = std::make_shared<PendingBatch>();
    const auto size = static_cast<std::size_t>(slice_);
    const auto side = static_cast<std::size_t>(options_.image_size);
    pending->first_sample = next_sample_ + static_cast<std::uint64_t>(options_.rank) * size;
    pending->batch.size = slice_;
    pending->batch.step = next_sample_ / static_cast<std::uint64_t>(options_.global_batch);
    pending->batch.images.resize(size * 3 * side * side);
    pending->batch.captions.resize(size);
    pending->batch.tags.resize(size);
    pending->batch.attributes.resize(size);
    pending->batch.records.resize(size);
    pending->skipped.resize(size);
    pending->outcome.resize(size);
    queue_.push_back(std::move(pending));
    next_sample_ += static_cast<std::uint64_t>(options_.global_batch);
  }

  /// Takes the oldest batch out of the queue once it is full, and starts another.
  std::shared_ptr<PendingBatch> wait_for_front() {
    if (options_.threads == 0) {
      auto pending = queue_.front();
      for (int i = 0; i < slice_; ++i) fill(*pending, static_cast<std::size_t>(i));
      queue_.pop_front();
      enqueue();
      return pending;
    }
    std::unique_lock lock(mutex_);
    batch_ready_.wait(lock, [&] { return queue_.front()->finished == slice_; });
    auto pending = queue_.front();
    queue_.pop_front();
    enqueue();
    lock.unlock();
    work_ready_.notify_all();
    return pending;
  }

  std::shared_ptr<PendingBatch> first_untaken() {
    for (const auto& pending : queue_) {
      if (pending->taken < slice_) return pending;
    }
    return nullptr;
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      std::shared_ptr<PendingBatch> pending;
      work_ready_.wait(lock, [&] { return stopping_ || (pending = first_untaken()) != nullptr; });
      if (stopping_) return;
      const auto index = static_cast<std::size_t>(pending->taken++);
      lock.unlock();
      fill(*pending, index);
      lock.lock();
      if (++pending->finished == slice_) batch_ready_.notify_one();
    }
  }

  void fill(PendingBatch& pending, std::size_t index) {
    const std::uint64_t sample = pending.first_sample + index;
    const StreamKey key{options_.seed, sample / dataset_.size(), 0};
    const auto wanted =
        static_cast<std::size_t>(permuted_index(key, sample % dataset_.size(), dataset_.size()));
    RandomStream stream({key.seed, key.epoch, wanted}, StreamPurpose::kAugment);
    Result<FoundImage> found = source_.find(wanted, [&](std::size_t record, Size size) {
      stream = RandomStream({key.seed, key.epoch, record}, StreamPurpose::kAugment);
      return draw_crop(size, options_.augment, stream);
    });
    if (!found.ok()) {
      pending.outcome[index] = found.status();
      return;
    }
    const auto side = static_cast<std::size_t>(options_.image_size);
    const View& view = found->view;
    augment_box({*view.image, view.box, view.reduced}, options_.image_size, options_.augment,
                stream, &pending.batch.images[index * 3 * side * side]);
    CaptionRecord record = dataset_.record(found->record);
    pending.batch.captions[index] = record.caption;
    pending.batch.tags[index] = std::move(record.tags);
    pending.batch.attributes[index] = std::move(record.attributes);
    pending.batch.records[index] = found->record;
    pending.skipped[index] = std::move(found->skipped);
  }

  void note_once(const BrokenImage& broken, std::vector<std::string>& notices) {
    if (named_.emplace(broken.record, true).second) {
      notices.push_back(broken.message + "; the next readable image takes its place");
    }
  }

  const CaptionDataset& dataset_;
  const LoaderOptions options_;
  const int slice_;
  std::uint64_t next_sample_;
  ImageSource source_;
  std::unordered_map<std::size_t, bool> named_;
  std::mutex mutex_;  ///< guards queue_, the counters in it, and stopping_
  std::condition_variable work_ready_;
  std::condition_variable batch_ready_;
  std::deque<std::shared_ptr<PendingBatch>> queue_;
  bool stopping_ = false;
  std::vector<std::jthread> threads_;  ///< last: joined before anything that they use goes away
};

Status check_options(const CaptionDataset& dataset, const LoaderOptions& options) {
  const auto refuse = [](const std::string& what) {
    return invalid_argument("open training loader: " + what);
  };
  if (dataset.size() == 0) return refuse("the data set has no records");
  if (options.world < 1 || options.rank < 0 || options.rank >= options.world) {
    return refuse(format("rank {} of {} ranks is impossible", options.rank, options.world));
  }
  if (options.global_batch < 1 || options.global_batch % options.world != 0) {
    return refuse(format("expected a global batch that {} ranks divide evenly, found {}",
                         options.world, options.global_batch));
  }
  if (options.first_sample % static_cast<std::uint64_t>(options.global_batch) != 0) {
    return refuse(format("expected to start at a multiple of the global batch {}, found {}",
                         options.global_batch, options.first_sample));
  }
  if (options.image_size < 1 || options.threads < 0 || options.prefetch_batches < 1) {
    return refuse(format(
        "expected image_size and prefetch_batches above 0 and threads 0 or more, found {}, {}, {}",
        options.image_size, options.prefetch_batches, options.threads));
  }
  return validate(options.augment);
}

}  // namespace

Result<std::unique_ptr<TrainingLoader>> TrainingLoader::create(const CaptionDataset& dataset,
                                                               const LoaderOptions& options) {
  TA_RETURN_IF_ERROR(check_options(dataset, options));
  return std::unique_ptr<TrainingLoader>(std::make_unique<Loader>(dataset, options));
}

}  // namespace tagalign::data
