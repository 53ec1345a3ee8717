/// Root reads every file; a test of unreadable files gives that power up for a while.
#pragma once

#include <unistd.h>

namespace tagalign::testing_support {

/// While it lives, root acts as "nobody" on files (the effective user id of the whole process).
/// Does nothing for others.
class OrdinaryUser {
 public:
  OrdinaryUser() : was_root_(::geteuid() == 0) {
    if (was_root_ && ::seteuid(kNobody) != 0) was_root_ = false;
  }
  ~OrdinaryUser() {
    if (was_root_ && ::seteuid(0) != 0) ::_exit(1);
  }
  OrdinaryUser(const OrdinaryUser&) = delete;
  OrdinaryUser& operator=(const OrdinaryUser&) = delete;

  /// False where root may not become anybody else.
  bool active() const { return ::geteuid() != 0; }

 private:
  static constexpr uid_t kNobody = 65534;
  bool was_root_;
};

}  // namespace tagalign::testing_support
