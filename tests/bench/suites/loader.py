"""Images a second of one core that the training's loader gives, decoding alone and with all that follows.

Counted is CPU time on one thread, which others on the machine do not change much. The limit is what our decoder alone gives
on the whole files: a loader that decodes only what a crop needs may pass it.
"""
from pathlib import Path

from kit.processes import Server
from kit.profile import profile
from kit.turns import LIMIT, OURS, PEER
from suites import inputs

PEER_IS = "the reference's loader with Pillow: decode, crop, resize, flip, RandAugment, normalise, erase"
LIMIT_IS = "our decoder alone, whole files"
ROUNDS = 5
DAEMONS = False
KINDS = (("640x427", 95), ("480x360", 90))
# Row → what ours and the peer are asked for, and the goal of issue and design: so many times the peer.
ROWS = {"decode alone": ("decode", "decode", None), "without RandAugment and erasing": ("plain", "plain", None),
        "all": ("full", "full", 2.5), "all, fast": ("fast", "full", 4.0)}


def add_options(parser):
    parser.add_argument("--images", type=Path, help="a folder of JPEGs to load in place of drawn ones")
    parser.add_argument("--count", type=int, help="images of a turn and row (default: 400; quick: 48)")


def contestant(rows, who, server, count):
    def turn(number):
        speeds = {how: found["images"] / found["cpu"] for how in ("decode", "plain", "full", *(["fast"] if who == OURS else []))
                  for found in server.ask(f"{how} {count}")}
        for name, (mine, others, _) in ROWS.items():
            rows[name].note(who, number, speeds[mine if who == OURS else others])
            if who == OURS and mine != "decode":
                rows[name].note(LIMIT, number, speeds["decode"])
    return turn


def run(bench):
    count = bench.options.count or (48 if bench.options.quick else 400)
    kinds = KINDS[:1] if bench.options.quick or bench.options.images else KINDS
    python = bench.python()
    for size, quality in kinds:
        photos = inputs.photographs(bench, size, min(count, 64), size, quality)
        title = str(bench.options.images) if bench.options.images else f"{size} q{quality}"
        rows = {name: bench.report.row(f"{title}, {name}", "images/s of CPU", goal=goal and (PEER, goal))
                for name, (_, _, goal) in ROWS.items()}
        ours = bench.keep(Server([bench.program("bench_loader"), photos / "images", photos / "captions.csv"]))
        contestants = {OURS: contestant(rows, OURS, ours, count)}
        if python:
            peer = bench.keep(Server([python, bench.peer("loader_peer"), photos], log=bench.folder / "peer.log"))
            contestants[PEER] = contestant(rows, PEER, peer, count)
        for server in bench.open:
            server.ask("full 8")  # what the first images pay for
        bench.turns(contestants)
        if bench.options.profile:
            profile(f"our loader, {title}", ours.pids(), lambda: ours.ask(f"full {5 * count}"))
        bench.close()
