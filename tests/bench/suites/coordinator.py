"""Jobs a second through the real programs (`/bin/true` as exec jobs), their CPU, and how long one waits on an idle system.

Sockets are encrypted and every job is on disk before it is acknowledged; HyperQueue keeps its jobs in memory. The limit is
what this machine starts of the same program, with an output file each, without anybody who keeps account. The core alone
decides for agents that end every job at once (build/bench/jobs_bench), without sockets and disk.
"""
import collections
import json
import os
import statistics
import tempfile
import time

from environment import HYPERQUEUE
from exec_bench import Tagalign, ask_hyperqueue
from kit import machine
from kit.processes import run as run_program
from kit.profile import profile
from kit.turns import LIMIT, OURS, PEER

PEER_IS = "HyperQueue of PyPI: server, worker and client in one process, no journal"
LIMIT_IS = "/bin/true by posix_spawn, as many at a time as there are slots, an output file each"
ROUNDS = 3
DAEMONS = True
CORE_MS_MAX = 0.1


def add_options(parser):
    parser.add_argument("--count", type=int, help="jobs of a turn (default: 1000; quick: 200)")
    parser.add_argument("--slots", type=int, default=machine.cores())
    parser.add_argument("--single", type=int, default=3, help="jobs of a turn that find an idle system")


def spawned_a_second(folder, count, slots):
    """Started in a row; the oldest is waited for where no slot is free."""
    running, begin = collections.deque(), time.monotonic()
    for number in range(count):
        if len(running) == slots:
            os.waitpid(running.popleft(), 0)
        output = (os.POSIX_SPAWN_OPEN, 1, f"{folder}/o{number}", os.O_WRONLY | os.O_CREAT, 0o644)
        running.append(os.posix_spawn("/bin/true", ["/bin/true"], os.environ, file_actions=[output]))
    while running:
        os.waitpid(running.popleft(), 0)
    return count / (time.monotonic() - begin)


def rows_of(report):
    return {"rate": report.row("jobs", "1/s", goal=(PEER, 2.0)),
            "cpu_ms": report.row("CPU of the servers, a job", "ms", False),
            "submit_s": report.row("until all are acknowledged", "s", False),
            "wait_ms": report.row("one job, idle system: submission to start", "ms", False),
            "memory_mb": report.row("memory of the server", "MB", False)}


def note(rows, who, number, found):
    for key in ("rate", "cpu_ms", "submit_s", "memory_mb"):
        rows[key].note(who, number, found[key])
    rows["wait_ms"].note(who, number, 1e3 * statistics.median(found["waits_s"]))


def core_alone(bench):
    """A job's CPU in the core, by how many are known."""
    said = run_program([bench.program("jobs_bench"), "--benchmark_filter=BM_JobByPart/jobs:(1000|10000)/per_workflow:1000/chain:1/",
                        "--benchmark_format=json", "--benchmark_min_time=0.2"])
    for found in json.loads(said)["benchmarks"]:
        jobs = found["name"].split("jobs:")[1].split("/")[0]
        row = bench.report.row(f"core alone, {jobs} jobs known: a job", "ms of CPU", False, (OURS, CORE_MS_MAX))
        row.note(OURS, 0, 1e-3 * (found["a_submit"] + found["a_run"]))


def run(bench):
    options = bench.options
    count, rows = options.count or (200 if options.quick else 1000), rows_of(bench.report)
    program, python = bench.program("tagalign"), bench.python(packages=HYPERQUEUE, name="peers-hyperqueue")

    def ours(number):
        with Tagalign(program, ["--slots", options.slots]) as system:
            note(rows, OURS, number, system.measure(count, options.single))

    def peer(number):
        note(rows, PEER, number, ask_hyperqueue(python, count, options.slots, options.single))

    def limit(number):
        with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
            rows["rate"].note(LIMIT, number, spawned_a_second(folder, count, options.slots))

    bench.turns({OURS: ours, **({PEER: peer} if python else {}), LIMIT: limit})
    core_alone(bench)
    if options.profile:
        with Tagalign(program, ["--slots", options.slots]) as system:
            profile("coordinator and agent", [system.coordinator, system.agent], lambda: system.measure(3 * count, 0))
