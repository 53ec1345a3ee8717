#include "data/benchmarks/prepare.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "base/counted.h"
#include "base/format.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "data/benchmarks/convert/converters.h"
#include "data/benchmarks/source_record.h"
#include "data/shares/parallel.h"

namespace tagalign::data {
namespace {

struct Benchmark {
  std::string name;
  Converter plan;
  Path folder;  ///< below the output
};

const std::vector<Benchmark>& benchmarks() {
  static const std::vector<Benchmark> all{
      {"voc", plan_voc, "VOCdevkit/VOC2012"},
      {"voc20", plan_voc, "VOCdevkit/VOC2012"},
      {"context", plan_context, "VOCdevkit/VOC2010"},
      {"context59", plan_context, "VOCdevkit/VOC2010"},
      {"coco_object", plan_coco, "coco_stuff164k"},
      {"coco_stuff", plan_coco, "coco_stuff164k"},
      {"cityscapes", plan_cityscapes, "cityscapes"},
      {"ade20k", plan_ade20k, "ADEChallengeData2016"},
      {"imagenets50", plan_imagenets, "ImageNetS/ImageNetS50"},
      {"imagenets300", plan_imagenets, "ImageNetS/ImageNetS300"},
      {"imagenets919", plan_imagenets, "ImageNetS/ImageNetS919"},
      {"folder", plan_folder, ""},
  };
  return all;
}

Result<Benchmark> find_benchmark(const std::string& name) {
  for (const Benchmark& benchmark : benchmarks()) {
    if (benchmark.name == name) return benchmark;
  }
  return invalid_argument(
      format("data set '{}': expected one of {}", name, fmt::join(prepare_names(), ", ")));
}

/// What write_durable leaves beside its target when the process is killed.
bool is_leftover(const std::string& name) {
  return name.starts_with('.') && name.find(".tmp-") != std::string::npos;
}

/// The folders of all targets, made durably and without leftovers of an interrupted run.
Status make_folders(FileSystem& files, const Path& root, const Plan& plan) {
  std::set<Path> folders{root};
  for (const Task& task : plan.tasks) folders.insert((root / task.target).parent_path());
  for (const auto& [target, text] : plan.texts) folders.insert((root / target).parent_path());
  for (const Path& folder : folders) {
    if (files.exists(folder)) {
      TA_ASSIGN_OR_RETURN(const auto names, files.list_directory(folder));
      for (const std::string& name : names) {
        if (is_leftover(name)) TA_RETURN_IF_ERROR(files.remove_all(folder / name));
      }
      continue;
    }
    TA_RETURN_IF_ERROR(files.create_directories(folder));
    TA_RETURN_IF_ERROR(files.sync_directory(folder.parent_path()));
  }
  return {};
}

enum class Standing {
  kMissing,   ///< not there, empty, or a copy that was cut
  kComplete,  ///< made from the source as it is now
  kDoubtful,  ///< the source is not what it was, or newer than what was made
};

/// Of what is not in the record the times tell: an older version made it, or an interrupted run.
Standing standing_of(FileSystem& files, const Task& task, const Path& target,
                     const Result<FileStamp>& source, const SourceRecord& record) {
  const auto size = files.file_size(target);
  if (!size.ok() || *size == 0) return Standing::kMissing;
  if (!source.ok()) return Standing::kComplete;
  if (task.source.lexically_normal() == target.lexically_normal()) return Standing::kComplete;
  if (!task.make && source->bytes != *size) return Standing::kMissing;
  if (const auto known = record.source_of(task.target))
    return *known == *source ? Standing::kComplete : Standing::kDoubtful;
  const auto made = stamp_of(target);
  const bool newer = made.ok() && made->modified_ns >= source->modified_ns;
  return newer ? Standing::kComplete : Standing::kDoubtful;
}

Result<std::string> bytes_of(FileSystem& files, const Task& task) {
  if (task.make) return task.make(files);
  return files.read_file(task.source, limits::kImageFileBytesMax);
}

/// Carries a plan out.
class Runner {
 public:
  Runner(FileSystem& files, const Path& root, ProgressMeter& meter, SourceRecord& record)
      : files_(files), root_(root), meter_(meter), record_(record) {}

  /// An error only when the output cannot be written.
  Status run(const Task& task) {
    const Path target = root_ / task.target;
    const auto source = stamp_of(task.source);
    const Standing standing = standing_of(files_, task, target, source, record_);
    const bool complete = standing == Standing::kComplete;
    if (complete) ++kept;
    TA_ASSIGN_OR_RETURN(const bool there,
                        complete ? Result<bool>(true) : make(task, target, standing));
    if (there && source.ok()) record_.note(task.target, *source);
    meter_.add(!complete);
    return {};
  }

  std::vector<Offender> failures() && {
    std::sort(failures_.begin(), failures_.end());
    return std::move(failures_);
  }

  std::atomic<std::uint64_t> made{0};
  std::atomic<std::uint64_t> kept{0};
  std::atomic<std::uint64_t> replaced{0};  ///< of those made: another was there

