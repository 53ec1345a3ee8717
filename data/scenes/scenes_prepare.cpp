#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/format.h"
#include "base/json_text.h"
#include "base/limits.h"
#include "data/scenes/scenes.h"
#include "data/shares/parallel.h"

namespace tagalign::data {
namespace {

using nlohmann::json;

constexpr int kFormatVersion = 1;
constexpr std::size_t kBlock = 256;  ///< scenes drawn between two calls of progress
constexpr char kCompleteFile[] = "dataset.json";
constexpr char kUnfinishedFile[] = "unfinished.json";

std::string_view look_name(SceneLook look) {
  return look == SceneLook::kDay ? "day" : "dusk";
}

json describe(const ScenesOptions& options) {
  json splits = json::array();
  for (const SceneSplit& split : options.validation) {
    splits.push_back({{"name", split.name},
                      {"count", split.count},
                      {"size", split.size},
                      {"look", look_name(split.look)}});
  }
  return {{"dataset", "scenes"},
          {"format", kFormatVersion},
          {"seed", options.seed},
          {"train",
           {{"count", options.train_count},
            {"dusk_share", options.train_dusk_share},
            {"size", options.train_size}}},
          {"validation", splits},
          {"classes", scene_classes()}};
}

Status check_options(const ScenesOptions& options) {
  const auto refuse = [](const std::string& what) {
    return invalid_argument("prepare scenes: " + what);
  };
  if (options.train_count < 0)
    return refuse(format("train_count is {}, expected 0 or more", options.train_count));
  if (!(options.train_dusk_share >= 0 && options.train_dusk_share <= 1))
    return refuse(format("train_dusk_share is {}, expected 0 to 1", options.train_dusk_share));
  if (options.train_size < 16)
    return refuse(format("train_size is {}, expected 16 or more", options.train_size));
  std::set<std::string> names{"train"};
  for (const SceneSplit& split : options.validation) {
    if (split.name.empty() || split.name.find_first_of("/\\") != std::string::npos ||
        split.name[0] == '.') {
      return refuse(format("split name '{}' is no plain folder name", split.name));
    }
    if (!names.insert(split.name).second)
      return refuse(format("split name '{}' is taken; choose another", split.name));
    if (split.count < 1)
      return refuse(format("split '{}' has count {}, expected 1 or more", split.name, split.count));
    if (split.size < 16)
      return refuse(format("split '{}' has size {}, expected 16 or more", split.name, split.size));
  }
  return {};
}

std::vector<Path> owned_folders(const ScenesOptions& options) {
  std::vector<Path> folders{options.output / "train"};
  for (const SceneSplit& split : options.validation) folders.push_back(options.output / split.name);
  return folders;
}

/// Leaves an output folder without any of our folders and with the mark that a run is under way.
Status clear_output(FileSystem& files, const ScenesOptions& options) {
  TA_RETURN_IF_ERROR(files.create_directories(options.output));
  const Path mark = options.output / kUnfinishedFile;
  const bool ours = files.exists(mark);
  for (const Path& folder : owned_folders(options)) {
    if (!files.exists(folder)) continue;
    if (!ours) {
      return already_exists(
          format("prepare scenes: {} exists, but no {} says that it came from here; "
                 "choose another output folder or remove it",
                 folder.string(), kUnfinishedFile));
    }
    TA_RETURN_IF_ERROR(files.remove_all(folder));
  }
  return files.write_durable(mark, json_text(describe(options), 2) + "\n");
}

/// Bytes of all image and label files. Images are not synced one by one (thousands of them, and
/// they can be drawn again); after a power cut this sum tells whether all of them survived.
Result<std::uint64_t> count_image_bytes(FileSystem& files, const ScenesOptions& options) {
  std::vector<Path> folders{options.output / "train" / "images"};
  for (const SceneSplit& split : options.validation) {
    folders.push_back(options.output / split.name / "images");
    folders.push_back(options.output / split.name / "labels");
  }
  std::uint64_t total = 0;
  for (const Path& folder : folders) {
    TA_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list_directory(folder));
    for (const std::string& name : names) {
      TA_ASSIGN_OR_RETURN(const std::uint64_t bytes, files.file_size(folder / name));
      total += bytes;
    }
  }
  return total;
}

/// True when the folder holds these very options, complete; false when it must be drawn (again).
Result<bool> is_complete(FileSystem& files, const ScenesOptions& options) {
  const Path path = options.output / kCompleteFile;
  if (!files.exists(path)) return false;
  TA_ASSIGN_OR_RETURN(const std::string text, files.read_file(path, limits::kConfigFileBytesMax));
  json found = json::parse(text, nullptr, false);
  json bytes_noted;
  if (found.is_object() && found.contains("image_bytes")) {
    bytes_noted = found["image_bytes"];
    found.erase("image_bytes");
  }
  const json expected = describe(options);
  if (found != expected) {
    return already_exists(
        format("prepare scenes: {} was made with other options (expected {}, found {}); "
               "choose another output folder or remove this one",
               path.string(), json_text(expected),
               found.is_discarded() ? "broken JSON" : json_text(found)));
  }
  const Result<std::uint64_t> bytes = count_image_bytes(files, options);
  if (bytes.ok() && bytes_noted == json(*bytes)) return true;
  TA_RETURN_IF_ERROR(
      files.write_durable(options.output / kUnfinishedFile, json_text(expected, 2) + "\n"));
  TA_RETURN_IF_ERROR(files.remove_all(path));
  return false;
}

Status write_file(FileSystem& files, const Path& path, std::string_view contents) {
  TA_ASSIGN_OR_RETURN(const auto file, files.create_file(path));
  TA_RETURN_IF_ERROR(file->append(as_bytes(contents)));
  return file->close();
}

/// Calls work(i) for all i below count in blocks, and progress after each block.
class Progress {
 public:
  Progress(std::uint64_t total, const std::function<void(std::uint64_t, std::uint64_t)>& report)
      : total_(total), report_(report) {}

