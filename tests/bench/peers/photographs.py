"""The training's images as the reference prepares them, with Pillow alone: random resized crop, flip, RandAugment
(rand-m9-mstd0.5-inc1), normalisation, random erasing. Draws come from Python's generator: the distributions are those of
the reference, the numbers are not."""
import csv
import json
import math
import random

import numpy
import torch
from PIL import Image, ImageEnhance, ImageOps

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
FILL = (124, 116, 104)
LEVELS = 10  # of a magnitude


def signed(value):
    return value if random.random() < 0.5 else -value


def warp(image, matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=FILL)


def solarize_add(image, amount):
    table = [min(255, value + amount) if value < 128 else value for value in range(256)]
    return image.point(table * 3)


def enhanced(kind):
    return lambda image, level: kind(image).enhance(max(0.1, 1 + signed(0.9 * level)))


# Each takes an image and a level from 0 to 1.
OPERATIONS = (
    lambda image, level: ImageOps.autocontrast(image),
    lambda image, level: ImageOps.equalize(image),
    lambda image, level: ImageOps.invert(image),
    lambda image, level: image.rotate(signed(30 * level), Image.Resampling.BILINEAR, fillcolor=FILL),
    lambda image, level: ImageOps.posterize(image, max(1, 4 - int(4 * level))),
    lambda image, level: ImageOps.solarize(image, 256 - int(256 * level)),
    lambda image, level: solarize_add(image, int(110 * level)),
    enhanced(ImageEnhance.Color),
    enhanced(ImageEnhance.Contrast),
    enhanced(ImageEnhance.Brightness),
    enhanced(ImageEnhance.Sharpness),
    lambda image, level: warp(image, (1, signed(0.3 * level), 0, 0, 1, 0)),
    lambda image, level: warp(image, (1, 0, 0, signed(0.3 * level), 1, 0)),
    lambda image, level: warp(image, (1, 0, signed(0.45 * level) * image.width, 0, 1, 0)),
    lambda image, level: warp(image, (1, 0, 0, 0, 1, signed(0.45 * level) * image.height)),
)


def rand_augment(image):
    for operation in random.choices(OPERATIONS, k=2):
        if random.random() < 0.5:
            image = operation(image, min(LEVELS, max(0, random.gauss(9, 0.5))) / LEVELS)
    return image


def crop_box(width, height):
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if w <= width and h <= height:
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            return left, top, left + w, top + h
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def erased(pixels):
    _, height, width = pixels.shape
    for _ in range(10):
        area = height * width * random.uniform(0.02, 1 / 3)
        ratio = math.exp(random.uniform(math.log(0.3), math.log(1 / 0.3)))
        h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if h < height and w < width:
            top, left = random.randint(0, height - h), random.randint(0, width - w)
            pixels[:, top:top + h, left:left + w].normal_()
            break
    return pixels


def decoded(path):
    with Image.open(path) as image:
        return image.convert("RGB")


def prepared(path, size, full=True):
    """[3, size, size] normalised; without RandAugment and erasing unless `full`."""
    image = decoded(path)
    image = image.crop(crop_box(*image.size)).resize((size, size), Image.Resampling.BILINEAR)
    if random.random() < 0.5:
        image = ImageOps.mirror(image)
    if full:
        image = rand_augment(image)
    pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1).float().div_(255)
    pixels = pixels.sub_(MEAN).div_(DEVIATION)
    return erased(pixels) if full and random.random() < 0.25 else pixels


class Photographs(torch.utils.data.Dataset):
    """The folder that bench_photographs writes; a sample is pixels, token ids and a multi-hot vector of tags."""

    TOKENS = 20  # of a caption; the rest of the context is padding

    def __init__(self, folder, size, tags):
        self.folder, self.size, self.tags = folder, size, tags
        with (folder / "captions.csv").open(newline="") as stream:
            self.names = [row["file"] for row in csv.DictReader(stream)]
        self.index = json.loads((folder / "tags.json").read_text())

    def __len__(self):
        return len(self.names)

    def __getitem__(self, number):
        name = self.names[number]
        ids = torch.zeros(77, dtype=torch.long)
        ids[:self.TOKENS] = torch.randint(1, 49000, (self.TOKENS,))
        ids[self.TOKENS] = 49407
        marks = torch.zeros(self.tags)
        marks[self.index[name]] = 1
        return prepared(self.folder / "images" / name, self.size), ids, marks
