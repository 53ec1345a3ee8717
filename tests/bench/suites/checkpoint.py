"""What a checkpoint costs: stall, time to durable and restore, beside raw files and what PyTorch and safetensors offer.

A table of all systems is printed for each size and number of ranks (tests/bench/checkpoint/checkpoint_bench.py says how it is
measured). In the rows, the peer is the best mode of torch.distributed.checkpoint in the round, of a restore the best of all
peers, and the limit is the faster of the raw writers or readers.
"""
import statistics
import tempfile

import checkpoint_bench
from kit.profile import profile
from kit.turns import LIMIT, OURS, PEER

PEER_IS = "the best mode of torch.distributed.checkpoint; of restores also torch.load and safetensors"
LIMIT_IS = "the faster of two raw writers, or of raw readers of 1 and 4 threads"
ROUNDS = 5
DAEMONS = False
# Figure → its row's name and goal. A restore may take 1.15 times what raw reading takes.
FIGURES = {"stall": ("stall where the copy is waited for", None), "durable": ("until durable", (LIMIT, 0.9)),
           "restore cold": ("restore, cold", (LIMIT, 1 / 1.15)), "restore warm": ("restore, warm", (LIMIT, 1 / 1.15))}
# Of a round's saves: a stall counts by its mean; of a restore one system may have tried several numbers of threads.
MIDDLES = {"stall": statistics.mean, "durable": statistics.median, "restore cold": min, "restore warm": min}


def numbers(text):
    return [int(word) for word in text.split(",")]


def add_options(parser):
    parser.add_argument("--sizes", type=numbers, help="MB (default: 260; quick: 40); 4000 takes 12 GB of memory and minutes a round")
    parser.add_argument("--ranks", type=numbers, help="default: 1,2,4; quick: 1,2")


def best_of_rounds(run, systems, figure):
    """Round → the least of the systems' figures in it."""
    found = {}
    for system in systems:
        for number, values in run.of_round(system, figure).items():
            mine = MIDDLES[figure](values)
            found[number] = min(mine, found.get(number, mine))
    return found


def note_rows(report, run, title):
    dcp = checkpoint_bench.PEERS[:3]
    for figure, (name, goal) in FIGURES.items():
        row = report.row(f"{title}: {name}", "ms", False, goal)
        peers = checkpoint_bench.PEERS if figure.startswith("restore") else dcp
        for who, systems in ((OURS, (checkpoint_bench.OURS,)), (PEER, peers), (LIMIT, checkpoint_bench.RAWS)):
            if figure == "stall" and who == LIMIT:
                continue  # a raw writer has nothing to wait for but itself
            for number, value in best_of_rounds(run, systems, figure).items():
                row.note(who, number, value)
    row = report.row(f"{title}: stall beside passes", "ms", False, (OURS, 0.3))
    for who, systems in ((OURS, (checkpoint_bench.BESIDE,)), (PEER, dcp)):
        for number, value in best_of_rounds(run, systems, "stall").items():
            row.note(who, number, value)


def run(bench):
    options, python = bench.options, bench.python()
    program = bench.program("checkpoint_bench")
    print("milliseconds, medians; ratios to raw: median (range) over the rounds, above 1 is slower")
    for megabytes in options.sizes or ([40] if options.quick else [260]):
        for ranks in options.ranks or ([1, 2] if options.quick else [1, 2, 4]):
            with tempfile.TemporaryDirectory(dir=bench.folder) as folder:
                one = checkpoint_bench.Run(program, python, folder, megabytes, ranks)
                found = one.rounds(options.rounds)
                title = f"{megabytes} MB, {ranks} ranks"
                print(checkpoint_bench.table(title, found), checkpoint_bench.against_peers(found), sep="\n", flush=True)
                note_rows(bench.report, one, title)
                if options.profile:
                    profile(f"our saves, {title}", one.ours.pids(), lambda one=one: one.ours.ask("write ours 12"))
                one.close()
