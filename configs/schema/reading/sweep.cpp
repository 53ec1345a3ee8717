#include "configs/schema/reading/sweep.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/file_system.h"
#include "base/format.h"
#include "base/job_graph.h"
#include "base/limits.h"
#include "configs/schema/document/binder.h"
#include "configs/schema/reading/sweep_axes.h"
#include "configs/schema/reading/sweep_folders.h"
#include "configs/schema/reading/sweep_names.h"

namespace tagalign::config {
namespace {

/// One of the jobs that a written one becomes.
struct Instance {
  std::string name;
  std::string source;  ///< whose checkpoints it follows; empty: as it is written
};

/// A job of the file.
struct Plan {
  std::string name;
  Node job;                    ///< without its sweep
  std::optional<Sweep> sweep;  ///< nullopt: none, or one that was refused
  std::string source;          ///< a sweep whose checkpoints it follows; empty: none
  std::vector<Instance> instances;

  bool is_unfolded() const { return sweep || !source.empty(); }
};

std::uint64_t nodes_in(const Node& node) {
  std::uint64_t count = 1;
  for (const Node& item : node.items) count += nodes_in(item);
  for (const Entry& entry : node.entries) count += nodes_in(entry.value);
  return count;
}

/// Of one job with the largest values that are put into it.
std::uint64_t nodes_of(const Plan& plan) {
  std::uint64_t count = nodes_in(plan.job);
  if (!plan.sweep) return count;
  for (const auto& points : plan.sweep->axes) {
    std::uint64_t largest = 0;
    for (const SweptValues& point : points) {
      std::uint64_t nodes = 0;
      for (const SweptValue& swept : point) nodes += nodes_in(swept.value);
      largest = std::max(largest, nodes);
    }
    count += largest;
  }
  return count;
}

std::string text_at(const Node& job, std::string_view key) {
  const Node* node = job.find(key);
  return node != nullptr && node->kind == Node::Kind::kScalar ? node->scalar : "";
}

Node text_node(const std::string& text, const Origin& origin) {
  Node node = to_node(text);
  node.origin = origin;
  return node;
}

/// Takes the sweep out of `entry`.
Plan plan_of(const Entry& entry, Problems& problems) {
  Plan plan{entry.key, entry.value, std::nullopt, "", {}};
  const auto written = std::ranges::find(plan.job.entries, "sweep", &Entry::key);
  if (written == plan.job.entries.end()) return plan;
  const Node node = std::move(written->value);
  plan.job.entries.erase(written);
  const std::string path = format("jobs.{}.sweep", entry.key);
  plan.sweep = read_sweep(node, path, problems);
  if (!plan.sweep) return plan;
  if (plan.sweep->concurrency > 0 && !text_at(plan.job, "on_commit_of").empty()) {
    problems.add(locate(node, "concurrency"),
                 path +
                     ".concurrency: bounds jobs that run once, and this one follows "
                     "checkpoints; leave it out");
    plan.sweep.reset();
  }
  return plan;
}

class Expander {
 public:
  Expander(Node& jobs, Problems& problems) : jobs_(jobs), problems_(problems) {}

  SweptGroups run() {
    for (const Entry& entry : jobs_.entries) plans_.push_back(plan_of(entry, problems_));
    follow_sweeps();
    if (!check_sizes()) {
      drop_sweeps();
      return {};
    }
    name_all();
    std::vector<Entry> unfolded;
    for (std::size_t i = 0; i < plans_.size(); ++i) add_jobs(jobs_.entries[i], plans_[i], unfolded);
    jobs_.entries = std::move(unfolded);
    unfold_references();
    return groups();
  }

 private:
  void follow_sweeps() {
    std::set<std::string> swept;
    for (Plan& plan : plans_) {
      check_name(plan);
      if (plan.sweep && text_at(plan.job, "on_commit_of").empty()) swept.insert(plan.name);
    }
    for (Plan& plan : plans_) {
      const std::string source = text_at(plan.job, "on_commit_of");
      if (!swept.contains(source)) continue;
      plan.source = source;
      check_name(plan);
    }
    for (const Plan& plan : plans_) check_source(plan);
  }

  /// Not to be unfolded is as if it had no sweep; that it is no name is told where it is read.
  void check_name(Plan& plan) {
    if (!plan.is_unfolded()) return;
    const bool is_name = is_job_name(plan.name);
    if (is_name && plan.name.size() <= kSweptNameCharsMax) return;
    if (is_name) {
      problems_.add(origin_of(plan), format("jobs.{}: becomes several jobs, NAME.LABEL: expected a "
                                            "name of at most {} characters, found {}",
                                            plan.name, kSweptNameCharsMax, plan.name.size()));
    }
    plan.sweep.reset();
    plan.source.clear();
  }

