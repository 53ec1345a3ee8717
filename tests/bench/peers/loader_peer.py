"""Images a second of the reference's loader, on one thread: loader_peer.py FOLDER, asked by suites/loader.py with
"decode COUNT", "plain COUNT" and "full COUNT". Batches are put together as a data loader does it."""
import random
import resource
import sys
import time
from pathlib import Path

import torch
from photographs import decoded, prepared
from serving import serve

BATCH, SIZE = 8, 224


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Loader:
    def __init__(self, folder):
        self.paths = sorted(path for path in (folder / "images").iterdir() if path.suffix == ".jpg")
        self.next = 0

    def path(self):
        self.next += 1
        return self.paths[self.next % len(self.paths)]

    def measure(self, how, count):
        begin, used, done = time.perf_counter(), cpu_s(), 0
        while done < int(count):
            if how == "decode":
                decoded(self.path())
                done += 1
            else:
                torch.stack([prepared(self.path(), SIZE, how == "full") for _ in range(BATCH)])
                done += BATCH
        return {"images": done, "wall": time.perf_counter() - begin, "cpu": cpu_s() - used}


if __name__ == "__main__":
    torch.set_num_threads(1)
    random.seed(1)
    loader = Loader(Path(sys.argv[1]))
    serve({how: lambda count, how=how: loader.measure(how, count) for how in ("decode", "plain", "full")})
