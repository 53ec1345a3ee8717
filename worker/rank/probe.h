/// What `tagalign doctor` asks of every rank.
#pragma once

#include <string>

namespace tagalign::jobs {

/// {"rank":0,"world":2,"torch":"2.11.0","cuda_build":false,"gpus":0,"nccl":"none"}
std::string probe_json(int rank, int world);

}  // namespace tagalign::jobs
