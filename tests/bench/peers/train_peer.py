"""The reference's training in plain PyTorch: train_peer.py FOLDER SHAPE BATCH THREADS fp32|bf16 EMBEDDING, asked by the suites
with "steps COUNT". Frozen CLIP, GDecoder projector, both losses, AdamW, gradients clipped; one worker of a data loader.
EMBEDDING: a file of the tags' embedding, which is made where it is missing: its size says how many tags there are."""
import contextlib
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from clip_model import SHAPES, ImageEncoder, Projector, TextEncoder, frozen, initial_scale, unit
from photographs import Photographs
from serving import serve


class Training:
    def __init__(self, folder, shape, batch, precision, embedding):
        shape = SHAPES[shape]
        self.precision = precision
        self.image, self.text = frozen(ImageEncoder(shape)), frozen(TextEncoder(shape))
        self.projector, self.scales = Projector(shape), [initial_scale(), initial_scale()]
        self.labels = unit(embedding)
        data = Photographs(folder, shape["grid"] * shape["patch"], len(embedding))
        self.loader = torch.utils.data.DataLoader(data, batch, shuffle=True, drop_last=True, num_workers=1, prefetch_factor=2,
                                                  persistent_workers=True)
        self.batches = self.forever()
        self.parameters = [*self.projector.parameters(), *self.scales]
        named = [*self.projector.named_parameters(), ("scale0", self.scales[0]), ("scale1", self.scales[1])]
        plain = [tensor for name, tensor in named if tensor.ndim == 1 or name.endswith(".bias")]
        decayed = [tensor for name, tensor in named if not (tensor.ndim == 1 or name.endswith(".bias"))]
        self.optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}],
                                           lr=1e-5, betas=(0.9, 0.999), eps=1e-6)

    def forever(self):
        while True:
            yield from self.loader

    def autocast(self):
        return torch.autocast("cpu", torch.bfloat16) if self.precision == "bf16" else contextlib.nullcontext()

    def features(self, images, ids):
        with torch.no_grad(), self.autocast():
            tokens, grid = self.image(images)
            captions = self.text(ids)
        with self.autocast():
            image = self.projector(tokens[:, 1:], grid)
        return image.float().mean(1), captions.float()

    def loss(self, image, captions, marks):
        image = unit(image)
        logits = image @ unit(captions).T * self.scales[0].exp().clamp_max(100)
        target = torch.arange(len(image))
        contrastive = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        shares = (image @ self.labels.T * self.scales[1].exp().clamp_max(100)).softmax(-1)
        wanted = marks / marks.sum(-1, keepdim=True).clamp_min(1)
        return contrastive - (wanted * shares.clamp_min(1e-8).log()).sum(-1).mean()

    def step(self):
        images, ids, marks = next(self.batches)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(*self.features(images, ids), marks)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimizer.step()
        return loss.item()

    def steps(self, count):
        return {"steps": int(count), "loss": [self.step() for _ in range(int(count))][-1]}


def embedding_of(path, shape):
    """A file of 20 MB for 10,000 tags of B/16, as the reference reads it."""
    if not path.exists():
        tags = len((path.parent / "tag_names.txt").read_text().splitlines())
        torch.save(torch.randn(tags, SHAPES[shape]["embed"]), path)
    return torch.load(path)


def main(folder, shape, batch, threads, precision, embedding):
    torch.manual_seed(1)
    torch.set_num_threads(int(threads))
    training = Training(Path(folder), shape, int(batch), precision, embedding_of(Path(embedding), shape))
    serve({"steps": training.steps})


if __name__ == "__main__":
    main(*sys.argv[1:])
