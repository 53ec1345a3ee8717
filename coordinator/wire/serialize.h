/// What is written of each message struct: cereal's serialize() for everything that
/// fields.h and client_fields.h list.
///
/// Works with any archive; wire_archive.h holds the ones that the wire and the store use. Only
/// codec.cpp and coordinator/store include this file.
#pragma once

#include "base/ids.h"
#include "coordinator/wire/client_fields.h"
#include "coordinator/wire/fields.h"
#include "coordinator/wire/wire_archive.h"

namespace tagalign {

template <class Archive, class Tag, class Rep>
void serialize(Archive& archive, StrongId<Tag, Rep>& id) {
  archive(id.value);
}

}  // namespace tagalign

namespace tagalign::wire {

/// Numbers of the first and last enumerator; all between are known.
template <class Enum>
struct EnumRange;
template <>
struct EnumRange<Outcome> {
  static constexpr Outcome first = Outcome::kSucceeded, last = Outcome::kHung;
};
template <>
struct EnumRange<Phase> {
  static constexpr Phase first = Phase::kStart, last = Phase::kWait;
};
template <>
struct EnumRange<StopMode> {
  static constexpr StopMode first = StopMode::kSaveAndLeave, last = StopMode::kKill;
};
template <>
struct EnumRange<PoolVerb> {
  static constexpr PoolVerb first = PoolVerb::kPause, last = PoolVerb::kRemove;
};
template <>
struct EnumRange<JobVerb> {
  static constexpr JobVerb first = JobVerb::kCancel, last = JobVerb::kSet;
};
template <>
struct EnumRange<GangLauncher> {
  static constexpr GangLauncher first = GangLauncher::kMpirun, last = GangLauncher::kSrun;
};
template <class Enum>
concept RangedEnum = requires {
  EnumRange<Enum>::first;
};

template <RangedEnum Enum>
void save(WireWriter& out, const Enum& value) {
  out(static_cast<std::underlying_type_t<Enum>>(value));
}
/// Refuses numbers that name no enumerator.
template <RangedEnum Enum>
void load(WireReader& in, Enum& value) {
  std::underlying_type_t<Enum> number{};
  in(number);
  value = static_cast<Enum>(number);
  if (value < EnumRange<Enum>::first || value > EnumRange<Enum>::last) {
    throw cereal::Exception(format("{} names no known kind", number));
  }
}

/// Every struct that has a list of its fields is written as these fields, one after the other.
template <class Archive, class M>
requires requires(M& m) {
  visit_fields([](const char*, auto&) {}, m);
}
void serialize(Archive& archive, M& m) {
  visit_fields([&](const char*, auto& field) { archive(field); }, m);
}

}  // namespace tagalign::wire

namespace cereal {
/// Instead of cereal's own treatment of enums, which takes any number.
template <class Archive, tagalign::wire::RangedEnum Enum>
struct specialize<Archive, Enum, cereal::specialization::non_member_load_save> {};
}  // namespace cereal