 private:
  /// False: it could not be made, which is noted.
  Result<bool> make(const Task& task, const Path& target, Standing standing) {
    const auto bytes = bytes_of(files_, task);
    if (!bytes.ok()) {
      const std::lock_guard lock(mutex_);
      failures_.push_back({task.target.string(), bytes.status().message()});
      return false;
    }
    if (standing == Standing::kDoubtful) {
      const auto found = files_.read_file(target, limits::kImageFileBytesMax);
      if (found.ok() && *found == *bytes) {
        ++kept;
        return true;
      }
      ++replaced;
    }
    TA_RETURN_IF_ERROR(files_.write_durable(target, *bytes));
    ++made;
    return true;
  }

  FileSystem& files_;
  const Path& root_;
  ProgressMeter& meter_;
  SourceRecord& record_;
  std::mutex mutex_;
  std::vector<Offender> failures_;
};

Status write_texts(FileSystem& files, const Path& root, const Plan& plan) {
  for (const auto& [target, text] : plan.texts) {
    const auto found = files.read_file(root / target, limits::kConfigFileBytesMax);
    if (found.ok() && *found == text) continue;
    TA_RETURN_IF_ERROR(files.write_durable(root / target, text));
  }
  return {};
}

void note_replaced(std::uint64_t replaced, std::vector<std::string>& notes) {
  if (replaced == 0) return;
  notes.push_back(counted(replaced,
                          "of the files made replaces another, whose source has changed since",
                          "of the files made replace others, whose sources have changed since"));
}

/// Of a folder that holds nothing else: a file whose source is gone would still be evaluated.
void note_orphans(FileSystem& files, const Path& root, const Plan& plan, const SourceRecord& record,
                  std::vector<std::string>& notes) {
  std::set<std::string> targets;
  for (const Task& task : plan.tasks) targets.insert(task.target.string());
  std::vector<std::string> orphans = record.targets_beside(targets);
  std::erase_if(orphans, [&](const std::string& target) { return !files.exists(root / target); });
  if (orphans.empty()) return;
  notes.push_back(format("{} gone; remove those that are not meant to be there: {}{}",
                         counted(orphans.size(), "file was made earlier from a source that is",
                                 "files were made earlier from sources that are"),
                         printable(orphans.front()), orphans.size() > 1 ? ", …" : ""));
}

/// What an earlier run left in the data set's folder is not the source, unless there is no other:
/// then the folder is completed in place.
Result<Plan> make_plan(FileSystem& files, const BenchmarkSource& options,
                       const Benchmark& benchmark, const Path& root) {
  ConverterInput input{files, options.source, options.benchmark, root, options.with_training};
  auto plan = benchmark.plan(input);
  if (plan.ok() || plan.status().code() != ErrorCode::kNotFound) return plan;
  input.without.clear();
  return benchmark.plan(input);
}

}  // namespace

std::vector<std::string> prepare_names() {
  std::vector<std::string> names;
  for (const Benchmark& benchmark : benchmarks()) names.push_back(benchmark.name);
  return names;
}

Result<Path> benchmark_folder(const std::string& name, const Path& output) {
  TA_ASSIGN_OR_RETURN(const Benchmark benchmark, find_benchmark(name));
  return benchmark.folder.empty() ? output : output / benchmark.folder;
}

Result<PrepareReport> prepare_benchmark(FileSystem& files, Clock& clock,
                                        const BenchmarkSource& options,
                                        const ProgressCallback& progress) {
  TA_ASSIGN_OR_RETURN(const Benchmark benchmark, find_benchmark(options.benchmark));
  PrepareReport report;
  TA_ASSIGN_OR_RETURN(report.root, benchmark_folder(options.benchmark, options.output));
  TA_ASSIGN_OR_RETURN(Plan plan, make_plan(files, options, benchmark, report.root));
  TA_RETURN_IF_ERROR(make_folders(files, report.root, plan));
  ProgressMeter meter(clock, plan.tasks.size(), progress);
  SourceRecord record = SourceRecord::read(files, report.root);
  Runner runner(files, report.root, meter, record);
  const std::size_t threads = options.threads == 0 ? usual_threads() : options.threads;
  const Status status = in_parallel(plan.tasks.size(), threads,
                                    [&](std::size_t i) { return runner.run(plan.tasks[i]); });
  if (!status.ok()) {
    (void)record.write(files, report.root);  // or the times of the files tell
    return status.with_context(format("prepare {}: {} complete; start it again to go on",
                                      options.benchmark,
                                      counted(runner.made + runner.kept, "file is", "files are")));
  }
  TA_RETURN_IF_ERROR(write_texts(files, report.root, plan));
  TA_RETURN_IF_ERROR(record.write(files, report.root));
  report.made = runner.made;
  report.kept = runner.kept;
  report.missing = std::move(plan.missing);
  report.failures = std::move(runner).failures();
  report.notes = std::move(plan.notes);
  if (benchmark.folder.empty()) note_orphans(files, report.root, plan, record, report.notes);
  note_replaced(runner.replaced, report.notes);
  return report;
}

}  // namespace tagalign::data
