#!/usr/bin/env python3
"""The whole system with real processes on one machine, struck for MINUTES by a seed's misfortunes.

    ./dev soak [MINUTES] [SEED]      # 30 minutes, a fresh seed; exit code 1 on any difference

soak.yml runs once undisturbed. Then the same round is handed in again and again, each time with a workspace of its own,
while ranks, mpirun, agent and coordinator are killed and stopped, disks are full, clocks are set and urgent jobs come
between. In the end every job has succeeded, results and checkpoints of every round equal the undisturbed ones to the
integer and the byte, no attempt has run twice or beside another of its job, and nothing is left. The seed names the order of
strikes; what they meet depends on the machine.
"""
import argparse
import collections
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from strikes import Strikes
from system import ENDED, System

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SLOTS = 3
LIVE_JOBS_MIN = 12  # with fewer the next round is handed in
GRACE_S = 900  # after the last strike, for what still runs
COUNTS = ("intersect", "union", "predicted", "labelled")
STARTED = time.monotonic()
URGENT = "name: urgent\njobs: {now: {kind: exec, ranks: 0, slots_per_rank: 3, priority: 5, config: {command: [sleep, '2']}}}\n"


def say(text):
    print(f"[{time.monotonic() - STARTED:7.1f} s] {text}", flush=True)


class Watcher:
    """Looks at all processes five times a second: each rank of a job is one process."""

    def __init__(self, system):
        self.system, self.seen, self.looks = system, collections.Counter(), 0
        self.end = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.end.wait(0.2):
            ranks = collections.defaultdict(set)
            for process in self.system.processes():
                if process.role() == "rank" and process.seat():
                    seat, attempt = process.seat()
                    ranks[seat].add((attempt, process.pid))
            self.looks += 1
            for seat, held in ranks.items():
                if len(held) > 1:
                    self.seen[(seat, tuple(sorted(held)))] += 1

    def overlaps(self):
        """Seen more than once: a process that has just been killed may be in the list for a moment."""
        self.end.set()
        self.thread.join()
        return [f"job {seat[0]} rank {seat[1]}: {held}" for (seat, held), times in self.seen.items() if times > 1]


class Rounds:
    """Rounds of soak.yml, handed in one after the other."""

    def __init__(self, system):
        self.system, self.workspaces, self.urgent = system, [], 0

    def submit(self):
        workspace = self.system.work.folder / f"round-{len(self.workspaces) + 1}"
        self.system.must("submit", str(HERE / "soak.yml"), "--workspace", str(workspace), "--set",
                         f"vars.step={HERE / 'soak_step.py'}", "--token", workspace.name)
        self.workspaces.append(workspace)

    def submit_urgent(self):
        file = self.system.folder / "urgent.yml"
        file.write_text(URGENT)
        self.urgent += 1
        done = self.system.tagalign("submit", str(file), "--token", f"urgent-{self.urgent}",
                                    "--workspace", str(self.system.work.folder / "urgent"))
        return f"number {self.urgent}" if done.returncode == 0 else None

    def live(self):
        return [job for job in self.system.ask("jobs", "--all") if job["state"] not in ENDED]

    def wait(self, until):
        while self.live():
            if time.monotonic() > until:
                return False
            time.sleep(1)
        return True


def integers(workspace):
    """Of every result file: its key names what was measured."""
    found = {}
    for file in sorted((workspace / "results").rglob("*.json")):
        result = json.loads(file.read_text())
        if "intersect" in result:
            found[result.get("key", file.stem)] = [result[count] for count in COUNTS]
    return found


def checkpoints(system, workspace):
    """Of the planned commits; the digest of a manifest is that of every byte. Paths without the workspace."""
    return {str(Path(c["path"]).relative_to(workspace)): c["digest"] for c in system.ask("checkpoints")
            if c["scheduled"] and Path(c["path"]).is_relative_to(workspace)}


def table(system):
    return {result["key"]: [result[count] for count in COUNTS] for result in system.ask("results")}


def run_calm(folder, programs):
    system = System(folder / "calm", programs, SLOTS, clock=False)
    try:
        rounds = Rounds(system)
        rounds.submit()
        if not rounds.wait(time.monotonic() + GRACE_S):
            raise RuntimeError("the undisturbed round did not end")
        bad = job_problems(system)
        if bad:
            raise RuntimeError("the undisturbed round failed: " + "\n".join(bad))
        workspace = rounds.workspaces[0]
        found = {"results": integers(workspace), "checkpoints": checkpoints(system, workspace), "table": table(system)}
        left = system.stop()
        if left:
            raise RuntimeError(f"the undisturbed round left processes: {[p.words for p in left]}")
        return found
    finally:
        system.close()


