/// Variables of a workflow file: `vars: {name: value}` and ${name} in any other text of
/// it. Internal to configs/schema.
#pragma once

#include "configs/schema/document/document.h"

namespace tagalign::config {

/// Takes `vars` out of `root` and puts the values where ${name} stands; "$${" stands for "${".
/// Reports variables without a value, unknown names and unclosed braces.
void substitute_vars(Node& root, Problems& problems);

}  // namespace tagalign::config
