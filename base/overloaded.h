/// One visitor for std::visit out of several lambdas.
#pragma once

namespace tagalign {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
/// Compilers without P1816 (clang 14) do not deduce it themselves.
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace tagalign
