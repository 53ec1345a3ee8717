"""What a checkpoint costs, beside raw files and what PyTorch and safetensors offer, in one run.

Round for round every system saves and restores the same number of bytes on the same disk, in an order that turns round with
each round. Stall is what the loop of steps pays: all of a synchronous save, or what an asynchronous one takes before it
returns, plus, for ours, the wait for its copy and its meetings. "Beside passes" is as a training does it: it computes for some
100 ms on one thread a rank before it needs the copy; "passes slower" is by how much longer they take than without a save.
Durable is when the checkpoint exists on stable storage. The ratio of a round is formed
with the faster of the two raw writers (through and past the page cache) or readers (one and four threads) of that round;
printed are medians, and of ratios the range. Cold: pages dropped with posix_fadvise. The CPU of the process that DCP saves in
is not counted. Sizes are in MB (10^6 bytes) of the whole state, of which each rank writes its share.
"""
import statistics
import sys
from pathlib import Path

from kit.processes import Server
from kit.report import aligned

OURS, BESIDE, RAW, DIRECT = "TagAlign", "TagAlign, beside passes", "raw writer", "raw writer, O_DIRECT"
RAWS = (RAW, DIRECT)
PEERS = ("torch.distributed.checkpoint", "DCP async, thread", "DCP async, process", "torch.save", "safetensors")
SAVES = 4  # in one life of the ranks, the first of them unmeasured


class Run:
    """One size on one number of ranks. `python` is the peers' interpreter, or None."""

    def __init__(self, program, python, folder, megabytes, ranks):
        self.megabytes, self.samples = megabytes, {}
        self.ours = Server([program, folder, megabytes, ranks])
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

    def rounds(self, count):
        """What has been found of each system."""
        systems = [OURS, BESIDE, RAW, DIRECT, *(PEERS if self.peers else ())]
        for number in range(count):
            for system in systems if number % 2 == 0 else reversed(systems):
                try:
                    self.measure(system, number)
                except RuntimeError as error:
                    print(f"{system}: {error}", file=sys.stderr)
                    if self.ours.process.poll() is not None:
                        raise
        return {system: figures for system in systems if (figures := self.figures(system))}

    def close(self):
        self.ours.close()
        if self.peers:
            self.peers.close()

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
    return aligned(rows)


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
