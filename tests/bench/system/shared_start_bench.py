#!/usr/bin/env python3
"""What small evaluations of one checkpoint save by sharing the start of a gang, through the real programs.

    tests/bench/system/shared_start_bench.py            # build/bin/tagalign: 8 evaluations of a drawn data set, in turns

Those that do not share differ in a key that no number depends on and that a process is started with. Printed: seconds
from submission to the end of the last, for both, their ratio, and how many ran in the ranks of another.
"""
import argparse
import os
import shutil
import statistics
import time
from pathlib import Path

from system import System

ROOT = Path(__file__).resolve().parents[3]

MODEL = """
name: model
jobs:
  scenes:
    kind: scenes
    config: {output: scenes, train_count: 32, train_size: 32, validation: [{name: val, count: %d, size: 48, look: day}]}
  clip:
    kind: pretrain
    after: [scenes]
    config:
      data: {root: scenes/train/images, captions: scenes/train/captions.csv, tags: scenes/train/tags.json,
             tag_names: scenes/tag_names.txt, image_size: 32}
      augment: {scale_min: 0.5, rand_augment: "", erase: 0.0}
      checkpoint: {directory: clip_checkpoints, every_steps: 1000}
      vision_width: 64
      vision_layers: 7
      patch_size: 8
      text_width: 64
      text_layers: 1
      embed_dim: 32
      global_batch: 8
      steps: 3
"""
EVALUATION = """
  e%d:
    kind: evaluate
    config:
      runtime: {collective_timeout_s: %d}
      label: %s
      method: clip
      clip: {weights: clip.safetensors}
      datasets: [{name: val, root: scenes/val, short_side: 48, window: 32, stride: 16}]
"""


class Tagalign(System):
    def submit_and_wait(self, text, name):
        """Seconds from the submission to the end of the last job."""
        file = self.write(name, text)
        begin = time.time()
        self.run("submit", file, "--workspace", str(self.folder / "work"))
        self.run("wait")
        return time.time() - begin

    def evaluate(self, name, count, alike):
        jobs = [EVALUATION % (i, 600 if alike else 601 + i, f"{name}-{i}") for i in range(count)]
        taken = self.submit_and_wait(f"name: {name}\njobs:" + "".join(jobs), name)
        logs = (self.folder / "work/logs").glob("e*/attempt-1/launcher.log")
        shared = sum(log.read_text(errors="replace").startswith("runs in the ranks of") for log in logs)
        shutil.rmtree(self.folder / "work/logs")
        return taken, shared


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/bin/tagalign")
    parser.add_argument("--count", type=int, default=8, help="evaluations")
    parser.add_argument("--images", type=int, default=4, help="of each")
    parser.add_argument("--slots", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3, help="of both, in turns")
    options = parser.parse_args()
    taken = {True: [], False: []}
    with Tagalign(options.program, ["--slots", options.slots]) as system:
        system.submit_and_wait(MODEL % options.images, "model")
        for turn in range(options.rounds):
            for alike in (False, True):
                seconds, shared = system.evaluate(f"t{turn}{'shared' if alike else 'apart'}", options.count, alike)
                taken[alike].append(seconds)
                print(f"{'shared' if alike else 'apart':6} {options.count} evaluations: {seconds:6.2f} s, "
                      f"{shared} of them in the ranks of another", flush=True)
    apart, shared = (statistics.median(taken[alike]) for alike in (False, True))
    print(f"median {apart:.2f} s apart, {shared:.2f} s shared: {apart / shared:.2f} times as fast")


if __name__ == "__main__":
    os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT", "1")
    os.environ.setdefault("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
    main()
