#include "worker/benchmarks/sheet_job.h"

#include "data/datasets/segmentation_dataset.h"
#include "data/image/contact_sheet.h"
#include "data/image/image.h"

namespace tagalign::jobs {
namespace {

constexpr int kGapPixels = 4;

Result<std::vector<data::Image>> sheet_row(FileSystem& files, const SheetOptions& options,
                                           const data::SegmentationDataset& dataset,
                                           std::size_t index) {
  TA_ASSIGN_OR_RETURN(auto sample, dataset.read(files, index));
  const auto classes = static_cast<int>(dataset.classes().size());
  std::vector<data::Image> row{sample.image, data::colorize(sample.label, classes)};
  for (const auto& folder : options.predictions) {
    TA_ASSIGN_OR_RETURN(const auto map,
                        data::read_label_png(files, folder / (sample.name + ".png")));
    row.push_back(data::colorize(map, classes));
  }
  return row;
}

}  // namespace

Status write_sheet(FileSystem& files, const SheetOptions& options) {
  TA_ASSIGN_OR_RETURN(const auto dataset, data::SegmentationDataset::open(
                                              files, {.name = options.dataset.filename().string(),
                                                      .images = options.dataset / "images",
                                                      .labels = options.dataset / "labels",
                                                      .classes = options.dataset / "classes.txt"}));
  std::vector<std::vector<data::Image>> rows;
  for (std::size_t i = 0; i < std::min(dataset.size(), static_cast<std::size_t>(options.rows));
       ++i) {
    TA_ASSIGN_OR_RETURN(auto row, sheet_row(files, options, dataset, i));
    rows.push_back(std::move(row));
  }
  return files.write_durable(options.output,
                             data::encode_png(data::contact_sheet(rows, kGapPixels)));
}

}  // namespace tagalign::jobs
