/// What the bits of a product of matrices follow from beside its factors.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace tagalign::jobs {

/// The program's version, whose kernels may be others, Torch's, the kind of device, the processor's
/// vector instructions and the number of threads.
std::string circumstances(at::Device device);

/// As the machine names its processor, of which a library may choose its kernels; "processor"
/// where it does not.
std::string processor_name();

}  // namespace tagalign::jobs
