#!/usr/bin/env python3
"""Kills ranks while they save, damages what they saved, and counts what is loaded that should not be.

    ./dev fault checkpoint [--kills 1000] [--damages 1000] [--seed N] [--no-peers]

Kills: 2 to 4 ranks save one step after the other; at a random moment one of them or all get SIGKILL. A fresh process then
loads the newest checkpoint: it must be of a step not before the last one that any rank was told is saved, and equal to
that step's state to the bit. The ranks go on from there. Damages: the newer of two committed checkpoints is changed on
the disk; the older one must be loaded, and never a byte that was not saved.
The same is done to torch.distributed.checkpoint and to safetensors, with the rules of a careful user: the newest that
loads without an error is taken. They come into a virtual environment in the cache; without a network they are left out.
Exit code 1 unless ours has no wrong load, no lost step and no rank that failed by itself. What a seed's kills meet depends
on the machine.
"""
import argparse
import collections
import dataclasses
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import damages
import systems

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/support/peers"))
from environment import python_with_peers  # noqa: E402

ROUNDS_A_FOLDER = 25  # then the ranks begin anew, with another number of them
LONGEST_LIFE_S = {"TagAlign": 0.2}  # of the ranks, before they are killed
PEER_LIFE_S = 1.0


class Score(collections.Counter):
    ROWS = ("kills", "saved before", "wrong loads", "lost steps", "failed alone", "damages", "noticed", "harmless", "wrong",
            "nothing loaded")

    def defects(self):
        return sum(self[row] for row in ("wrong loads", "lost steps", "failed alone", "wrong", "nothing loaded"))


def complain(system, text):
    print(f"  {system.name}: {text}", flush=True)


def kill_round(system, folder, world, last, draw, score):
    """One life of the ranks; the step that was loaded after it."""
    pids = system.start(folder, world, last + 1)
    time.sleep(draw.uniform(0, LONGEST_LIFE_S.get(system.name, PEER_LIFE_S)))
    systems.kill(pids if draw.random() < 0.5 else [draw.choice(pids)])
    try:
        saved = max([last, *system.wait()])
    except Exception as error:
        score["failed alone"] += 1
        complain(system, error)
        saved = last
    score["kills"] += 1
    score["saved before"] += saved - last
    found = system.load(folder)
    if found.step and not found.equal:
        score["wrong loads"] += 1
        complain(system, f"step {found.step} is not what was saved")
    if found.step < saved:
        score["lost steps"] += 1
        complain(system, f"step {saved} was saved, {found.step or 'nothing'} is loaded: {found.said}")
    return max(found.step, saved)


def kills(system, rounds, seed, work, score):
    folder, world, last = None, 0, 0
    for number in range(rounds):
        draw = random.Random(f"{seed} kill {number}")
        if number % ROUNDS_A_FOLDER == 0:
            if folder:
                shutil.rmtree(folder)
            folder, world, last = work / f"kills-{number}", draw.choice(system.worlds), 0
            folder.mkdir()
        before = score.defects()
        last = kill_round(system, folder, world, last, draw, score)
        if score.defects() > before:
            complain(system, f"in round {number} of seed {seed}, {world} ranks")


@dataclasses.dataclass
class Case:
    system: object
    random: random.Random
    new: Path
    old: Path
    steps: tuple

    def earlier_name(self, file):
        return file.name.replace(self.new.name, self.old.name)


def damage_round(case, folder, score):
    what = None
    while what is None:
        what = case.random.choice(damages.ALL)(case)
    found = case.system.load(folder)
    score["damages"] += 1
    if found.step and not found.equal:
        score["wrong"] += 1
        return f"{what}: step {found.step} is not what was saved"
    if not found.step:
        score["nothing loaded"] += 1
        return f"{what}: nothing is loaded, though step {case.steps[0]} is whole: {found.said}"
    score["noticed" if found.step == case.steps[0] else "harmless"] += 1
    return None


def damage(system, rounds, seed, work, score, verbose):
    for world in system.worlds:
        whole = work / f"whole-{world}"
        whole.mkdir()
        system.start(whole, world, 1, 2)
        if set(system.wait()) != {1, 2}:
            raise RuntimeError(f"{system.name}: steps 1 and 2 could not be saved")
    for number in range(rounds):
        draw = random.Random(f"{seed} damage {number}")
        folder = work / "damaged"
        shutil.copytree(work / f"whole-{draw.choice(system.worlds)}", folder)
        case = Case(system, draw, system.place(folder, 2), system.place(folder, 1), (1, 2))
        wrong = damage_round(case, folder, score)
        if wrong and verbose:
            complain(system, f"damage {number} of seed {seed}: {wrong}")
        shutil.rmtree(folder)


def strike(system, rounds, options):
    score = Score()
    with tempfile.TemporaryDirectory(prefix="tagalign-fault-", dir=options.folder) as work:
        kills(system, rounds[0], options.seed, Path(work), score)
        damage(system, rounds[1], options.seed, Path(work), score, isinstance(system, systems.Ours))
    system.close()
    return score


def table(scores):
    width = max(len(name) for name in scores)
    lines = ["  ".join([" " * width, *Score.ROWS])]
    for name, score in scores.items():
        lines.append("  ".join([name.ljust(width), *(str(score[row]).rjust(len(row)) for row in Score.ROWS)]))
    return "\n".join(lines)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--damages", type=int, default=1000)
    parser.add_argument("--peer-kills", type=int, default=50)
    parser.add_argument("--peer-damages", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--folder", help="where the checkpoints lie meanwhile; default: that of temporary files")
    parser.add_argument("--program", default=ROOT / "build/tests/checkpoint_fault")
    parser.add_argument("--json", type=Path, help="writes the scores there, too")
    return parser.parse_args()


def main():
    options = parse()
    print(f"seed {options.seed}", flush=True)
    scores = {"TagAlign": strike(systems.Ours(options.program), (options.kills, options.damages), options)}
    python = None if options.no_peers else python_with_peers()
    for peer in systems.peers(python) if python else ():
        try:
            scores[peer.name] = strike(peer, (options.peer_kills, options.peer_damages), options)
        except RuntimeError as error:
            print(f"left out: {error}", flush=True)
    print(table(scores))
    if options.json:
        options.json.write_text(json.dumps({"seed": options.seed, "scores": scores}, indent=1) + "\n")
    return 1 if scores["TagAlign"].defects() else 0


if __name__ == "__main__":
    sys.exit(main())
