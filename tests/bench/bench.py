#!/usr/bin/env python3
"""Benchmarks of the whole program, each beside a peer and beside the limit that the same run measures.

    ./dev bench SUITE [options]        train, evaluate, loader, checkpoint, coordinator, start, or all of them
    ./dev bench compare OLD NEW        two files of --json
    ./dev bench micro [options]        the programs of tests/bench/micro, one thread each

Contestants take turns on one machine; printed are medians with their range, and ratios that are formed round for round.
The peers are the official code's pipelines, written anew in plain PyTorch and Pillow (tests/bench/peers), PyTorch's own
checkpoints and HyperQueue: from PyPI, in virtual environments in the cache; without a network they are left out, by name.
"""
import argparse
import importlib
import os
import signal
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "tests/support/peers"), str(HERE / "checkpoint"), str(HERE / "system")]

import environment  # noqa: E402
from kit import compare, machine, processes, report  # noqa: E402
from kit.turns import OURS, PEER, in_turns  # noqa: E402

SUITES = ("loader", "start", "coordinator", "checkpoint", "evaluate", "train")


class Bench:
    """What a suite works with: its options, a folder that goes away, programs, the peers' interpreter, its report."""

    def __init__(self, options, folder, result):
        self.options, self.folder, self.report = options, Path(folder), result
        self.open = []

    def program(self, name):
        """A program of the build; one that is missing ends the bench."""
        for place in ("bin", "tests", "bench"):
            if (path := self.options.build / place / name).exists():
                return path
        sys.exit(f"bench: {name} lies in none of bin, tests and bench below {self.options.build}; ./dev build makes it")

    def python(self, **wanted):
        """The peers' interpreter; None where they are left out, which the report then says."""
        if self.options.no_peers:
            self.report.skip("peer", "--no-peers")
            return None
        found = environment.python_with_peers(**wanted)
        if found is None:
            self.report.skip("peer", "its packages could not be installed (see above); with a network, run this again")
        return found

    def peer(self, name):
        return HERE / "peers" / f"{name}.py"

    def keep(self, process):
        """Closed with the suite."""
        self.open.append(process)
        return process

    def turns(self, contestants):
        in_turns(self.options.rounds, contestants, self.failed)

    def failed(self, who, error):
        if who.startswith(OURS):
            raise error
        self.report.skip(PEER if who.startswith(PEER) else who, f"it failed: {error}")

    def close(self):
        while self.open:
            self.open.pop().close()


def common(parser):
    parser.add_argument("--quick", action="store_true", help="small models and few rounds, about a minute; for tests, not for figures")
    parser.add_argument("--rounds", type=int, help="turns of each contestant")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--profile", action="store_true", help="also print where the time of our hot path goes (perf)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--folder", help="for what is written meanwhile, on the disk that is of interest; default: that of temporary files")
    parser.add_argument("--build", type=Path, default=ROOT / "build")


def parse(words):
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="SUITE")
    modules = {name: importlib.import_module(f"suites.{name}") for name in SUITES}
    for name, module in modules.items():
        one = commands.add_parser(name, description=module.__doc__, help=module.__doc__.splitlines()[0],
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        common(one)
        module.add_options(one)
    every = commands.add_parser("all", help="all suites with their own defaults")
    common(every)
    two = commands.add_parser("compare", description=compare.__doc__, help="what has changed between two files",
                              formatter_class=argparse.RawDescriptionHelpFormatter)
    two.add_argument("old")
    two.add_argument("new")
    return parser, modules, parser.parse_args(words)


def own_cpu_s():
    """Of this process and of all that it has waited for or ended."""
    return machine.cpu_s([os.getpid()]) + processes.orphans_cpu_s


def run_suite(name, module, options):
    if options.rounds is None:
        options.rounds = 2 if options.quick else module.ROUNDS
    result = report.Report(name, module.PEER_IS, module.LIMIT_IS, has_goals=not options.quick)
    with tempfile.TemporaryDirectory(prefix="tagalign-bench-", dir=options.folder) as folder:
        bench, busy, used = Bench(options, folder, result), machine.Busy(), own_cpu_s()
        try:
            module.run(bench)
        finally:
            bench.close()
        if not module.DAEMONS:  # what leaves our tree of processes would count as somebody else's
            share = busy.foreign_share(own_cpu_s() - used)
            result.remark(f"others kept {100 * share:.0f} % of the cores busy meanwhile")
    print(result.text(), flush=True)
    return result.document(options)


def main(words):
    for name, value in processes.ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # programs that are stopped would stay for ever
    parser, modules, options = parse(words)
    if options.command == "compare":
        return compare.compare(options.old, options.new)
    names = SUITES if options.command == "all" else (options.command,)
    found = []
    for name in names:
        own = options
        if options.command == "all":
            own = parser.parse_args([name, *(word for word in words if word != "all")])
        own.build = own.build.resolve()
        try:
            found.append(run_suite(name, modules[name], own))
        except RuntimeError as error:
            sys.exit(f"bench {name}: {error}")
    if options.json:
        report.write(options.json, machine.facts(options.build / "bin/tagalign"), found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
