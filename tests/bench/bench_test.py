"""The parts of the benchmarks that a wrong figure could come from: turns and ratios, stopped programs, comparisons, and the
loader's suite from end to end beside a peer that answers by rote. Run by CTest with the name of a class."""
import argparse
import contextlib
import copy
import io
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from kit import compare, machine, report  # noqa: E402
from kit.processes import Server, Stepped  # noqa: E402
from kit.turns import LIMIT, OURS, PEER, Goal, Row, in_turns  # noqa: E402

STEPPING = "import sys, time\nfor n in range(10**6):\n    print(f'step {time.monotonic()}', file=sys.stderr, flush=True)\n    time.sleep(0.02)\n"
ANSWERING = "import sys\nfor line in sys.stdin:\n    print('{\"a\": 1}\\ndone' if line == 'good\\n' else 'failed', flush=True)\n"
ROTE = '#!/bin/sh\nwhile read -r line; do echo \'{"images": 8, "cpu": 2.0, "wall": 2.0}\'; echo done; done\n'


def row_with(higher, goal=None, **samples):
    row = Row("row", "unit", higher, goal)
    for who, values in samples.items():
        for number, value in enumerate(values):
            row.note(who, number, value)
    return row


class Turns(unittest.TestCase):
    def test_ratios_are_formed_within_each_round(self):
        found = row_with(True, ours=[10, 40], peer=[5, 10]).ratios(PEER)
        self.assertEqual(found, {"median": 3, "low": 2, "high": 4, "rounds": 2})

    def test_a_time_that_is_shorter_than_the_peers_is_better(self):
        self.assertEqual(row_with(False, ours=[5], peer=[10]).ratios(PEER)["median"], 2)

    def test_a_round_without_the_other_has_no_ratio(self):
        self.assertIsNone(row_with(True, ours=[5]).ratios(LIMIT))

    def test_goals_are_told_by_what_they_are_against(self):
        self.assertTrue(row_with(True, Goal(LIMIT, 0.9), ours=[9.5], limit=[10]).reached())
        self.assertFalse(row_with(False, Goal(LIMIT, 0.9), ours=[12], limit=[10]).reached())
        self.assertTrue(row_with(False, Goal(OURS, 150), ours=[149]).reached())
        self.assertIsNone(row_with(True, Goal(PEER, 2), ours=[1]).reached())

    def test_the_order_turns_round_and_a_failed_peer_is_left_out(self):
        seen, failures = [], []

        def peer(number):
            seen.append(f"peer{number}")
            if number == 1:
                raise RuntimeError("broke")
        in_turns(3, {OURS: lambda number: seen.append(f"ours{number}"), PEER: peer}, lambda who, _: failures.append(who))
        self.assertEqual(seen, ["ours0", "peer0", "peer1", "ours1", "ours2"])
        self.assertEqual(failures, [PEER])


class Processes(unittest.TestCase):
    def test_a_stepped_program_does_nothing_outside_of_its_turn(self):
        with tempfile.TemporaryDirectory() as folder:
            stepped = Stepped([sys.executable, "-c", STEPPING], Path(folder), "stepping")
            stepped.turn("step")
            stepped.pause()
            stopped = time.monotonic()
            time.sleep(0.5)
            resumed, told = time.monotonic(), [0.0]
            while told[-1] < resumed:  # lines that it wrote before it was stopped come first
                told.append(float(stepped.turn(r"step ([0-9.]+)")[0][1]))
            stepped.close()
        self.assertEqual([at for at in told if stopped + 0.1 < at < resumed], [])

    def test_a_stepped_program_that_ends_is_an_error_with_its_last_words(self):
        with tempfile.TemporaryDirectory() as folder:
            stepped = Stepped([sys.executable, "-c", "import sys; sys.exit('no such file')"], Path(folder), "ending")
            with self.assertRaisesRegex(RuntimeError, "no such file"):
                stepped.turn("step")

    def test_a_server_that_fails_is_an_error_and_answers_again(self):
        server = Server([sys.executable, "-c", ANSWERING])
        self.assertEqual(server.one("good"), {"a": 1})
        with self.assertRaises(RuntimeError):
            server.ask("bad")
        self.assertEqual(server.one("good"), {"a": 1})
        server.close()

    def test_cpu_of_a_tree_counts_children_that_work(self):
        work = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(4 * 10**7))']); input()"
        parent = subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE)
        deadline, most = time.monotonic() + 60, 0.0
        while most < 0.2 and time.monotonic() < deadline:
            most = max(most, machine.cpu_s(machine.tree(parent.pid)))
            time.sleep(0.05)
        parent.communicate(b"\n")
        self.assertGreaterEqual(most, 0.2)