  template <class Work>
  Status run(std::size_t count, const Work& work) {
    for (std::size_t begin = 0; begin < count; begin += kBlock) {
      const std::size_t block = std::min(kBlock, count - begin);
      TA_RETURN_IF_ERROR(
          in_parallel(block, usual_threads(), [&](std::size_t i) { return work(begin + i); }));
      done_ += block;
      if (report_) report_(done_, total_);
    }
    return {};
  }

 private:
  std::uint64_t done_ = 0;
  std::uint64_t total_;
  const std::function<void(std::uint64_t, std::uint64_t)>& report_;
};

/// Spread evenly: among the first n scenes, n · share (rounded down) are dusk.
SceneLook training_look(std::size_t index, double dusk_share) {
  const auto dusk_before = [&](std::size_t count) {
    return static_cast<std::uint64_t>(static_cast<double>(count) * dusk_share);
  };
  return dusk_before(index + 1) > dusk_before(index) ? SceneLook::kDusk : SceneLook::kDay;
}

Status write_training(FileSystem& files, const ScenesOptions& options, Progress& progress) {
  const Path folder = options.output / "train";
  TA_RETURN_IF_ERROR(files.create_directories(folder / "images"));
  const auto count = static_cast<std::size_t>(options.train_count);
  std::vector<std::string> captions(count);
  std::vector<std::vector<std::int32_t>> tags(count);
  TA_RETURN_IF_ERROR(progress.run(count, [&](std::size_t i) {
    Scene scene =
        draw_scene(options.seed, i, options.train_size, training_look(i, options.train_dusk_share));
    captions[i] = std::move(scene.caption);
    tags[i] = std::move(scene.tags);
    return write_file(files, folder / "images" / format("{:06}.png", i), encode_png(scene.image));
  }));
  std::string csv = "file,caption\n";
  json tag_table = json::object();
  for (std::size_t i = 0; i < count; ++i) {
    csv += format("{:06}.png,\"{}\"\n", i, captions[i]);
    tag_table[format("{:06}.png", i)] = tags[i];
  }
  TA_RETURN_IF_ERROR(files.write_durable(folder / "captions.csv", csv));
  TA_RETURN_IF_ERROR(files.write_durable(folder / "tags.json", json_text(tag_table) + "\n"));
  return files.sync_directory(folder / "images");
}

std::string class_lines() {
  std::string lines;
  for (const std::string& name : scene_classes()) lines += name + "\n";
  return lines;
}

/// Scenes of split k are numbered from (k + 1)·2³², so that no split repeats another's
/// or a training scene.
Status write_split(FileSystem& files, const ScenesOptions& options, std::size_t ordinal,
                   Progress& progress) {
  const SceneSplit& split = options.validation[ordinal];
  const Path folder = options.output / split.name;
  TA_RETURN_IF_ERROR(files.create_directories(folder / "images"));
  TA_RETURN_IF_ERROR(files.create_directories(folder / "labels"));
  const std::uint64_t first = (std::uint64_t{ordinal} + 1) << 32;
  const auto write_scene = [&](std::size_t i) -> Status {
    const Scene scene = draw_scene(options.seed, first + i, split.size, split.look);
    const std::string name = format("{:04}.png", i);
    TA_RETURN_IF_ERROR(write_file(files, folder / "images" / name, encode_png(scene.image)));
    return write_file(files, folder / "labels" / name, encode_label_png(scene.label));
  };
  TA_RETURN_IF_ERROR(progress.run(static_cast<std::size_t>(split.count), write_scene));
  TA_RETURN_IF_ERROR(files.sync_directory(folder / "images"));
  TA_RETURN_IF_ERROR(files.sync_directory(folder / "labels"));
  return files.write_durable(folder / "classes.txt", class_lines());
}

}  // namespace

Status prepare_scenes(FileSystem& files, const ScenesOptions& options,
                      const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  TA_RETURN_IF_ERROR(check_options(options));
  TA_ASSIGN_OR_RETURN(const bool complete, is_complete(files, options));
  if (complete) return files.remove_all(options.output / kUnfinishedFile);
  TA_RETURN_IF_ERROR(clear_output(files, options));
  std::uint64_t total = static_cast<std::uint64_t>(options.train_count);
  for (const SceneSplit& split : options.validation)
    total += static_cast<std::uint64_t>(split.count);
  Progress counter(total, progress);
  TA_RETURN_IF_ERROR(write_training(files, options, counter));
  for (std::size_t i = 0; i < options.validation.size(); ++i) {
    TA_RETURN_IF_ERROR(write_split(files, options, i, counter));
  }
  TA_RETURN_IF_ERROR(files.write_durable(options.output / "tag_names.txt", class_lines()));
  TA_ASSIGN_OR_RETURN(const std::uint64_t image_bytes, count_image_bytes(files, options));
  json complete_note = describe(options);
  complete_note["image_bytes"] = image_bytes;
  TA_RETURN_IF_ERROR(
      files.write_durable(options.output / kCompleteFile, json_text(complete_note, 2) + "\n"));
  return files.remove_all(options.output / kUnfinishedFile);
}

}  // namespace tagalign::data
