#include "tests/simulation/cluster.h"

#include "base/format.h"

namespace tagalign::simulation {
namespace {

using protocol::JobSpec;
using protocol::WorkflowSpec;

constexpr UnixMs kWeatherMs = 120'000;
constexpr UnixMs kCalmMs = 900'000;

JobSpec job(std::string name, std::string kind, int ranks, std::vector<std::string> after,
            std::string on_commit_of = {}) {
  JobSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.ranks = ranks;
  spec.after = std::move(after);
  spec.on_commit_of = std::move(on_commit_of);
  return spec;
}

WorkflowSpec workflow(int number) {
  return {format("flow-{}", number),
          "/work",
          {job("prepare", "prepare", 1, {}), job("train", "train", 2, {"prepare"}),
           job("evaluate", "evaluate", 1, {}, "train"), job("baseline", "evaluate", 1, {"prepare"}),
           job("report", "prepare", 1, {"evaluate", "baseline"})}};
}

class Cluster {
 public:
  explicit Cluster(std::uint64_t seed)
      : world_(seed), coordinator_(world_, [this](const AgentId& to, protocol::ToAgent m) {
          down(to, std::move(m));
        }) {
    const auto count = world_.between(1, 3);
    for (int i = 0; i < count; ++i) {
      const AgentId id{format("node{}", i)};
      const int slots = static_cast<int>(world_.between(2, 4));
      agents_[id] = std::make_unique<Agent>(
          world_, id, slots, [this, id](protocol::FromAgent m) { up(id, std::move(m)); });
    }
  }

