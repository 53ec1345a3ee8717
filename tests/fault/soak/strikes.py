"""What befalls the system: one strike after the other, drawn from a seed."""
import collections
import random
import signal
import threading
import time
from pathlib import Path

# Kind and weight. Never all at once: what is struck is to come back, and to be met again while it does.
KINDS = (("kill rank", 5), ("stop rank for a while", 3), ("stop rank for ever", 1), ("kill mpirun", 3),
         ("stop mpirun for a while", 2), ("stop mpirun for ever", 1), ("kill agent", 2), ("stop agent for a while", 2),
         ("stop agent for ever", 1), ("kill coordinator", 3), ("stop coordinator for a while", 2),
         ("stop coordinator, then kill it", 1), ("full disk of checkpoints", 1), ("full disk of the store", 2),
         ("clock forward", 2), ("clock back", 2), ("urgent job", 2))


class Strikes:
    """A thread that strikes `system` until it is told to stop, with pauses of `pause_s` on average."""

    def __init__(self, system, seed, pause_s, submit_urgent, say):
        self.system, self.pause_s, self.submit_urgent, self.say = system, pause_s, submit_urgent, say
        self.random, self.counts = random.Random(seed), collections.Counter()
        self.left_out = self._left_out()
        self.end, self.pending = threading.Event(), []
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _left_out(self):
        left = {}
        for disk, name in ((self.system.work, "full disk of checkpoints"), (self.system.store, "full disk of the store")):
            if not disk.mounted:
                left[name] = "a file system of its own cannot be mounted here"
        if not self.system.faketime:
            left |= {name: "libfaketime is not installed (Debian: faketime)" for name in ("clock forward", "clock back")}
        return left

    def start(self):
        self.thread.start()

    def stop(self):
        """No more strikes; what was for a while is over now."""
        self.end.set()
        self.thread.join()
        for undo in self.pending:
            undo[1]()
        self.pending = []

    def _run(self):
        kinds, weights = zip(*[(kind, weight) for kind, weight in KINDS if kind not in self.left_out])
        next_at = time.monotonic() + self.random.expovariate(1 / self.pause_s)
        while not self.end.wait(0.05):
            now = time.monotonic()
            for undo in [undo for undo in self.pending if undo[0] <= now]:
                self.pending.remove(undo)
                undo[1]()
            if now >= next_at:
                kind = self.random.choices(kinds, weights)[0]
                self.strike(kind)
                next_at = time.monotonic() + self.random.expovariate(1 / self.pause_s)

    def later(self, seconds, undo):
        self.pending.append((time.monotonic() + seconds, undo))

    def pick(self, role):
        """Among those that are not stopped already."""
        all_of = sorted((p for p in self.system.processes() if p.role() == role and p.state != "T"), key=lambda p: p.pid)
        return self.random.choice(all_of) if all_of else None

    def strike(self, kind):
        done = self._apply(kind)
        if done:
            self.counts[kind] += 1
            self.say(f"strike: {kind} ({done})")

    def _apply(self, kind):
        verb, _, rest = kind.partition(" ")
        if verb == "full":
            disk = self.system.work if "checkpoints" in kind else self.system.store
            disk.fill()
            seconds = self.random.uniform(2, 8)
            self.later(seconds, disk.free)
            return f"{seconds:.1f} s"
        if verb == "clock":
            return self._step_clock(-1 if rest == "back" else 1)
        if verb == "urgent":
            return self.submit_urgent()
        return self._signal(verb, rest)

    def _signal(self, verb, rest):
        process = self.pick(rest.replace(",", "").split(" ")[0])
        if process is None or not process.signal(signal.SIGKILL if verb == "kill" else signal.SIGSTOP):
            return None
        seconds = self.random.uniform(1, 15)
        after = signal.SIGKILL if rest.endswith("kill it") else signal.SIGCONT
        if verb == "stop" and not rest.endswith("for ever"):
            self.later(seconds, lambda: process.signal(after))
            return f"pid {process.pid}, {seconds:.1f} s"
        return f"pid {process.pid}"

    def _step_clock(self, sign):
        process = self.pick(self.random.choice(("coordinator", "agent")))
        file = process and process.environment.get("FAKETIME_TIMESTAMP_FILE")
        if not file:
            return None
        before = int(Path(file).read_text())
        offset = before + sign * self.random.randint(60, 1200)
        beside = Path(f"{file}.new")
        beside.write_text(f"{offset:+d}")
        beside.replace(file)
        return f"{process.role()} {before:+d} s to {offset:+d} s"
