/// Slots times time by what it was for, as columns and as a sentence. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "coordinator/wire/client_messages.h"

namespace tagalign::cli {

struct SlotTimePart {
  const char* key;    ///< in JSON
  const char* title;  ///< of the column
  std::int64_t wire::GoodputRow::*time;
};
inline constexpr std::array kSlotTimeParts{
    SlotTimePart{"waited_ms", "WAITED", &wire::GoodputRow::waited},
    SlotTimePart{"starting_ms", "STARTING", &wire::GoodputRow::starting},
    SlotTimePart{"loading_ms", "LOADING", &wire::GoodputRow::loading},
    SlotTimePart{"training_ms", "TRAINING", &wire::GoodputRow::training},
    SlotTimePart{"evaluating_ms", "EVALUATING", &wire::GoodputRow::evaluating},
    SlotTimePart{"saving_ms", "SAVING", &wire::GoodputRow::saving},
    SlotTimePart{"untold_ms", "UNTOLD", &wire::GoodputRow::untold},
    SlotTimePart{"lost_ms", "LOST", &wire::GoodputRow::lost},
    SlotTimePart{"hung_ms", "HUNG", &wire::GoodputRow::hung}};

/// Of what held slots, how many percent were training, evaluation or work not told apart that lasts.
std::optional<double> useful_percent(const wire::GoodputRow& row);
/// "waited 3 s, starting 2 s, training 40 s; 87.0 % useful": what is zero is left out.
std::string slot_time_text(const wire::GoodputRow& row);

}  // namespace tagalign::cli
