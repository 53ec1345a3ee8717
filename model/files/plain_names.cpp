#include "model/files/plain_names.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "base/format.h"
#include "model/files/pickle.h"

namespace tagalign::model {
namespace {

using std::string_view_literals::operator""sv;

/// By torch.compile, FSDP, activation checkpoints, Lightning's Fabric, Opacus.
constexpr std::array kAnywhere = {"_orig_mod"sv, "_fsdp_wrapped_module"sv,
                                  "_checkpoint_wrapped_module"sv, "_forward_module"sv, "_module"sv};
/// No name that is read here begins with one of these.
constexpr std::array kInFront = {"module"sv, "model"sv, "net"sv, "network"sv};
constexpr std::array kInFrontOfAll = {
    "state_dict"sv, "ema"sv,           "model_ema"sv,  "ema_model"sv,   "student"sv,
    "teacher"sv,    "backbone"sv,      "clip"sv,       "clip_model"sv,  "generator"sv,
    "wrapped"sv,    "wrapped_model"sv, "base_model"sv, "online_model"sv};

template <std::size_t N>
bool is_one_of(std::string_view segment, const std::array<std::string_view, N>& all) {
  return std::ranges::find(all, segment) != all.end();
}

/// What stands before the first dot; empty without one.
std::string_view front_of(std::string_view name) {
  const auto dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view{} : name.substr(0, dot);
}

class Stripper {
 public:
  explicit Stripper(const std::vector<std::string>& names) : names_(names) {}

  PlainNames run() {
    attempt([this](std::string& name) { take_anywhere(name); });
    for (bool changed = true; changed;) {
      changed = attempt([this](std::string& name) { take_fronts(name); });
      changed = take_common_front() || changed;
    }
    return {std::move(names_), {taken_off_.begin(), taken_off_.end()}};
  }

 private:
  /// Changes all names, unless two would become one. True when any name is another now.
  template <class Change>
  bool attempt(const Change& change) {
    const auto names = names_;
    const auto taken_off = taken_off_;
    std::ranges::for_each(names_, change);
    if (names_ == names) return false;
    if (std::set<std::string_view>(names_.begin(), names_.end()).size() ==
        std::set<std::string_view>(names.begin(), names.end()).size())
      return true;
    names_ = names;
    taken_off_ = taken_off;
    return false;
  }

  void take_anywhere(std::string& name) {
    for (std::size_t from = 0; from < name.size();) {
      const std::string_view segment = front_of(std::string_view(name).substr(from));
      if (segment.empty()) return;
      if (is_one_of(segment, kAnywhere)) {
        taken_off_.insert(std::string(segment) + ".");
        name.erase(from, segment.size() + 1);
      } else {
        from += segment.size() + 1;
      }
    }
  }

  void take_front(std::string& name) {
    const std::string front = std::string(front_of(name)) + ".";
    taken_off_.insert(front);
    name.erase(0, front.size());
  }
  void take_fronts(std::string& name) {
    while (is_one_of(front_of(name), kInFront)) take_front(name);
  }

  bool take_common_front() {
    if (names_.empty()) return false;
    const std::string front(front_of(names_[0]));
    const bool is_common =
        is_one_of(front, kInFrontOfAll) &&
        std::ranges::all_of(names_, [&](const auto& name) { return front_of(name) == front; });
    return is_common && attempt([this](std::string& name) { take_front(name); });
  }

  std::vector<std::string> names_;
  std::set<std::string> taken_off_;
};

}  // namespace

PlainNames plain_names(const std::vector<std::string>& names) {
  return Stripper(names).run();
}

std::string taken_off_notice(const PlainNames& plain) {
  if (plain.taken_off.empty()) return "";
  return format("'{}' was taken off the names of its tensors",
                fmt::join(plain.taken_off, "' and '"));
}

StateDict with_plain_names(StateDict tensors, std::vector<std::string>& notices) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  const PlainNames plain = plain_names(names);
  if (plain.taken_off.empty()) return tensors;
  notices.push_back(taken_off_notice(plain));
  StateDict renamed;
  for (std::size_t i = 0; i < names.size(); ++i)
    renamed[plain.names[i]] = std::move(tensors.at(names[i]));
  return renamed;
}

}  // namespace tagalign::model
