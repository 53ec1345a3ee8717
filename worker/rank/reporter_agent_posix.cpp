#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/exit_codes.h"
#include "base/format.h"
#include "base/limits.h"
#include "base/log.h"
#include "coordinator/wire/codec.h"
#include "worker/rank/agent_watch_posix.h"
#include "worker/rank/reporter_signals_posix.h"
#include "worker/rank/staying_reporter.h"

namespace tagalign::jobs {
namespace {

constexpr std::int64_t kResendMs = 2'000;
constexpr std::int64_t kFarewellMsMax = 2'000;
constexpr std::size_t kQueuedEventsMax = 1'000;

/// Ends another thread's poll. Safe from any thread.
class Bell {
 public:
  static Result<Bell> make() {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0) return errno_status(errno, "starting the reporter: making an eventfd");
    return Bell(fd);
  }
  Bell(Bell&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Bell& operator=(Bell&&) = delete;
  ~Bell() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// To be polled for reading.
  int fd() const { return fd_; }
  void ring() const { (void)::eventfd_write(fd_, 1); }
  void silence() const {
    eventfd_t rings = 0;
    (void)::eventfd_read(fd_, &rings);
  }

 private:
  explicit Bell(int fd) : fd_(fd) {}
  int fd_;
};

/// The reporter's thread owns the socket; callers hand it frames. Events go one at a time,
/// in order: the agent acknowledges them by counting, and knows an event that is sent
/// again by its bytes.
class AgentReporter final : public StayingReporter {
 public:
  AgentReporter(std::unique_ptr<wire::ClientSocket> socket, Bell bell, AgentWatch watch,
                RankIdentity identity, Insight insight)
      : identity_(std::move(identity)),
        insight_(std::move(insight)),
        bell_(std::move(bell)),
        socket_(std::move(socket)),
        watch_(std::move(watch)),
        thread_([this] { run(); }) {}

  ~AgentReporter() override {
    {
      const std::scoped_lock lock(mutex_);
      ending_ = true;
    }
    bell_.ring();
    thread_.join();
  }

  void hello(const std::string& device) override {
    const std::scoped_lock lock(mutex_);
    hello_ = wire::RankHello{identity_.job, identity_.attempt, identity_.rank, ::getpid(), device};
    hello_due_ = true;
    bell_.ring();
  }

  void progress(std::uint64_t step, std::uint64_t steps_total,
                const std::string& activity) override {
    if (insight_.activity != nullptr) insight_.activity->move();
    const std::scoped_lock lock(mutex_);
    beat_.step = step;
    beat_.steps_total = steps_total;
    beat_.activity = activity;
  }

  Status checkpoint(const wire::CheckpointInfo& checkpoint, const wire::Pace& pace) override {
    return report(wire::CheckpointCommitted{identity_.job, identity_.attempt, checkpoint, pace},
                  format("reporting the checkpoint of step {}", checkpoint.step));
  }

  Status result(const wire::EvaluationResult& result) override {
    return report(wire::ResultReported{identity_.job, identity_.attempt, result},
                  format("reporting the result on {}", result.dataset));
  }

  void notice(const std::string& text) override {
    log_warning("{}", text);
    std::unique_lock lock(mutex_);
    enqueue(wire::RankNotice{identity_.job, identity_.attempt, identity_.rank, text});
  }

  void farewell(int code, const std::string& reason) override {
    std::unique_lock lock(mutex_);
    (void)say_farewell(lock, code, reason);
  }

  std::optional<wire::NextJob> farewell_and_stay(const std::string& reason) override {
    std::unique_lock lock(mutex_);
    if (!say_farewell(lock, 0, reason)) return std::nullopt;
    changed_.wait(lock, [&] { return next_job_.has_value(); });
    return next_job_;
  }

  std::optional<std::string> stop_requested() override {
    if (auto signal = stop_signal_received()) return signal;
    const std::scoped_lock lock(mutex_);
    return stop_reason_;
  }

  RankIdentity identity() const override { return identity_; }

 private:
  struct Event {
    wire::Frame frame;
    std::uint64_t ticket = 0;
    std::optional<MonotonicMs> sent_ms;
    std::uint64_t number = 0;  ///< as the agent counts, from 1; known once sent
  };

