"""Saves and restores as PyTorch and safetensors offer it: checkpoint_peers.py FOLDER MEGABYTES RANKS, asked on stdin by
checkpoint_bench.py: "write SYSTEM COUNT", "read SYSTEM THREADS", "forget".

The state is made once and shared with forked ranks. torch.save and safetensors write all of it from rank 0 and sync the file.
"""
import json
import os
import resource
import shutil
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.state_dict_saver import AsyncCheckpointerType

DCP, THREAD, PROCESS, TORCH, SAFETENSORS = range(5)
TENSOR_BYTES = 9_437_184


def make_state(megabytes):
    left, tensors = megabytes * 1_000_000 // 4, {}
    while left > 0:
        count = min(left, TENSOR_BYTES // 4)
        tensors[f"layer.{len(tensors):04}"] = torch.arange(count, dtype=torch.int32).mul_(-1640531527).view(torch.float32)
        left -= count
    return tensors


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def cpu_ms():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) * 1e3


class Bench:
    def __init__(self, folder, megabytes, world):
        self.folder, self.world, self.state = Path(folder) / "peers", world, make_state(megabytes)

    def save_one_file(self, system, path):
        if system == TORCH:
            torch.save(self.state, path)
        else:
            save_file(self.state, path)
        sync(path)
        sync(path.parent)

    def save(self, system, rank):
        """Milliseconds until it returns, and until it is done."""
        start = time.perf_counter()
        if system in (TORCH, SAFETENSORS):
            if rank == 0:
                self.save_one_file(system, self.folder / "all")
        elif system == DCP:
            dcp.save(self.state, checkpoint_id=self.folder)
        else:
            kind = AsyncCheckpointerType.THREAD if system == THREAD else AsyncCheckpointerType.PROCESS
            future = dcp.async_save(self.state, checkpoint_id=self.folder, async_checkpointer_type=kind)
            stall = (time.perf_counter() - start) * 1e3
            future.result()
            return stall, (time.perf_counter() - start) * 1e3
        took = (time.perf_counter() - start) * 1e3
        return took, took

    def be_writer(self, rank, meeting, system, count):
        os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="0", RANK=str(rank), WORLD_SIZE=str(self.world),
                          LOCAL_RANK=str(rank))
        dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=self.world)
        said = []
        for number in range(count):
            if rank == 0:
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(parents=True)
            dist.barrier()
            used, times = cpu_ms(), self.save(system, rank)
            mine = (*times, cpu_ms() - used)
            everybody = [None] * self.world
            dist.all_gather_object(everybody, mine)
            if number > 0:
                stall, durable, cpu = zip(*everybody)
                said.append({"stall": max(stall), "durable": max(durable), "cpu": sum(cpu)})
        return said

    def be_reader(self, system):
        start = time.perf_counter()
        if system == TORCH:
            found = torch.load(self.folder / "all")
        elif system == SAFETENSORS:
            found = {name: tensor.clone() for name, tensor in load_file(self.folder / "all").items()}
        else:
            found = {name: torch.empty_like(tensor) for name, tensor in self.state.items()}
            dcp.load(found, checkpoint_id=self.folder, no_dist=True)
        assert found.keys() == self.state.keys()
        return [{"restore": (time.perf_counter() - start) * 1e3}]

    def forget(self):
        for path in self.folder.rglob("*"):
            if path.is_file():
                descriptor = os.open(path, os.O_RDONLY)
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)
        return []


def in_children(works):
    """What the first of them says; None where one fails."""
    reading, writing = os.pipe()
    pids = []
    for number, work in enumerate(works):
        pid = os.fork()
        if pid == 0:
            code, complaints = 1, os.dup(2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # DCP's processes tell each of their steps
            try:
                said = work()
                if number == 0:
                    os.write(writing, json.dumps(said).encode())
                code = 0
            except BaseException as error:  # as CheckpointException is
                os.write(complaints, (repr(error)[:1000] + "\n").encode())
            os._exit(code)
        pids.append(pid)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    ends = [os.waitpid(pid, 0)[1] for pid in pids]
    return json.loads(text) if text and not any(ends) else None


def answer(bench, line):
    verb, *words = line.split()
    if verb == "forget":
        return bench.forget()
    system, number = (int(word) for word in words)
    if verb == "read":
        return in_children([lambda: bench.be_reader(system)])
    meeting = bench.folder.with_name(f"meeting-{time.monotonic_ns()}")
    return in_children([lambda rank=rank: bench.be_writer(rank, meeting, system, number) for rank in range(bench.world)])


def main():
    torch.set_num_threads(1)
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    bench = Bench(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    for line in sys.stdin:
        said = answer(bench, line)
        for one in said or []:
            replies.write(json.dumps(one) + "\n")
        replies.write("failed\n" if said is None else "done\n")
        replies.flush()


if __name__ == "__main__":
    main()
