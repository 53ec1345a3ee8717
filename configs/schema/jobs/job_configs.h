/// Typed configuration of every kind of job. configs/KEYS.md lists every key with effect, unit,
/// default and range; it is made from the visit_fields() beside each struct.
///
/// Loading (load.h) refuses unknown keys, wrong types and values out of range with file:line.
/// Relative paths are relative to the working directory of the rank: a workflow's workspace.
#pragma once

#include "configs/schema/jobs/data_configs.h"
#include "configs/schema/jobs/evaluate_config.h"
#include "configs/schema/jobs/exec_config.h"
#include "configs/schema/jobs/pretrain_config.h"
#include "configs/schema/jobs/scenes_config.h"
#include "configs/schema/jobs/train_config.h"