  /// 0 when the queue is full. Requires the lock. The agent would take an event equal to the one
  /// before for that one sent again, and never count it: it is the same event.
  std::uint64_t enqueue(const wire::FromRank& event) {
    wire::Frame frame = wire::make_frame(event);
    if (tickets_ > 0 && frame.body == newest_body_) return tickets_;
    if (queue_.size() >= kQueuedEventsMax) return 0;
    newest_body_ = frame.body;
    queue_.push_back({std::move(frame), ++tickets_, std::nullopt, 0});
    bell_.ring();
    return tickets_;
  }

  /// True when the agent has it.
  bool say_farewell(std::unique_lock<std::mutex>& lock, int code, const std::string& reason) {
    wait_for(lock, kFarewellMsMax, [&] { return queue_.empty(); });
    queue_.clear();  // what the agent could not take by now is reported again by the next attempt
    enqueue(wire::RankFarewell{identity_.job, identity_.attempt, identity_.rank, code, reason,
                               beat_.step});
    return wait_for(lock, kFarewellMsMax, [&] { return queue_.empty(); });
  }

  template <class Predicate>
  bool wait_for(std::unique_lock<std::mutex>& lock, std::int64_t wait_ms, Predicate done) {
    return changed_.wait_for(lock, std::chrono::milliseconds(wait_ms), done);
  }

  Status report(const wire::FromRank& event, const std::string& what) {
    std::unique_lock lock(mutex_);
    const std::uint64_t ticket = enqueue(event);
    const bool held = ticket != 0 && wait_for(lock, limits::kRequestTimeoutMs,
                                              [&] { return tickets_held_ >= ticket; });
    if (held) return ok_status();
    return unavailable(format("{}: the agent has not acknowledged it within {}; is its disk full?",
                              what, format_duration(limits::kRequestTimeoutMs)));
  }

  void run() {
    while (true) {
      wait_for_work();
      const std::vector<wire::Frame> frames = receive_all();
      const MonotonicMs now_ms = system_clock().monotonic_ms();
      if (std::exchange(stacks_due_, false) && insight_.show_stacks) insight_.show_stacks();
      const std::scoped_lock lock(mutex_);
      for (const wire::Frame& frame : frames) take(frame);
      if (watch_.is_gone(now_ms)) leave_alone();
      send_hello();
      send_event(now_ms);
      send_beat(now_ms);
      if (ending_) return;
    }
  }

  /// Until a message comes, a caller has something to send, or the next beat is due.
  void wait_for_work() {
    if (socket_->ready()) return;
    const MonotonicMs now_ms = system_clock().monotonic_ms();
    const MonotonicMs left_ms = stacks_due_ ? 1 : beat_sent_ms_ + limits::kRankHeartbeatMs - now_ms;
    const std::int64_t wait_ms = left_ms > 0 ? left_ms : limits::kRankHeartbeatMs;
    std::array<pollfd, 3> polled{pollfd{socket_->wait_fd(), POLLIN, 0},
                                 pollfd{bell_.fd(), POLLIN, 0}, pollfd{watch_.fd(), POLLIN, 0}};
    (void)::poll(polled.data(), polled.size(), static_cast<int>(wait_ms));
    bell_.silence();
  }

  /// Nobody is there to end this rank, or to hear why it ends.
  [[noreturn]] static void leave_alone() {
    log_error("the agent of this node is gone or says nothing any more: leaving at once");
    ::_exit(to_int(ExitCode::kPeerLost));
  }

  std::vector<wire::Frame> receive_all() {
    std::vector<wire::Frame> frames;
    while (true) {
      auto frame = socket_->receive(0);
      if (!frame.ok() || !frame->has_value()) return frames;
      frames.push_back(std::move(**frame));
    }
  }

