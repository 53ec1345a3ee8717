#include "coordinator/service/turns.h"

#include <algorithm>
#include <utility>

#include "base/format.h"

namespace tagalign::service {
namespace {

// Of a message that is taken or sent.
constexpr double kMessageUs = 20;
constexpr double kBytesPerUs = 200;

bool without_account(const wire::ProvenKey& key) {
  return key.role == wire::KeyRole::kAdmin;
}

}  // namespace

Turns::Account& Turns::account(const std::string& name, MonotonicMs now_ms) {
  const auto [found, is_new] = accounts_.try_emplace(name);
  Account& account = found->second;
  if (is_new) {
    account.left_us = limits_.burst_us;
  } else {
    const auto passed_us = 1'000.0 * static_cast<double>(now_ms - account.at_ms);
    account.left_us = std::min(limits_.burst_us, account.left_us + limits_.share * passed_us);
  }
  account.at_ms = now_ms;
  return account;
}

bool Turns::take_turn(const wire::ProvenKey& key, MonotonicMs now_ms) {
  if (without_account(key)) return true;
  Account& own = account(key.name, now_ms);
  if (own.left_us <= 0 || !own.held.empty() || own.taken >= limits_.per_round) return false;
  ++own.taken;
  return true;
}

Status Turns::hold(wire::IncomingFrame request) {
  Account& own = accounts_.at(request.key.name);
  const std::size_t bytes = request.frame.body.size();
  if (own.held.size() >= limits_.held_max || own.held_bytes + bytes > limits_.held_bytes_max) {
    return unavailable(
        format("key '{}' asks faster than it may: {} requests wait already; wait for the answers "
               "before you ask again",
               request.key.name, own.held.size()));
  }
  own.held_bytes += bytes;
  own.held.push_back(std::move(request));
  return ok_status();
}

std::vector<wire::IncomingFrame> Turns::due(MonotonicMs now_ms) {
  std::vector<wire::IncomingFrame> requests;
  for (auto& [name, own] : accounts_) {
    own.taken = 0;
    if (own.held.empty() || account(name, now_ms).left_us <= 0) continue;
    for (; !own.held.empty() && own.taken < limits_.per_round; ++own.taken) {
      own.held_bytes -= own.held.front().frame.body.size();
      requests.push_back(std::move(own.held.front()));
      own.held.pop_front();
    }
  }
  return requests;
}

void Turns::charge(const wire::ProvenKey& key, std::size_t bytes) {
  if (without_account(key)) return;
  accounts_[key.name].left_us -= kMessageUs + static_cast<double>(bytes) / kBytesPerUs;
}

}  // namespace tagalign::service
