/// ProxyCLIP (Lan et al., ECCV 2024): the heads' protocol over a CLIP whose last block attends as
/// the patches of a DINO ViT do. Its maps have DINO's grid, finer than CLIP's.
///
/// Source: configs/schema/methods/proxyclip.h. Threads: as method.h says.
#pragma once

#include <memory>

#include "configs/schema/methods/proxyclip.h"
#include "model/methods/dino/vit.h"
#include "model/methods/heads/patch_encoder.h"
#include "model/methods/method.h"

namespace tagalign::model {

/// The DINO that the section names, through the materials. kInvalidArgument names the file, what was
/// expected and found, and the key to change; and what reading the file returns.
Result<std::shared_ptr<const DinoTower>> load_dino(const Materials& materials,
                                                   const config::ProxyClipEvaluation& config);

/// Windows of any shape, normalised with CLIP's statistics → with ImageNet's, as DINO knows them.
at::Tensor imagenet_pixels(const at::Tensor& windows);

/// Borrows the tower, shares the DINO. Windows of whole DINO patches; each has a mean of its own,
/// whatever else is in the batch.
std::unique_ptr<PatchEncoder> proxy_encoder(const VisionTower& vision,
                                            std::shared_ptr<const DinoTower> dino,
                                            const config::ProxyClipEvaluation& config);

/// The registry's row. Nothing is trained.
Result<std::unique_ptr<DenseModel>> proxyclip_model(const Materials& materials,
                                                    const StateDict& trained,
                                                    const config::EvaluationMethod& config);

}  // namespace tagalign::model
