/// Images a second of CPU time that the training's loader gives, on one thread.
///
///   loader_bench IMAGES CAPTIONS COUNT [decode|plain|full] [fast]
/// IMAGES: a folder, CAPTIONS: its CSV. decode: files to pixels; plain: crop, resize, flip and
/// normalise too; full: RandAugment and erasing as trainings have them by default. fast: JPEGs reduced
/// where a crop allows it.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>

#include "data/training/training_loader.h"

namespace tagalign::data {
namespace {

constexpr int kBatch = 8;

double cpu_seconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The sum tells two programs' pixels apart.
Result<double> decode_all(const CaptionDataset& dataset, int count) {
  double sum = 0;
  for (int i = 0; i < count; ++i) {
    const std::size_t record = static_cast<std::size_t>(i) % dataset.size();
    TA_ASSIGN_OR_RETURN(const std::string bytes, dataset.read_image(record));
    TA_ASSIGN_OR_RETURN(const Image image,
                        decode_image(bytes, ReadAs::kTraining, dataset.image_name(record)));
    sum += image.pixels[image.pixels.size() / 2];
  }
  return sum;
}

Result<double> load_all(const CaptionDataset& dataset, int count, bool full, Decoding decoding) {
  LoaderOptions options{.seed = 1, .global_batch = kBatch, .threads = 0, .cache_bytes_max = 0, .decoding = decoding};
  if (full) options.augment.rand_augment = "rand-m9-mstd0.5-inc1";
  if (full) options.augment.erase = 0.25;
  TA_ASSIGN_OR_RETURN(const auto loader, TrainingLoader::create(dataset, options));
  double sum = 0;
  for (int i = 0; i < count; i += kBatch) {
    TA_ASSIGN_OR_RETURN(const TrainingBatch batch, loader->next());
    for (std::size_t k = 0; k < batch.images.size(); k += 97) sum += batch.images[k];
  }
  return sum;
}

int run(const char* images, const char* captions, int count, const std::string& what, Decoding decoding) {
  const auto dataset = CaptionDataset::open(posix_file_system(), {images, captions, {}, {}});
  const double start = cpu_seconds();
  const Result<double> sum = !dataset.ok()      ? Result<double>(dataset.status())
                             : what == "decode" ? decode_all(*dataset, count)
                                                : load_all(*dataset, count, what == "full", decoding);
  if (!sum.ok()) {
    std::fprintf(stderr, "%s\n", sum.status().to_string().c_str());
    return 1;
  }
  const double seconds = cpu_seconds() - start;
  std::printf("%s: %.0f images/s of CPU time, %.3f ms each, sum %.6f\n", what.c_str(),
              count / seconds, seconds / count * 1e3, *sum);
  return 0;
}

}  // namespace
}  // namespace tagalign::data

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  using tagalign::data::Decoding;
  const bool fast = argc > 5 && std::string(argv[5]) == "fast";
  return tagalign::data::run(argv[1], argv[2], std::atoi(argv[3]), argc > 4 ? argv[4] : "full",
                             fast ? Decoding::kFast : Decoding::kExact);
}
