"""Other systems under the same faults, in the virtual environment: peers.py NAME, with questions of systems.Peer on stdin.

Imports once, then forks: each rank and each load is a process of its own. The state is a function of the step, about 3 MB.
"""
import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)


def state(step):
    draw = torch.Generator().manual_seed(step)
    return {"weight": torch.randn(4000, 64, generator=draw), "half": torch.randn(1001, generator=draw).bfloat16(),
            "step": torch.tensor(step), "first_moment": torch.randn(250_001, generator=draw),
            "second_moment": torch.randn(250_001, generator=draw)}


def equal(found, step):
    wanted = state(step)
    return found.keys() == wanted.keys() and all(
        found[name].dtype == tensor.dtype and torch.equal(found[name], tensor) for name, tensor in wanted.items())


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


class Distributed:
    """The default writer and reader; a folder counts when its .metadata is there, which is renamed into place last."""
    def save(self, folder, step):
        dcp.save(state(step), checkpoint_id=folder / f"step-{step:08}")

    def steps(self, folder):
        return sorted(int(path.parent.name[5:]) for path in folder.glob("step-*/.metadata"))

    def load(self, folder, step):
        found = {name: torch.zeros_like(tensor) for name, tensor in state(step).items()}
        dcp.load(found, checkpoint_id=folder / f"step-{step:08}", no_dist=True)
        return found


class Renamed:
    """One file a step, written beside its place, synced, renamed."""
    def path(self, folder, step):
        return folder / f"step-{step:08}" / f"step-{step:08}.safetensors"

    def save(self, folder, step):
        path = self.path(folder, step)
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(".tmp")
        save_file(state(step), temporary)
        sync(temporary)
        temporary.rename(path)
        sync(path.parent)

    def steps(self, folder):
        return sorted(int(path.stem[5:]) for path in folder.glob("step-*/*.safetensors"))

    def load(self, folder, step):
        return load_file(self.path(folder, step))


class InPlace(Renamed):
    def save(self, folder, step):
        path = self.path(folder, step)
        path.parent.mkdir(exist_ok=True)
        save_file(state(step), path)


SYSTEMS = {"torch.distributed.checkpoint": Distributed, "safetensors, temporary file and rename": Renamed,
           "safetensors, in place": InPlace}


def be_rank(system, question, rank, meeting):
    if question["world"] > 1:
        dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=question["world"])
    log = os.open(question["log"], os.O_WRONLY | os.O_APPEND)
    folder = Path(question["folder"])
    for step in range(question["first"], question["last"] + 1):
        system.save(folder, step)
        os.write(log, f"saved {step}\n".encode())


def newest(system, folder):
    """As somebody does it who takes care: what cannot be loaded is left, and the one before is tried."""
    said = []
    for step in reversed(system.steps(folder)):
        try:
            return {"step": step, "equal": equal(system.load(folder, step), step), "said": "; ".join(said)}
        except BaseException as error:  # as CheckpointException is
            said.append(f"step {step}: {type(error).__name__}"[:200])
    return {"step": 0, "equal": False, "said": "; ".join(said)}


def fork(work):
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        try:
            work()
        finally:
            os._exit(0)
    return pid


def answer(system, question, ranks):
    if question["verb"] == "save":
        meeting = f"{question['log']}.{time.monotonic_ns()}"  # goes with the folder that all of it lies in
        ranks[:] = [fork(lambda rank=rank: be_rank(system, question, rank, meeting)) for rank in range(question["world"])]
        return ranks
    if question["verb"] == "wait":
        for pid in ranks:
            os.waitpid(pid, 0)
        return True
    reading, writing = os.pipe()
    pid = fork(lambda: os.write(writing, json.dumps(newest(system, Path(question["folder"]))).encode()))
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else {"step": 0, "equal": False, "said": "the process that loads died"}


def main():
    system, ranks = SYSTEMS[sys.argv[1]](), []
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    for line in sys.stdin:
        replies.write(json.dumps(answer(system, json.loads(line), ranks)) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
