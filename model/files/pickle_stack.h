/// The hands of the pickle machine: bytes, the stack and its marks, and the values that are made.
/// Used by pickle.cpp alone, which knows the instructions.
///
/// The first failure sticks: what comes later finds nothing, and changes nothing
/// that is handed out.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/format.h"
#include "base/status.h"
#include "model/files/pickle.h"

namespace tagalign::model {

class PickleStack {
 protected:
  PickleStack(std::string_view bytes, const std::string& what) : bytes_(bytes), what_(what) {}

  // ------------------------------------------------------------- bytes

  std::string place() const { return format("reading {}, byte {}: ", what_, instruction_at_); }
  void fail(Status status) {
    if (failure_.ok()) failure_ = std::move(status);
  }
  void damaged(std::string_view found) {
    fail(
        data_loss(place() + format("{}; the file is damaged or no pickle: fetch it again", found)));
  }
  void beyond(std::string_view limit, std::size_t value) {
    fail(invalid_argument(
        place() + format("more than {} {}; no weights file needs so many: do not trust this file",
                         value, limit)));
  }

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) {
      damaged(format("{} bytes are announced, {} are left", count, bytes_.size() - at_));
      return {};
    }
    const auto part = bytes_.substr(at_, count);
    at_ += count;
    return part;
  }
  /// Little-endian.
  template <class T>
  T number() {
    const auto raw = take(sizeof(T));
    T value{};
    if (raw.size() == sizeof(T)) std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }
  std::string_view line() {
    const auto end = bytes_.substr(at_, kPickleNameCharsMax + 1).find('\n');
    if (end == std::string_view::npos) {
      damaged(format("a name without an end within {} characters", kPickleNameCharsMax));
      return {};
    }
    const auto text = take(end);
    ++at_;
    return text;
  }

  // ------------------------------------------------------------- stack

  PickleValue* make(decltype(PickleValue::data) data, std::uint32_t depth = 1) {
    if (pickle_.values.size() >= kPickleValuesMax) beyond("values", kPickleValuesMax);
    if (depth > kPickleDepthMax) beyond("containers within each other", kPickleDepthMax);
    if (!failure_.ok()) return &nothing_;
    return &pickle_.values.emplace_back(PickleValue{std::move(data), depth});
  }
  void push(PickleValue* value) {
    if (stack_.size() >= kPickleStackMax) return beyond("values on the stack", kPickleStackMax);
    stack_.push_back(value);
  }
  std::size_t fence() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue* top() {
    if (stack_.size() > fence()) return stack_.back();
    damaged("an instruction needs a value, the stack has none");
    return &nothing_;
  }
  PickleValue* pop() {
    PickleValue* const value = top();
    if (stack_.size() > fence()) stack_.pop_back();
    return value;
  }
  /// The last `count` values, in order.
  std::vector<PickleRef> pop_items(std::size_t count) {
    if (stack_.size() - fence() < count) {
      damaged(format("an instruction needs {} values, the stack has {}", count,
                     stack_.size() - fence()));
      return {};
    }
    const auto from = stack_.end() - static_cast<std::ptrdiff_t>(count);
    std::vector<PickleRef> items(from, stack_.end());
    stack_.erase(from, stack_.end());
    return items;
  }
  std::vector<PickleRef> pop_mark() {
    if (marks_.empty()) {
      damaged("an instruction needs a mark, there is none");
      return {};
    }
    auto items = pop_items(stack_.size() - fence());
    marks_.pop_back();
    return items;
  }
  static std::uint32_t depth_over(const std::vector<PickleRef>& items) {
    std::uint32_t depth = 0;
    for (const PickleRef item : items) depth = std::max(depth, item->depth);
    return depth + 1;
  }
  template <class Container>
  void push_container(std::vector<PickleRef> items) {
    const auto depth = depth_over(items);
    push(make(Container{std::move(items)}, depth));
  }
  void deepen(PickleValue& container, const std::vector<PickleRef>& items) {
    container.depth = std::max(container.depth, depth_over(items));
    if (container.depth > kPickleDepthMax) beyond("containers within each other", kPickleDepthMax);
  }

  std::string_view bytes_;
  const std::string& what_;  ///< outlives the machine
  std::size_t at_ = 0;
  std::size_t instruction_at_ = 0;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;  ///< sizes of the stack; nothing below the last one is touched
  PickleValue nothing_;             ///< what a failed instruction works on
  Pickle pickle_;
  Status failure_;
};

}  // namespace tagalign::model
