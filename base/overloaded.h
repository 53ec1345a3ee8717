/// One visitor for std::visit out of several lambdas.
#pragma once

namespace tagalign {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace tagalign
