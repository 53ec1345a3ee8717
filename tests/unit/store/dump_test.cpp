/// The dump is written by hand; what is stored is listed once. Each stored field is changed by
/// itself, and the dump must show it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <variant>
#include <vector>

#include "coordinator/core/core.h"
#include "coordinator/store/fact_codec.h"
#include "coordinator/store/stored_fields.h"
#include "tests/unit/store/sample_facts.h"

namespace tagalign::store {
namespace {

/// Walks over the stored fields and changes the one leaf whose number is `wanted`.
class LeafChanger {
 public:
  explicit LeafChanger(int wanted) : wanted_(wanted) {}

  template <class T>
  void operator()(int number, const char*, T& field) {
    const std::string outer = where_;
    where_ += "." + std::to_string(number);
    change(field);
    where_ = outer;
  }

  int leaves() const { return leaves_; }
  const std::string& changed() const { return changed_; }

 private:
  bool hit() {
    if (leaves_++ != wanted_) return false;
    changed_ = where_;
    return true;
  }

  void change(bool& value) {
    if (hit()) value = !value;
  }
  void change(std::string& value) {
    if (hit()) value += "x";
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  void change(T& value) {
    if (hit()) value += T{1};
  }
  template <class T>
  requires std::is_enum_v<T>
  void change(T& value) {
    if (hit()) value = static_cast<T>(static_cast<int>(value) + 1);
  }
  template <class Tag, class Rep>
  void change(StrongId<Tag, Rep>& id) {
    change(id.value);
  }
  template <class A, class B>
  void change(std::pair<A, B>& pair) {
    change(pair.first);
    change(pair.second);
  }
  template <class T>
  void change(std::optional<T>& value) {
    if (hit()) {
      if (value)
        value.reset();
      else
        value.emplace();
    } else if (value) {
      change(*value);
    }
  }
  template <class... Ts>
  void change(std::variant<Ts...>& value) {
    std::visit([this](auto& body) { change(body); }, value);
  }
  template <class T>
  void change(std::vector<T>& items) {
    if (hit()) return void(items.emplace_back());
    for (T& item : items) change(item);
  }
  template <class T>
  void change(std::set<T>& items) {
    if (hit()) items.insert(T{});
  }
  template <class K, class V>
  void change(std::map<K, V>& items) {
    if (hit()) return void(items[K{}]);
    for (auto& [key, value] : items) change(value);
  }
  template <class K, class V>
  void change(core::IdTable<K, V>& items) {
    if (hit()) return void(items.emplace(K{}, V{}));
    for (auto& [key, value] : items) change(value);
  }
  template <class S>
  requires std::is_class_v<S>
  void change(S& value) { fields(*this, value); }

  int wanted_;
  int leaves_ = 0;
  std::string where_;
  std::string changed_;
};

/// With something in every list: the sample history, before and after it stops.
core::State sample_state() {
  core::State state;
  for (const core::Fact& fact : sample_facts()) core::evolve(state, fact);
  state.stopping = core::Stopping{.since_ms = 5, .kill_gangs = false};
  return state;
}

TEST(Dump, EachStoredField_ShowsInTheText) {
  const core::State before = sample_state();
  const std::string text = core::dump(before);
  LeafChanger count(-1);
  core::State walked = before;
  fields(count, walked);
  EXPECT_GT(count.leaves(), 100);
  for (int leaf = 0; leaf < count.leaves(); ++leaf) {
    core::State changed = before;
    LeafChanger changer(leaf);
    fields(changer, changed);
    EXPECT_NE(core::dump(changed), text) << "State" << changer.changed();
  }
}

}  // namespace
}  // namespace tagalign::store
