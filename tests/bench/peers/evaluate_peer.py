"""The reference's evaluation in plain PyTorch: evaluate_peer.py FOLDER SHAPE SIDE CLASSES THREADS fp32|bf16, asked by
suites/evaluate.py with "images COUNT". Short side SIDE, windows of SIDE every SIDE / 2, maps of all classes enlarged to the
window, averaged, resized to the photograph, softmax, argmax, and counts against the labels."""
import contextlib
import resource
import sys
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from clip_model import SHAPES, ImageEncoder, Projector, frozen, unit
from photographs import DEVIATION, MEAN, decoded
from PIL import Image
from serving import serve

CLIP_SHARE, SCALE, BIAS = 0.3, 10, -2.5


def corners(length, window, stride):
    """Of windows along an axis; the last is shifted inward."""
    if length <= window:
        return [0]
    return [min(at, length - window) for at in range(0, length - window + stride, stride)]


class Evaluation:
    def __init__(self, folder, shape, side, classes, precision):
        self.folder, self.side, self.classes, self.precision = folder, side, classes, precision
        self.names = sorted(path.stem for path in (folder / "images").iterdir())
        shape = SHAPES[shape]
        self.image, self.projector = frozen(ImageEncoder(shape)), frozen(Projector(shape))
        self.text = unit(torch.randn(classes, shape["embed"]))
        self.counts = torch.zeros(3, classes, dtype=torch.long)
        self.next = 0

    def pixels(self, image):
        scale = self.side / min(image.size)
        image = image.resize(tuple(round(length * scale) for length in image.size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1).float().div_(255)
        return pixels.sub_(MEAN).div_(DEVIATION)

    def map_of(self, features, grid):
        similar = unit(features.float()) @ self.text.T
        return torch.sigmoid(SCALE * similar + BIAS).transpose(1, 2).reshape(1, self.classes, *grid)

    def window_scores(self, window):
        autocast = torch.autocast("cpu", torch.bfloat16) if self.precision == "bf16" else contextlib.nullcontext()
        with autocast:
            tokens, grid = self.image(window)
            trained = self.projector(tokens[:, 1:], grid)
            plain = self.image.projection(tokens[:, 1:])
        scores = (1 - CLIP_SHARE) * self.map_of(trained, grid) + CLIP_SHARE * self.map_of(plain, grid)
        return F.interpolate(scores, window.shape[2:], mode="bilinear", align_corners=False)

    def scores(self, pixels, size):
        _, height, width = pixels.shape
        total, seen = torch.zeros(1, self.classes, height, width), torch.zeros(1, 1, height, width)
        for y in corners(height, self.side, self.side // 2):
            for x in corners(width, self.side, self.side // 2):
                part = (..., slice(y, y + self.side), slice(x, x + self.side))
                total[part] += self.window_scores(pixels[None][part])
                seen[part] += 1
        return F.interpolate(total / seen, size, mode="bilinear", align_corners=False)[0]

    def one(self):
        name = self.names[self.next % len(self.names)]
        self.next += 1
        image = decoded(self.folder / "images" / f"{name}.jpg")
        with Image.open(self.folder / "labels" / f"{name}.png") as label:
            truth = torch.from_numpy(numpy.array(label)).long()
        found = self.scores(self.pixels(image), truth.shape).softmax(0).argmax(0)
        for row, ids in enumerate((found[found == truth], found.flatten(), truth.flatten())):
            self.counts[row] += torch.bincount(ids, minlength=self.classes)[:self.classes]

    @torch.no_grad()
    def images(self, count):
        for _ in range(int(count)):
            self.one()
        return {"images": int(count), "pixels": int(self.counts[1].sum()),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1.024e-3}


def main(folder, shape, side, classes, threads, precision):
    torch.manual_seed(1)
    torch.set_num_threads(int(threads))
    serve({"images": Evaluation(Path(folder), shape, int(side), int(classes), precision).images})


if __name__ == "__main__":
    main(*sys.argv[1:])