def difference(name, expected, found):
    keys = [key for key in sorted(expected.keys() | found.keys()) if expected.get(key) != found.get(key)]
    return [f"{name}: {len(keys)} of {len(expected)} differ, first {keys[0]}: expected {expected.get(keys[0])}, "
            f"found {found.get(keys[0])}"] if keys else []


def job_problems(system):
    problems = []
    for job in system.ask("jobs", "--all"):
        if job["state"] != "succeeded":
            detail = system.ask("job", "show", str(job["id"]))
            problems.append(f"job {job['id']} {job['workflow']}/{job['name']} {job['state']}: {detail.get('reason')}\n    "
                            + "\n    ".join(map(str, detail.get("attempts", [])[-6:])))
    return problems


def trace_problems(workspace):
    """What the exec programs wrote about themselves."""
    problems = []
    if (workspace / "overlaps.txt").exists():
        problems.append(f"{workspace.name}: ran beside itself: {(workspace / 'overlaps.txt').read_text()}")
    starts = collections.Counter((workspace / "starts.txt").read_text().splitlines())
    problems += [f"{workspace.name}: started {times} times: {line}" for line, times in starts.items() if times > 1]
    return problems


def examine(system, rounds, calm):
    problems = job_problems(system)
    for workspace in rounds.workspaces:
        problems += difference(f"{workspace.name} results", calm["results"], integers(workspace))
        problems += difference(f"{workspace.name} checkpoints", calm["checkpoints"], checkpoints(system, workspace))
        problems += trace_problems(workspace)
    return problems + difference("table", calm["table"], table(system))


def storm(system, rounds, strikes, minutes):
    until = time.monotonic() + 60 * minutes
    rounds.submit()
    strikes.start()
    while time.monotonic() < until:
        time.sleep(2)
        if len(rounds.live()) < LIVE_JOBS_MIN and time.monotonic() < until - 60:
            rounds.submit()
            say(f"round {len(rounds.workspaces)} is handed in")
    strikes.stop()
    say(f"the strikes are over; {len(rounds.live())} jobs still to end")
    return rounds.wait(time.monotonic() + GRACE_S)


def report(system, rounds, strikes):
    jobs = system.ask("jobs", "--all")
    say(f"{len(rounds.workspaces)} rounds, {len(jobs)} jobs, {sum(job['attempt'] for job in jobs)} attempts, "
        f"{system.starts} starts of the coordinator; strikes: {sum(strikes.counts.values())}")
    for kind, count in sorted(strikes.counts.items()):
        print(f"  {kind}: {count}")
    for kind, why in strikes.left_out.items():
        print(f"  {kind}: left out, {why}")
    lines = system.must("goodput").splitlines()
    print("\n".join([lines[0], lines[-1]]))  # the names of the columns and the sum


def run_storm(options, folder, calm):
    system = System(folder / "storm", options.programs, SLOTS, clock=True)
    try:
        rounds, watcher = Rounds(system), Watcher(system)
        strikes = Strikes(system, options.seed, options.pause, rounds.submit_urgent, say)
        problems = [] if storm(system, rounds, strikes, options.minutes) else [f"not all jobs ended within {GRACE_S} s"]
        problems += examine(system, rounds, calm)
        report(system, rounds, strikes)
        problems += [f"two at once: {overlap}" for overlap in watcher.overlaps()]
        problems += [f"left behind: pid {p.pid} ({p.state}) {' '.join(p.words)}" for p in system.stop()]
        if problems:
            for disk in (system.store, system.work):  # their file systems end with this process
                shutil.copytree(disk.folder, folder / "kept" / disk.folder.name, symlinks=True,
                                ignore=lambda where, names: [n for n in names if not (Path(where) / n).is_file()
                                                             and not (Path(where) / n).is_dir()])
        return problems
    finally:
        system.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", nargs="?", type=float, default=30)
    parser.add_argument("seed", nargs="?", type=int, default=random.SystemRandom().randrange(1, 1 << 31))
    parser.add_argument("--pause", type=float, default=8, help="seconds between two strikes, on average")
    parser.add_argument("--programs", type=Path, default=ROOT / "build/bin")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tagalign-soak-"))
    say(f"seed {options.seed}, {options.minutes:g} minutes, everything lies in {folder}")
    calm = run_calm(folder, options.programs)
    say(f"undisturbed: {len(calm['results'])} results, {len(calm['checkpoints'])} checkpoints")
    problems = run_storm(options, folder, calm)
    for problem in problems:
        print(f"DIFFERENCE {problem}")
    say(f"{'FAILED' if problems else 'equal to the undisturbed run'}; seed {options.seed}, {folder}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
