/// One converter a file: convert_NAME.cpp. Each looks the official layout up in the source, however
/// deep the archives were unpacked, and plans the files of GroupViT's dataset guide. kNotFound when
/// the source is not the expected one: what was looked for, what was found, which archives hold it.
#pragma once

#include "data/benchmarks/convert/plan.h"

namespace tagalign::data {

/// voc, voc20. VOC2012's images, palette labels and Segmentation lists.
Result<Plan> plan_voc(const ConverterInput& input);
/// context, context59. Labels (0 background, 59 classes) painted from trainval_merged.json, or
/// taken from a SegmentationClassContext folder made earlier.
Result<Plan> plan_context(const ConverterInput& input);
/// coco_stuff, coco_object. Train ids from COCO-Stuff's maps of things and stuff.
Result<Plan> plan_coco(const ConverterInput& input);
/// cityscapes. Train ids from `_labelIds.png`; where that is absent from the polygons, whose
/// borders may differ by a pixel from the official maps; else an existing `_labelTrainIds.png`.
Result<Plan> plan_cityscapes(const ConverterInput& input);
/// ade20k. ADEChallengeData2016 as it is.
Result<Plan> plan_ade20k(const ConverterInput& input);
/// imagenets50, imagenets300, imagenets919. The photographs of ImageNet's validation set that the
/// annotations name. A subset whose own annotations are absent is derived from ImageNetS919's with
/// the lists of the ImageNet-S repository.
Result<Plan> plan_imagenets(const ConverterInput& input);
/// folder. images/, labels/ (or masks/, annotations/) and classes.txt.
Result<Plan> plan_folder(const ConverterInput& input);

}  // namespace tagalign::data