  /// One that follows checkpoints itself leaves no job of its name.
  void check_source(const Plan& plan) {
    const std::string name = text_at(plan.job, "on_commit_of");
    const Plan* source = name.empty() || !plan.source.empty() ? nullptr : find(name);
    if (source == nullptr || !source->is_unfolded()) return;
    problems_.add(locate(plan.job, "on_commit_of"),
                  format("jobs.{}.on_commit_of: expected a train job, found '{}', which follows "
                         "checkpoints itself",
                         plan.name, name));
  }

  Origin origin_of(const Plan& plan) const {
    return plan.sweep ? plan.sweep->origin : locate(plan.job, "on_commit_of");
  }

  const Plan* find(const std::string& name) const {
    const auto found = std::ranges::find(plans_, name, &Plan::name);
    return found == plans_.end() ? nullptr : &*found;
  }

  std::uint64_t count_of(const Plan& plan) const {
    const std::uint64_t own = plan.sweep ? count_combinations(*plan.sweep) : 1;
    const Plan* source = plan.source.empty() ? nullptr : find(plan.source);
    if (source == nullptr || !source->sweep) return own;
    const std::uint64_t followed = count_combinations(*source->sweep);
    return followed > kCombinationsCounted / own ? kCombinationsCounted : followed * own;
  }

  /// Of all jobs, and of what those of a sweep hold.
  bool check_sizes() {
    std::uint64_t jobs = plans_.size();
    for (const Plan& plan : plans_) {
      if (!plan.is_unfolded()) continue;
      const std::uint64_t others = jobs - 1;
      const std::uint64_t count = count_of(plan);
      if (!check_size(plan, count, others)) return false;
      jobs = others + count;
    }
    return true;
  }

  bool check_size(const Plan& plan, std::uint64_t count, std::uint64_t others) {
    constexpr std::uint64_t kMost = limits::kJobsPerWorkflowMax;
    const std::string place = format("jobs.{}{}", plan.name, plan.sweep ? ".sweep" : "");
    if (count > kMost || count + others > kMost) {
      problems_.add(
          origin_of(plan),
          format("{}: expected at most {} jobs in a workflow, found {}{} of this sweep "
                 "beside {} others; give fewer values",
                 place, kMost, count, count == kCombinationsCounted ? " or more" : "", others));
      return false;
    }
    const std::uint64_t nodes = nodes_of(plan) * count;
    if (nodes <= kSweptNodesMax) return true;
    problems_.add(origin_of(plan),
                  format("{}: expected at most {} keys and values in all its jobs, found {} in {} "
                         "jobs; give fewer values or a smaller config",
                         place, kSweptNodesMax, nodes, count));
    return false;
  }

  void drop_sweeps() {
    for (std::size_t i = 0; i < plans_.size(); ++i) jobs_.entries[i].value = plans_[i].job;
  }

  /// What is followed has its names before what follows.
  void name_all() {
    for (const Plan& plan : plans_) taken_.insert(plan.name);
    for (Plan& plan : plans_) {
      if (plan.source.empty()) name_instances(plan, {Instance{plan.name, ""}});
    }
    for (Plan& plan : plans_) {
      if (!plan.source.empty()) name_instances(plan, find(plan.source)->instances);
    }
  }

  /// The training varies slower than the job's own sweep.
  void name_instances(Plan& plan, const std::vector<Instance>& sources) {
    if (!plan.is_unfolded()) return;
    const std::uint64_t own = plan.sweep ? count_combinations(*plan.sweep) : 1;
    for (const Instance& source : sources) {
      for (std::uint64_t i = 0; i < own; ++i) {
        std::string label = plan.source.empty() ? "" : source.name.substr(plan.source.size() + 1);
        if (plan.sweep) {
          label += (label.empty() ? "" : ".") + label_of(combination(*plan.sweep, i));
        }
        const std::size_t number = plan.instances.size() + 1;
        plan.instances.push_back(
            {swept_name(plan.name, label, number, taken_), plan.source.empty() ? "" : source.name});
      }
    }
  }

  void add_jobs(const Entry& entry, const Plan& plan, std::vector<Entry>& out) {
    if (!plan.is_unfolded()) {
      out.push_back({entry.key, entry.origin, plan.job});
      return;
    }
    const std::uint64_t own = plan.sweep ? count_combinations(*plan.sweep) : 1;
    const std::size_t first = out.size();
    for (std::size_t i = 0; i < plan.instances.size(); ++i) {
      const SweptValues values = plan.sweep ? combination(*plan.sweep, i % own) : SweptValues{};
      Node job = plan.job;
      const Status status = fill(plan, i, values, job);
      if (!status.ok()) {
        problems_.add(status);
        out.resize(first);
        out.push_back({entry.key, entry.origin, plan.job});
        return;
      }
      out.push_back({plan.instances[i].name, entry.origin, std::move(job)});
    }
  }