  Summary run() {
    draw_weather();
    coordinator_.start();
    for (auto& [id, agent] : agents_) agent->start();
    const auto flows = world_.between(1, 3);
    for (int i = 0; i < flows; ++i) {
      world_.after(world_.between(0, 40'000), [this, i] { client(i); });
    }
    misfortune();
    while (world_.step(start_ + kWeatherMs)) {
    }
    heal();
    while (!all_done() && world_.step(start_ + kWeatherMs + kCalmMs)) {
    }
    check();
    return summarise();
  }

 private:
  struct Link {
    UnixMs last_ms = 0;  ///< a connection keeps order
    bool cut = false;
  };

  void draw_weather() {
    const auto up_to = [this](double most) { return world_.random.uniform(0, most); };
    world_.weather = {up_to(0.2),  up_to(0.2),  up_to(0.2),  up_to(0.1),
                      up_to(0.03), up_to(0.05), up_to(0.05), up_to(0.1)};
  }

  /// In order on one connection, with loss, delay, and late second copies.
  template <class Deliver>
  void carry(Link& link, Deliver deliver) {
    if (link.cut || world_.random.chance(world_.weather.loss)) return;
    const int copies = world_.random.chance(world_.weather.duplicate) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const auto slowest = world_.random.chance(world_.weather.slow) ? 3'000 : 40;
      const UnixMs at = std::max(link.last_ms, world_.now + world_.between(1, slowest));
      if (i == 0) link.last_ms = at;
      world_.after(at - world_.now + i * world_.between(0, 500), deliver);
    }
  }

  /// A message dies with the connection: with either of the two processes.
  void up(const AgentId& from, protocol::FromAgent message) {
    carry(up_[from],
          [this, from, message, a = agents_[from]->incarnation(), c = coordinator_.incarnation()] {
            if (!coordinator_.up() || coordinator_.incarnation() != c ||
                agents_[from]->incarnation() != a)
              return;
            coordinator_.receive(message);
          });
  }
  void down(const AgentId& to, protocol::ToAgent message) {
    if (!agents_.contains(to)) return;
    carry(down_[to],
          [this, to, message, a = agents_[to]->incarnation(), c = coordinator_.incarnation()] {
            Agent& agent = *agents_[to];
            if (agent.up() && agent.incarnation() == a && coordinator_.incarnation() == c)
              agent.receive(message);
          });
  }

  /// Submits with one token until told that it is durable.
  void client(int number) {
    const std::string token = format("token-{}", number);
    if (coordinator_.knows(token)) {
      acknowledged_.insert(token);
      return;
    }
    if (coordinator_.up()) coordinator_.submit(token, workflow(number));
    world_.after(world_.between(100, 3'000), [this, number] { client(number); });
  }

  void misfortune() {
    if (healed_) return;
    switch (world_.random.below(8)) {
      case 0:
      case 1:
        restart_coordinator();
        break;
      case 2:
      case 3:
        restart_agent();
        break;
      case 4:
      case 5:
        cut_link();
        break;
      case 6:
        coordinator_.store().fail_appends(static_cast<int>(world_.between(1, 100)));
        break;
      default:
        cancel_something();
    }
    world_.after(world_.between(200, 15'000), [this] { misfortune(); });
  }

  void restart_coordinator() {
    if (!coordinator_.up()) return;
    coordinator_.crash();
    ++summary_.coordinator_crashes;
    world_.after(world_.between(10, 20'000), [this] {
      if (!coordinator_.up()) coordinator_.start();
    });
  }

  Agent& any_agent() {
    auto it = agents_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(world_.random.below(agents_.size())));
    return *it->second;
  }

  void restart_agent() {
    Agent& agent = any_agent();
    if (!agent.up()) return;
    agent.crash();
    ++summary_.agent_crashes;
    world_.after(world_.between(10, 30'000), [&agent] {
      if (!agent.up()) agent.start();
    });
  }

  void cut_link() {
    const AgentId id = any_agent().id();
    const bool both = world_.random.chance(0.7);
    const bool upward = world_.random.chance(0.5);
    if (both || upward) up_[id].cut = true;
    if (both || !upward) down_[id].cut = true;
    world_.after(world_.between(500, 40'000), [this, id] { up_[id].cut = down_[id].cut = false; });
  }

  void cancel_something() {
    if (!coordinator_.up() || coordinator_.state().jobs.empty() || !world_.random.chance(0.3))
      return;
    coordinator_.cancel(JobId{world_.random.below(coordinator_.state().jobs.size()) + 1});
  }

  void heal() {
    healed_ = true;
    world_.weather = {};
    coordinator_.store().fail_appends(0);
    for (auto& [id, agent] : agents_) {
      up_[id].cut = down_[id].cut = false;
      if (!agent->up()) agent->start();
    }
    if (!coordinator_.up()) coordinator_.start();
  }

  bool all_done() const {
    return acknowledged_.size() == coordinator_.state().workflows.size() &&
           !acknowledged_.empty() && coordinator_.state().live.empty() && coordinator_.up();
  }

  void check() {
    const core::State& state = coordinator_.state();
    for (JobId id : state.live) {
      const auto lines = core::explain(state, id, world_.now);
      world_.violation(format("job {} never ended: {}", id.value, lines.front()));
    }
    for (const std::string& token : acknowledged_) {
      if (!core::find_submission(state, token))
        world_.violation(token + " was acknowledged and is lost");
    }
    if (state.conflicting_results != 0) world_.violation("equal keys with other counts");
    for (const core::Template& pattern : state.templates) check_template(pattern);
    coordinator_.crash();
    coordinator_.start();  // compares the replay
  }

  void check_template(const core::Template& pattern) {
    const core::State& state = coordinator_.state();
    std::set<std::string> exist;
    for (const auto& [step, info] : world_.files.jobs[pattern.source].steps) {
      if (info.scheduled) exist.insert(info.digest);
    }
    const bool all = std::holds_alternative<core::Succeeded>(state.jobs.at(pattern.source).state);
    if (all && pattern.instantiated != exist)
      world_.violation("a scheduled checkpoint was not evaluated");
    for (const std::string& digest : pattern.instantiated) {
      if (!exist.contains(digest))
        world_.violation("evaluated without a scheduled checkpoint: " + digest);
    }
    if (pattern.instances.size() != pattern.instantiated.size())
      world_.violation("evaluated more than once");
    for (JobId id : pattern.instances) {
      const core::Job& instance = state.jobs.at(id);
      const bool done = std::holds_alternative<core::Succeeded>(instance.state);
      if (done && !state.results.contains(instance.spec.overrides.back()))
        world_.violation("a result was lost");
    }
  }

  Summary summarise() {
    summary_.violations = world_.violations;
    summary_.events = coordinator_.store().event_count();
    summary_.gangs = static_cast<int>(world_.launched.size());
    for (const auto& [id, entry] : coordinator_.state().jobs) {
      ++summary_.jobs_by_state[std::string(core::job_state_name(entry.state))];
    }
    return summary_;
  }

  World world_;
  const UnixMs start_ = world_.now;
  Coordinator coordinator_;
  std::map<AgentId, std::unique_ptr<Agent>> agents_;
  std::map<AgentId, Link> up_;
  std::map<AgentId, Link> down_;
  std::set<std::string> acknowledged_;
  bool healed_ = false;
  Summary summary_;
};

}  // namespace

Summary run_cluster(std::uint64_t seed) {
  return Cluster(seed).run();
}

}  // namespace tagalign::simulation
