#!/usr/bin/env python3
"""What a coordinator that knows 100,000 jobs makes people wait, through the real programs and encrypted sockets.

    tests/bench/system/many_jobs_bench.py            # build/bin/tagalign, 10 workflows of 10,000 jobs

Jobs are handed in while there is no agent, listed while all of them wait, then cancelled, listed again, and read by a
coordinator that starts anew. Printed are milliseconds of whole processes, the best of --rounds, and how long another
question had to wait behind each: a coordinator answers one after the other.
"""
import argparse
import os
import shutil
import signal
import threading
import time
from pathlib import Path

from system import System

ROOT = Path(__file__).resolve().parents[3]
JOB = "  j{}:\n    kind: exec\n    config: {{command: [/bin/true]}}\n"


class Coordinator(System):
    """Without agents, and killed at the end: nothing of it is of use."""

    def __exit__(self, *_):
        os.kill(self.coordinator, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def submit(self, name, jobs):
        file = self.write(name, f"name: {name}\njobs:\n" + "".join(JOB.format(i) for i in range(jobs)))
        return self.timed(1, "submit", file, "--workspace", str(self.folder / name))

    def timed(self, rounds, *words):
        """Milliseconds of the fastest run, and what it printed."""
        best = None
        for _ in range(rounds):
            begin = time.monotonic()
            text = self.run(*words)
            taken = 1e3 * (time.monotonic() - begin)
            best = taken if best is None else min(best, taken)
        return best, text

    def behind(self, *words):
        """The longest that `coordinator status` took while the command ran, over what it takes alone."""
        alone, _ = self.timed(3, "coordinator", "status")
        other = threading.Thread(target=self.run, args=words)
        other.start()
        longest = 0
        while other.is_alive():
            longest = max(longest, self.timed(1, "coordinator", "status")[0])
        other.join()
        return max(0, longest - alone)


def look(system, rounds, workflow, job):
    for words in (["jobs"], ["jobs", "--all"], ["jobs", workflow], ["--output", "json", "jobs"],
                  ["job", "show", job], ["job", "explain", job], ["results"], ["goodput", workflow], ["goodput"],
                  ["coordinator", "status"]):
        taken, text = system.timed(rounds, *words)
        last = text.rstrip().rsplit("\n", 1)[-1][:70]
        print(f"  tagalign {' '.join(words):26} {taken:7.0f} ms, others wait {system.behind(*words):5.0f} ms | {last}",
              flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build/bin/tagalign")
    parser.add_argument("--workflows", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=10_000, help="of each workflow")
    parser.add_argument("--rounds", type=int, default=3, help="of each question")
    options = parser.parse_args()
    with Coordinator(options.program, ["--pool", "none"]) as system:
        taken = [system.submit(f"w{i}", options.jobs)[0] for i in range(options.workflows)]
        print(f"submit of {options.jobs} jobs: {min(taken):.0f} to {max(taken):.0f} ms a workflow")
        middle = f"w{options.workflows // 2}"
        last = str(options.workflows * options.jobs)
        print("all wait:")
        look(system, options.rounds, middle, last)
        taken, _ = system.timed(1, "--output", "quiet", "job", "cancel", "all")
        print(f"job cancel all: {taken:.0f} ms")
        print("all have ended:")
        look(system, options.rounds, middle, last)
        os.kill(system.coordinator, signal.SIGKILL)
        time.sleep(0.5)
        begin = time.monotonic()
        system.start()
        print(f"start until `coordinator status` has answered: {1e3 * (time.monotonic() - begin):.0f} ms")


if __name__ == "__main__":
    main()
