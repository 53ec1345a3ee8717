#!/usr/bin/env python3
"""What a job costs that does nothing: `/bin/true` as a plain process of an exec job, through the real programs.

    tests/bench/system/exec_bench.py                               # build/bin/tagalign, 100 to 10,000 jobs
    tests/bench/system/exec_bench.py --hyperqueue VENV/bin/python  # the same tasks there, in turns (PyPI: hyperqueue)

Sockets are encrypted and every job is on disk before it is acknowledged; HyperQueue's LocalCluster keeps its server in
memory. Both write a file of output for each task. Printed for each: tasks a second from the start of the first to the
start of the last, seconds until the submission was acknowledged, CPU milliseconds a task of the servers' processes
(without the tasks' own), memory, and from submission to start of one task on an idle system. Folders are made in $TMPDIR: an
ext4 without a journal looks long for an inode after many files were removed, which then is most of what is measured.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from system import System

ROOT = Path(__file__).resolve().parents[3]
HYPERQUEUE = Path(__file__).resolve().parents[1] / "peers/hyperqueue_peer.py"

WORKFLOW = """
name: noop
jobs:
  j:
    kind: exec
    sweep: {grid: {environment.I: [%s]}}
    config: {command: [/bin/true]}
"""
STAMP = "name: stamp\njobs: {s: {kind: exec, config: {command: [date, '+%s.%N']}}}\n"

def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid):
    line = next(l for l in Path(f"/proc/{pid}/status").read_text().splitlines() if l.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


class Tagalign(System):
    """With one local agent."""

    def start(self):
        super().start()
        file = self.folder / "state/agents/local/agent.pid"
        while not file.exists():
            time.sleep(0.02)
        time.sleep(1)
        self.agent = int(file.read_text().split()[0])

    def submit(self, text, name):
        self.run("submit", self.write(name, text), "--workspace", str(self.folder / name))

    def starts(self, name):
        logs = (self.folder / name / "logs").glob("*/attempt-1/rank-0.log")
        return sorted(os.stat(log).st_mtime for log in logs)

    def wait(self):
        self.run("wait")

    def wait_s(self, index):
        """From the start of `tagalign submit` to the start of the program."""
        time.sleep(0.3)
        begin = time.time()
        self.submit(STAMP, f"stamp{index}")
        self.wait()
        log = next((self.folder / f"stamp{index}/logs").glob("*/attempt-1/rank-0.log"))
        return float(log.read_text()) - begin

    def measure(self, count, latency):
        waits = [self.wait_s(i) for i in range(latency)]
        before = [cpu_s(pid) for pid in (self.coordinator, self.agent)]
        begin = time.time()
        self.submit(WORKFLOW % ", ".join(map(str, range(count))), "noop")
        taken = time.time() - begin
        self.wait()
        after = [cpu_s(pid) for pid in (self.coordinator, self.agent)]
        starts = self.starts("noop")
        if len(starts) != count:
            sys.exit(f"{len(starts)} of {count} jobs have run")
        used = [1e3 * (b - a) / count for a, b in zip(before, after)]
        begin = time.time()
        self.run("jobs")
        return {"rate": (count - 1) / (starts[-1] - starts[0]), "submit_s": taken, "waits_s": waits,
                "cpu_ms": sum(used), "memory_mb": memory_mb(self.coordinator), "jobs_s": time.time() - begin,
                "cpu_parts": "coordinator %.2f, agent %.2f" % tuple(used)}


def ask_hyperqueue(python, count, slots, latency):
    folder = tempfile.mkdtemp(prefix="hyperqueue-exec-bench-")
    done = subprocess.run([python, HYPERQUEUE, str(count), str(slots), str(latency)], cwd=folder,
                          capture_output=True, text=True)
    shutil.rmtree(folder, ignore_errors=True)
    if done.returncode != 0:
        sys.exit(f"hyperqueue: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def show(name, count, found):
    wait = 1e3 * statistics.median(found["waits_s"]) if found["waits_s"] else float("nan")
    more = f"  ({found['cpu_parts']}; `tagalign jobs` {1e3 * found['jobs_s']:.0f} ms)" if "cpu_parts" in found else ""
    print(f"{name:10} {count:6} tasks: {found['rate']:7.0f} /s  submit {found['submit_s']:6.2f} s  cpu "
          f"{found['cpu_ms']:6.2f} ms  memory {found['memory_mb']:5.0f} MB  idle start {wait:5.0f} ms{more}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/bin/tagalign")
    parser.add_argument("--hyperqueue", help="a Python interpreter that can import hyperqueue")
    parser.add_argument("--counts", default="100,1000,10000", help="tasks of each run")
    parser.add_argument("--slots", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=2, help="of each run, in turns")
    parser.add_argument("--latency", type=int, default=3, help="single tasks before each run")
    options = parser.parse_args()
    for count in map(int, options.counts.split(",")):
        for _ in range(options.rounds):
            with Tagalign(options.program, ["--slots", options.slots]) as system:
                show("tagalign", count, system.measure(count, options.latency))
            if options.hyperqueue:
                show("hyperqueue", count, ask_hyperqueue(options.hyperqueue, count, options.slots, options.latency))


if __name__ == "__main__":
    main()
