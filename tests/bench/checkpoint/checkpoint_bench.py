#!/usr/bin/env python3
"""What a checkpoint costs, beside raw files and what PyTorch and safetensors offer, in one run.

    ./dev bench checkpoint [--sizes 260,4000] [--ranks 1,2,4] [--rounds 5] [--no-peers] [--json FILE]

Round for round every system saves and restores the same number of bytes on the same disk, in an order that turns round with
each round. Stall is what the loop of steps pays: all of a synchronous save, or what an asynchronous one takes before it
returns, plus, for ours, the wait for its copy and its meetings. "Beside passes" is as a training does it: it computes for some
100 ms on one thread a rank before it needs the copy; "passes slower" is by how much longer they take than without a save.
Durable is when the checkpoint exists on stable storage. The ratio of a round is formed
with the faster of the two raw writers (through and past the page cache) or readers (one and four threads) of that round;
printed are medians, and of ratios the range. Cold: pages dropped with posix_fadvise. Peers run in a virtual environment in the
cache and are left out without a network; the CPU of the process that DCP saves in is not counted. Sizes are in MB (10^6
bytes) of the whole state, of which each rank writes its share.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/support/peers"))
from environment import python_with_peers  # noqa: E402

OURS, BESIDE, RAW, DIRECT = "TagAlign", "TagAlign, beside passes", "raw writer", "raw writer, O_DIRECT"
RAWS = (RAW, DIRECT)
PEERS = ("torch.distributed.checkpoint", "DCP async, thread", "DCP async, process", "torch.save", "safetensors")
SAVES = 4  # in one life of the ranks, the first of them unmeasured


class Server:
    """A program that answers a line with lines of JSON up to "done"."""

    def __init__(self, command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=dict(os.environ, OMP_NUM_THREADS="1"))

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answers = []
        while (said := self.process.stdout.readline().strip()) != "done":
            if said in ("", "failed"):
                raise RuntimeError(f"'{line}' failed")
            answers.append(json.loads(said))
        return answers

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Run:
    """One size on one number of ranks."""

    def __init__(self, options, python, folder, megabytes, ranks):
        self.options, self.megabytes, self.samples = options, megabytes, {}
        self.ours = Server([options.program, folder, megabytes, ranks])
        self.peers = None
        if python:
            self.peers = Server([python, Path(__file__).with_name("checkpoint_peers.py"), folder, megabytes, ranks])

    def note(self, system, round_number, **figures):
        for what, value in figures.items():
            self.samples.setdefault((system, what), []).append((round_number, value))

    def measure(self, system, number):
        mine = {OURS: "ours", BESIDE: "beside", RAW: "raw", DIRECT: "direct"}.get(system)
        server = self.ours if mine else self.peers
        for times in server.ask(f"write {mine or PEERS.index(system)} {SAVES}"):
            self.note(system, number, **times)
        if system == BESIDE:
            return  # reads as the other
        for warmth in ("cold", "warm"):
            for threads in (1, 4) if system in RAWS else (4,):
                if warmth == "cold":
                    server.ask("forget")
                name = {RAW: "raw", DIRECT: "raw", OURS: "ours"}.get(system) or PEERS.index(system)
                [times] = server.ask(f"read {name} {threads}")
                self.note(system, number, **{f"restore {warmth}": times["restore"]})

    def rounds(self):
        systems = [OURS, BESIDE, RAW, DIRECT, *(PEERS if self.peers else ())]
        for number in range(self.options.rounds):
            for system in systems if number % 2 == 0 else reversed(systems):
                try:
                    self.measure(system, number)
                except RuntimeError as error:
                    print(f"{system}: {error}", file=sys.stderr)
                    if self.ours.process.poll() is not None:
                        raise
        self.ours.close()
        if self.peers:
            self.peers.close()
        return {system: figures for system in systems if (figures := self.figures(system))}

    def of_round(self, system, what):
        rounds = {}
        for number, value in self.samples.get((system, what), []):
            rounds.setdefault(number, []).append(value)
        return rounds

    def ratios(self, system, what):
        """To the better raw one, round for round; above 1 is slower than raw."""
        mine, raws = self.of_round(system, what), [self.of_round(raw, what) for raw in RAWS]
        return [statistics.median(mine[number]) / min(min(raw[number]) if what.startswith("restore") else
                                                      statistics.median(raw[number]) for raw in raws)
                for number in mine if all(number in raw for raw in raws)]

    def figures(self, system):
        found = {}
        for what in ("stall", "meetings", "slower", "durable", "cpu", "restore cold", "restore warm"):
            values = [value for _, value in self.samples.get((system, what), [])]
            if not values:
                continue
            if what not in ("meetings", "slower"):
                found[what] = statistics.median(values)
            if what == "slower" and system == BESIDE:
                found["passes slower"] = statistics.mean(values)
            if what == "meetings" and max(values) > 0:
                found["of it meetings"] = statistics.mean(values)
            if what == "stall":
                found["stall mean"] = statistics.mean(values)
                found["stall p99"] = sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]
            if what not in ("stall", "meetings", "slower", "cpu"):
                found[f"{what} to raw"] = self.ratios(system, what)
        if "durable" in found:
            found["MB/s"] = self.megabytes / found["durable"] * 1e3
            found["CPU s/GB"] = found["cpu"] / self.megabytes
        return found


COLUMNS = (("stall mean", "{:.1f}"), ("of it meetings", "{:.2f}"), ("stall p99", "{:.1f}"), ("passes slower", "{:.1f}"),
           ("durable", "{:.0f}"), ("MB/s", "{:.0f}"), ("durable to raw", None), ("CPU s/GB", "{:.2f}"),
           ("restore cold", "{:.0f}"), ("restore cold to raw", None),
           ("restore warm", "{:.0f}"), ("restore warm to raw", None))


def cell(figures, column, form):
    value = figures.get(column)
    if value is None or value == []:
        return "–"
    if form:
        return form.format(value)
    return f"{statistics.median(value):.2f} ({min(value):.2f}–{max(value):.2f})"


def table(title, results):
    rows = [[title, *(name for name, _ in COLUMNS)]]
    for system, figures in results.items():
        rows.append([system, *(cell(figures, name, form) for name, form in COLUMNS)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows)


def against_peers(results):
    """Ours against the best of torch.distributed.checkpoint."""
    modes = [results[name] for name in PEERS[:3] if "durable" in results.get(name, {})]
    if not modes or "durable" not in results.get(OURS, {}):
        return ""
    ours, beside, stall = results[OURS], results[BESIDE], min(mode["stall mean"] for mode in modes)
    faster = min(mode["durable"] for mode in modes) / ours["durable"]
    paid = beside["stall mean"] + max(0, beside["passes slower"])
    return (f"against the best mode of torch.distributed.checkpoint: {faster:.2f} × its bandwidth, "
            f"{stall / ours['stall mean']:.1f} × less stall, {stall / beside['stall mean']:.1f} × beside passes "
            f"({stall / paid:.1f} × with what makes them slower)")


def parse():
    def numbers(text):
        return [int(word) for word in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=numbers, default=[260], help="MB; 4000 takes 12 GB of memory and minutes a round")
    parser.add_argument("--ranks", type=numbers, default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--folder", help="on the disk that is of interest; default: that of temporary files")
    parser.add_argument("--program", default=ROOT / "build/tests/checkpoint_bench")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main():
    options = parse()
    python = None if options.no_peers else python_with_peers()
    everything = []
    print("milliseconds, medians; ratios: median (range) over the rounds")
    for megabytes in options.sizes:
        for ranks in options.ranks:
            with tempfile.TemporaryDirectory(prefix="tagalign-bench-", dir=options.folder) as folder:
                results = Run(options, python, folder, megabytes, ranks).rounds()
            print(table(f"{megabytes} MB, {ranks} ranks", results), against_peers(results), sep="\n", flush=True)
            everything.append({"megabytes": megabytes, "ranks": ranks, "systems": results})
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
