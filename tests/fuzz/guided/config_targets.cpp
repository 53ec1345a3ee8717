/// What people write: workflows with their sweeps, and configurations of every kind of job.
#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "configs/schema/jobs/job_kinds.h"
#include "configs/schema/reading/load.h"
#include "configs/schema/reading/workflow.h"
#include "tests/fuzz/guided/target.h"

namespace tagalign::fuzz {
namespace {

using namespace config;

/// One file and nothing around it, so that no name leads to the machine's disk.
class OneFile final : public FileSystem {
 public:
  explicit OneFile(std::string_view text) : text_(text) {}
  Result<std::string> read_file(const Path& path, std::uint64_t) override {
    if (path == Path(kName)) return text_;
    return not_found("there is one file");
  }
  bool exists(const Path& path) override { return path == Path(kName); }
  Status read_range(const Path&, std::uint64_t, std::span<std::byte>) override { return refused(); }
  Result<std::uint64_t> file_size(const Path&) override { return text_.size(); }
  Result<std::unique_ptr<WritableFile>> create_file(const Path&) override { return refused(); }
  Status write_durable(const Path&, std::string_view) override { return refused(); }
  Status rename_durable(const Path&, const Path&) override { return refused(); }
  Status create_directories(const Path&) override { return refused(); }
  Status sync_directory(const Path&) override { return refused(); }
  Result<std::vector<std::string>> list_directory(const Path&) override { return refused(); }
  Status remove_all(const Path&) override { return refused(); }
  Result<std::uint64_t> free_bytes(const Path&) override { return refused(); }

  static constexpr const char* kName = "/fuzz/w.yml";

 private:
  static Status refused() { return unsupported("reading changes nothing"); }
  std::string text_;
};

void check_refusal(const Status& status) {
  TA_CHECK(status.code() == ErrorCode::kInvalidArgument || status.code() == ErrorCode::kNotFound,
           "a bad file is the user's to mend: " + status.message());
  TA_CHECK(!status.message().empty(), "every refusal says why");
}

/// The first line may be an override.
void attack_workflow(std::string_view bytes) {
  Overrides overrides;
  if (bytes.starts_with("--set ")) {
    const auto end = std::min(bytes.find('\n'), bytes.size());
    overrides.emplace_back(bytes.substr(6, end - 6));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  OneFile files(bytes);
  const auto workflow = load_workflow(files, OneFile::kName, overrides);
  if (!workflow.ok()) return check_refusal(workflow.status());
  TA_CHECK(workflow->jobs.size() <= static_cast<std::size_t>(limits::kJobsPerWorkflowMax),
           "bounded");
}

template <class Config>
void check_config(const std::string& text) {
  const auto parsed = parse_job_config<Config>(text, "c.yml");
  if (!parsed.ok()) return check_refusal(parsed.status());
  const auto written = dump(*parsed);
  TA_CHECK(written.ok(), "what was read can be written");
  const auto again = parse_job_config<Config>(*written, "again.yml");
  TA_CHECK(again.ok() && *dump(*again) == *written, "what is written reads");
}

/// The first byte chooses the kind of job.
void attack_job_config(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto names = job_kind_names();
  const std::string text(bytes.substr(1));
  with_job_kind(names[static_cast<unsigned char>(bytes[0]) % names.size()], [&](const auto& kind) {
    check_config<typename std::decay_t<decltype(kind)>::ConfigType>(text);
  });
}

/// What the shipped workflow makes of its jobs.
std::vector<std::string> workflow_seeds() {
  std::vector<std::string> seeds = {
      "name: a\njobs:\n  draw: {kind: scenes, config: {output: /o}}\n",
      "--set vars.a=2\nname: a\nvars: {a: 1}\njobs:\n  d: {kind: scenes, priority: ${a}, "
      "time_limit: 8h, config: {output: /o}}\n  e: {kind: scenes, after_any: [d], config: "
      "{output: /p, seed: 3}}\n",
      "name: s\njobs:\n  d:\n    kind: scenes\n    sweep: {grid: {seed: [1, 2], classes: [3]}, "
      "concurrency: 1}\n    config: {output: /o}\n  e: {kind: scenes, after: [d], config: {output: "
      "/p}}\n",
      "name: z\njobs:\n  d:\n    kind: scenes\n    sweep: {zip: {seed: [1, 2], images: [3, 4]}, "
      "list: [{job.priority: 1}, {seed: 9}]}\n    config: &c {output: /o}\n  e: {kind: scenes, "
      "config: {<<: *c, output: /q}}\n"};
  if (const char* source = std::getenv("TAGALIGN_SOURCE")) {
    for (const char* name : {"demo.yml", "sweep.yml", "camvid.yml", "benchmarks.yml"}) {
      auto text = posix_file_system().read_file(Path(source) / "configs" / name, 1 << 20);
      if (text.ok()) seeds.push_back(std::move(*text));
    }
  }
  return seeds;
}

/// Of each job of the shipped workflow; and something small for every kind.
std::vector<std::string> job_config_seeds() {
  std::vector<std::string> seeds;
  const auto names = job_kind_names();
  for (std::size_t kind = 0; kind < names.size(); ++kind)
    seeds.push_back(static_cast<char>(kind) + std::string("output: /o\nseed: 3\n"));
  const char* source = std::getenv("TAGALIGN_SOURCE");
  if (source == nullptr) return seeds;
  const auto demo = load_workflow(posix_file_system(), Path(source) / "configs/demo.yml");
  if (!demo.ok()) return seeds;
  for (const WorkflowJob& job : demo->jobs) {
    const auto kind = std::ranges::find(names, job.kind) - names.begin();
    seeds.push_back(static_cast<char>(kind) + job.config);
  }
  return seeds;
}

}  // namespace

const Target kWorkflow{"workflow", attack_workflow, workflow_seeds};
const Target kJobConfig{"job_config", attack_job_config, job_config_seeds};

}  // namespace tagalign::fuzz