  void take(const wire::Frame& frame) {
    if (frame.kind == wire::FrameKind::kNextJob) return take_next(frame);
    const auto message = wire::decode_to_rank(frame.body);
    if (!message.ok()) {
      log_warning("dropped a message of the agent: {}", message.status().to_string());
    } else if (const auto* stop = std::get_if<wire::SaveAndLeave>(&*message)) {
      if (!stop_reason_) stop_reason_ = stop->reason;
    } else if (const auto* ack = std::get_if<wire::RankAck>(&*message)) {
      acknowledge(ack->messages);
    } else if (std::holds_alternative<wire::AgentBeat>(*message)) {
      watch_.heard(system_clock().monotonic_ms());
    } else if (std::holds_alternative<wire::ShowStacks>(*message)) {
      stacks_due_ = true;  // without the lock: a thread that is asked may hold it
    }
  }

  void take_next(const wire::Frame& frame) {
    auto next = wire::decode_next_job(frame.body);
    if (!next.ok())
      return log_warning("dropped a message of the agent: {}", next.status().message());
    next_job_ = std::move(*next);
    changed_.notify_all();
  }

  void acknowledge(std::uint64_t number) {
    if (queue_.empty() || !queue_.front().sent_ms || number < queue_.front().number) return;
    tickets_held_ = queue_.front().ticket;
    queue_.pop_front();
    changed_.notify_all();
  }

  bool send(const wire::Frame& frame) { return socket_->send(frame).ok(); }

  void send_hello() {
    if (!hello_ || !hello_due_ || !send(wire::make_frame(wire::FromRank{*hello_}))) return;
    hello_due_ = false;
    watch_.heard(system_clock().monotonic_ms());  // from now on it must answer
  }

  void send_event(MonotonicMs now_ms) {
    if (queue_.empty() || hello_due_) return;
    Event& event = queue_.front();
    if (event.sent_ms && now_ms - *event.sent_ms < kResendMs) return;
    if (!send(event.frame)) return;
    if (!event.sent_ms) event.number = ++numbers_;
    event.sent_ms = now_ms;
  }

  void send_beat(MonotonicMs now_ms) {
    if (!hello_ || hello_due_ || now_ms - beat_sent_ms_ < limits::kRankHeartbeatMs) return;
    beat_sent_ms_ = now_ms;
    if (insight_.activity != nullptr) {
      const Activity::View view = insight_.activity->view();
      beat_.phase = view.phase;
      beat_.moves = view.moves;
      beat_.collectives = view.collectives;
      beat_.collective = view.collective;
    }
    if (insight_.reading) beat_.reading = insight_.reading();
    if (!send(wire::make_frame(wire::FromRank{beat_}))) log_debug("a beat could not be sent");
  }

  const RankIdentity identity_;
  const Insight insight_;
  const Bell bell_;  ///< rung whenever thread_ has something new to do
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<wire::RankHello> hello_;
  bool hello_due_ = false;
  wire::RankBeat beat_{.job = identity_.job,
                       .attempt = identity_.attempt,
                       .rank = identity_.rank,
                       .activity = "starting"};
  bool stacks_due_ = false;  ///< used by thread_ alone
  MonotonicMs beat_sent_ms_ = 0;
  std::deque<Event> queue_;
  std::uint64_t tickets_ = 0;       ///< events handed in
  std::string newest_body_;         ///< of the newest of them
  std::uint64_t tickets_held_ = 0;  ///< the newest that the agent holds
  std::uint64_t numbers_ = 0;       ///< events sent, each counted once
  std::optional<std::string> stop_reason_;
  std::optional<wire::NextJob> next_job_;
  bool ending_ = false;
  std::unique_ptr<wire::ClientSocket> socket_;  ///< used by thread_ alone
  AgentWatch watch_;                            ///< likewise
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Reporter>> make_agent_reporter(const std::string& socket_path,
                                                      RankIdentity identity, int agent_pid,
                                                      Insight insight) {
  catch_stop_signals();
  die_with_launcher();
  TA_ASSIGN_OR_RETURN(auto socket, wire::connect_ipc(socket_path));
  TA_ASSIGN_OR_RETURN(Bell bell, Bell::make());
  return std::unique_ptr<Reporter>(new AgentReporter(std::move(socket), std::move(bell),
                                                     AgentWatch(agent_pid), std::move(identity),
                                                     std::move(insight)));
}

}  // namespace tagalign::jobs