def document(**rows):
    found = report.Report("suite", "peer", "limit")
    for name, samples in rows.items():
        for who, values in samples.items():
            for number, value in enumerate(values):
                found.row(name, "1/s").note(who, number, value)
    return {"format": 1, "machine": {"cpu": "one", "cores": 2}, "suites": [found.document(argparse.Namespace(quick=True))]}


class Compare(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def code_of(self, old, new):
        paths = [Path(self.folder.name) / name for name in ("old", "new")]
        for path, content in zip(paths, (old, new)):
            path.write_text(json.dumps(content))
        self.said = io.StringIO()
        with contextlib.redirect_stdout(self.said):
            return compare.compare(*paths)

    def test_ranges_that_touch_are_the_same(self):
        self.assertEqual(self.code_of(document(a={"ours": [10, 12]}), document(a={"ours": [9, 10]})), 0)
        self.assertIn("same", self.said.getvalue())

    def test_a_range_below_is_worse(self):
        self.assertEqual(self.code_of(document(a={"ours": [10, 12]}), document(a={"ours": [8, 9]})), 1)
        self.assertIn("worse", self.said.getvalue())

    def test_on_another_machine_ratios_alone_judge(self):
        old, slower = document(a={"ours": [10], "peer": [5]}), document(a={"ours": [4], "peer": [2]})
        slower["machine"]["cpu"] = "another"
        self.assertEqual(self.code_of(old, slower), 0)
        lost = document(a={"ours": [10], "peer": [9]})
        lost["machine"]["cpu"] = "another"
        self.assertEqual(self.code_of(old, lost), 1)

    def test_files_without_a_common_row_or_of_another_kind_are_refused(self):
        whole = document(a={"ours": [1]})
        for other in (document(b={"ours": [1]}), {"format": 99}, []):
            with self.assertRaises(SystemExit):
                self.code_of(whole, other)
        damaged = copy.deepcopy(whole)
        damaged["suites"][0]["rows"][0]["ours"]["low"] = 2
        with self.assertRaisesRegex(SystemExit, "no median between"):
            self.code_of(whole, damaged)


class QuickLoader(unittest.TestCase):
    def test_it_writes_what_compare_reads(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            self.fake_peers(folder)
            command = [sys.executable, HERE / "bench.py", "loader", "--quick", "--count", "16", "--json", folder / "a.json",
                       "--build", os.environ["TAGALIGN_BUILD"]]
            done = subprocess.run(command, env=dict(os.environ, TAGALIGN_CACHE=name), capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            [suite] = report.read(folder / "a.json")["suites"]
            again = subprocess.run([sys.executable, HERE / "bench.py", "compare", folder / "a.json", folder / "a.json"])
            self.assertEqual(again.returncode, 0)
        self.assertEqual(suite["skipped"], [])
        rows = {row["name"].split(", ", 1)[1]: row for row in suite["rows"]}
        self.assertEqual(set(rows), {"decode alone", "without RandAugment and erasing", "all", "all, fast"})
        for row in rows.values():
            self.assertEqual(row["peer"], {"median": 4, "low": 4, "high": 4, "rounds": 2})
            self.assertAlmostEqual(row["ours_to_peer"]["low"], row["ours"]["low"] / 4)
            self.assertGreater(row["ours"]["low"], 0)
        self.assertIsNone(rows["decode alone"]["limit"])
        self.assertEqual(rows["all"]["limit"], rows["decode alone"]["ours"])

    def fake_peers(self, cache):
        """An environment that is ready, whose interpreter says 4 images a second to every question."""
        sys.path.insert(0, str(HERE.parents[1] / "tests/support/peers"))
        import environment
        python = cache / "peers/bin/python"
        python.parent.mkdir(parents=True)
        python.write_text(ROTE)
        python.chmod(0o755)
        (cache / "peers" / environment.READY).write_text("\n".join(environment.PACKAGES))


if __name__ == "__main__":
    unittest.main()
