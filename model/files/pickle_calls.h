/// What the names in a pickle stand for: the allow-list of pickle.h. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/files/pickle.h"

namespace tagalign::model {

/// On the list: module and name joined by a dot.
bool is_known_global(std::string_view name);

/// Outcome of a call: a value that was there already, or a new one.
struct Called {
  PickleRef existing = nullptr;
  decltype(PickleValue::data) data;
  std::uint32_t depth = 1;
};

/// `name` is on the list. The status only says what is wrong: the caller knows where.
Result<Called> call_known(const std::string& name, const std::vector<PickleRef>& arguments);

/// The storage that a persistent id names; a PickleRefused for one of a type that PyTorch has not.
Result<Called> storage_of(const PickleValue& id);

}  // namespace tagalign::model
