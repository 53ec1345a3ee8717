#include "coordinator/store/store.h"

namespace tagalign::store {

Result<Snapshot> load_state(Store& store) {
  TA_ASSIGN_OR_RETURN(Snapshot loaded, store.newest_snapshot());
  TA_RETURN_IF_ERROR(store.replay(loaded.sequence, [&](std::uint64_t, const core::Fact& fact) {
    core::evolve(loaded.state, fact);
  }));
  return loaded;
}

}  // namespace tagalign::store