  Status fill(const Plan& plan, std::size_t i, const SweptValues& values, Node& job) const {
    constexpr std::string_view kJob = "job.";
    const Instance& instance = plan.instances[i];
    for (const SweptValue& swept : values) {
      const bool of_job = swept.path.starts_with(kJob);
      TA_RETURN_IF_ERROR(set_at(
          job, of_job ? swept.path.substr(kJob.size()) : "config." + swept.path, swept.value));
    }
    if (!instance.source.empty()) {
      const Origin origin = locate(job, "on_commit_of");
      TA_RETURN_IF_ERROR(set_at(job, "on_commit_of", text_node(instance.source, origin)));
    }
    give_own_folders({plan.name, instance.name, instance.source}, values, job);
    if (!instance.source.empty()) follow_best(plan, instance.source, job);
    return ok_status();
  }

  /// The best checkpoint of a training is told by the evaluations of that training.
  void follow_best(const Plan& plan, const std::string& source, Node& job) const {
    Node* commits = job.find("commits");
    Node* best = commits == nullptr ? nullptr : commits->find("best");
    const Plan* scores = best == nullptr ? nullptr : find(best->scalar);
    if (scores == nullptr || !scores->is_unfolded()) return;
    std::vector<std::string> names;
    for (const Instance& instance : scores->instances) {
      if (instance.source == source) names.push_back(instance.name);
    }
    if (names.size() == 1)
      best->scalar = names.front();
    else
      problems_.add(best->origin,
                    format("jobs.{}.commits.best: expected one job that evaluates the "
                           "checkpoints of '{}', found {} of '{}'; name one",
                           plan.name, source, names.size(), best->scalar));
  }

  SweptGroups groups() const {
    SweptGroups groups;
    for (const Plan& plan : plans_) {
      if (!plan.sweep || plan.sweep->concurrency == 0) continue;
      for (const Instance& instance : plan.instances)
        groups.emplace(instance.name, SweptGroup{plan.name, plan.sweep->concurrency});
    }
    return groups;
  }

  void unfold_references() {
    std::map<std::string, const Plan*, std::less<>> groups;
    for (const Plan& plan : plans_) {
      if (plan.is_unfolded()) groups[plan.name] = &plan;
    }
    std::uint64_t count = 0;
    for (Entry& entry : jobs_.entries) {
      for (const std::string_view key : {"after", "after_any", "after_commit"}) {
        Node* list = entry.value.find(key);
        if (list == nullptr) continue;
        for (const Node& item : list->items) {
          const auto group = groups.find(job_of(item.scalar, key));
          count += group == groups.end() ? 1 : group->second->instances.size();
        }
        if (count > kSweptReferencesMax)
          return problems_.add(
              list->origin,
              format(
                  "jobs.{}.{}: expected at most {} names in after, after_any and after_commit of "
                  "all jobs, each sweep unfolded, found more; let fewer jobs wait for whole sweeps",
                  entry.key, key, kSweptReferencesMax));
        unfold(groups, *list, key);
      }
    }
  }

  /// In after_commit a step comes behind the name.
  static std::string_view job_of(std::string_view text, std::string_view key) {
    return key == "after_commit" ? text.substr(0, text.rfind('@')) : text;
  }

  static void unfold(const std::map<std::string, const Plan*, std::less<>>& groups, Node& list,
                     std::string_view key) {
    std::vector<Node> items;
    for (Node& item : list.items) {
      const std::string_view job = job_of(item.scalar, key);
      const auto group = groups.find(job);
      if (group == groups.end()) {
        items.push_back(std::move(item));
        continue;
      }
      for (const Instance& instance : group->second->instances)
        items.push_back(text_node(instance.name + item.scalar.substr(job.size()), item.origin));
    }
    list.items = std::move(items);
  }

  Node& jobs_;
  Problems& problems_;
  std::vector<Plan> plans_;
  std::set<std::string> taken_;
};

}  // namespace

SweptGroups expand_sweeps(Node& root, Problems& problems) {
  Node* jobs = root.find("jobs");
  if (jobs == nullptr || jobs->kind != Node::Kind::kMap) return {};
  const bool has_sweep = std::ranges::any_of(
      jobs->entries, [](const Entry& entry) { return entry.value.find("sweep") != nullptr; });
  return has_sweep ? Expander(*jobs, problems).run() : SweptGroups{};
}

}  // namespace tagalign::config
