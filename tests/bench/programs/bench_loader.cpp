// What the training's loader costs, on one thread, as suites/loader.py asks: a line on stdin, one of
// JSON as its answer, then "done".
//     bench_loader IMAGES CAPTIONS     a data root and its CSV
//     decode COUNT                     files to pixels, the whole image
//     plain COUNT                      crop, resize, flip and normalise too
//     full COUNT                       RandAugment and erasing too, as trainings have them by default
//     fast COUNT                       the same with JPEGs reduced where a crop allows it
// Each line goes on where the last of its kind ended.
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "base/format.h"
#include "data/training/training_loader.h"
#include "tests/bench/programs/stopwatch.h"

namespace tagalign::data {
namespace {

constexpr int kBatch = 8;

/// The sum keeps the work from being left out, and tells two programs' pixels apart.
struct Work {
  double sum = 0;
  int images = 0;
};

class Loaders {
 public:
  explicit Loaders(const CaptionDataset& dataset) : dataset_(dataset) {}

  Result<Work> decode(int count) {
    Work work;
    for (; work.images < count; ++work.images) {
      const std::size_t record = decoded_++ % dataset_.size();
      TA_ASSIGN_OR_RETURN(const std::string bytes, dataset_.read_image(record));
      TA_ASSIGN_OR_RETURN(const Image image,
                          decode_image(bytes, ReadAs::kTraining, dataset_.image_name(record)));
      work.sum += image.pixels[image.pixels.size() / 2];
    }
    return work;
  }

  Result<Work> load(const std::string& how, int count) {
    std::unique_ptr<TrainingLoader>& loader = loaders_[how];
    if (!loader) {
      TA_ASSIGN_OR_RETURN(loader, TrainingLoader::create(dataset_, options(how)));
    }
    Work work;
    while (work.images < count) {
      TA_ASSIGN_OR_RETURN(const TrainingBatch batch, loader->next());
      for (std::size_t k = 0; k < batch.images.size(); k += 97) work.sum += batch.images[k];
      work.images += kBatch;
    }
    return work;
  }

 private:
  static LoaderOptions options(const std::string& how) {
    LoaderOptions options{.seed = 1, .global_batch = kBatch, .threads = 0, .cache_bytes_max = 0};
    if (how == "fast") options.decoding = Decoding::kFast;
    if (how == "plain") return options;
    options.augment.rand_augment = "rand-m9-mstd0.5-inc1";
    options.augment.erase = 0.25;
    return options;
  }

  const CaptionDataset& dataset_;
  std::size_t decoded_ = 0;
  std::map<std::string, std::unique_ptr<TrainingLoader>> loaders_;
};

Status answer(Loaders& loaders, const std::string& line) {
  std::istringstream words(line);
  std::string how;
  int count = 0;
  words >> how >> count;
  const bench::Stopwatch watch;
  TA_ASSIGN_OR_RETURN(const Work work,
                      how == "decode" ? loaders.decode(count) : loaders.load(how, count));
  std::cout << format(R"({{"images": {}, "wall": {}, "cpu": {}, "sum": {}}})", work.images,
                      watch.wall_s(), watch.cpu_s(), work.sum)
            << "\ndone\n"
            << std::flush;
  return ok_status();
}

Status serve(const char* images, const char* captions) {
  TA_ASSIGN_OR_RETURN(const auto dataset,
                      CaptionDataset::open(posix_file_system(), {images, captions, {}, {}}));
  Loaders loaders(dataset);
  for (std::string line; std::getline(std::cin, line);) TA_RETURN_IF_ERROR(answer(loaders, line));
  return ok_status();
}

}  // namespace
}  // namespace tagalign::data

int main(int count, char** words) {
  if (count != 3) return 2;
  const tagalign::Status served = tagalign::data::serve(words[1], words[2]);
  if (!served.ok()) std::cerr << served.to_string() << '\n';
  return served.ok() ? 0 : 1;
}
