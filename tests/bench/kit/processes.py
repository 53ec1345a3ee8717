"""Programs that stay alive and work only when it is their turn."""
import datetime
import json
import os
import re
import select
import signal
import subprocess
import time

from kit import machine

ENVIRONMENT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
orphans_cpu_s = 0.0


def words(command):
    return [str(word) for word in command]


class Server:
    """A program that answers a line with lines of JSON up to "done"; "failed" and an end are RuntimeErrors."""

    def __init__(self, command, threads=1, log=None):
        self.log = log
        self.process = subprocess.Popen(words(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=log.open("w") if log else None,
                                        env=dict(os.environ, OMP_NUM_THREADS=str(threads)))

    def ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise self.failure(line) from error
        answers = []
        while (said := self.process.stdout.readline().strip()) != "done":
            if said in ("", "failed"):
                raise self.failure(line)
            answers.append(json.loads(said))
        return answers

    def one(self, line):
        [answer] = self.ask(line)
        return answer

    def failure(self, line):
        last = self.log.read_text(errors="replace")[-1500:] if self.log else ""
        return RuntimeError(f"'{line}' failed{': ' if last else ''}{last}")

    def pids(self):
        return machine.tree(self.process.pid)

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Stepped:
    """A program that works by itself and tells its steps on stderr: outside of its turns it is stopped, with all its children."""

    def __init__(self, command, folder, name, threads=1):
        self.log = (folder / f"{name}.log").open("wb")
        self.process = subprocess.Popen(words(command), cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        env=dict(os.environ, **ENVIRONMENT, OMP_NUM_THREADS=str(threads)))
        os.set_blocking(self.process.stderr.fileno(), False)
        self.rest, self.stopped, self.said = b"", False, []

    def pids(self):
        return machine.tree(self.process.pid)

    def signal(self, number):
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def turn(self, pattern, deadline_s=600):
        """Lets it work until a line matches; (match, seconds, CPU seconds)."""
        before, begin = machine.cpu_s(self.pids()), time.monotonic()
        if self.stopped:
            self.signal(signal.SIGCONT)
            self.stopped = False
        found = self.line(re.compile(pattern), begin + deadline_s)
        taken = time.monotonic() - begin
        return found, taken, machine.cpu_s(self.pids()) - before

    def told_s(self):
        """When the last line was logged, by its own clock: whoever reads it may be late."""
        return datetime.datetime.fromisoformat(self.said[-1].split()[0].replace("Z", "+00:00")).timestamp()

    def pause(self):
        self.signal(signal.SIGSTOP)
        self.stopped = True

    def line(self, pattern, deadline):
        while True:
            while b"\n" in self.rest:
                text, self.rest = self.rest.split(b"\n", 1)
                self.said.append(text.decode(errors="replace"))
                if match := pattern.search(self.said[-1]):
                    return match
            self.read(pattern, deadline)

    def read(self, pattern, deadline):
        ready, _, _ = select.select([self.process.stderr], [], [], max(0.0, deadline - time.monotonic()))
        more = self.process.stderr.read() if ready else None
        if not more:
            self.close()
            what = "it ended" if ready else "time is up"
            raise RuntimeError(f"waiting for '{pattern.pattern}': {what}; its last lines:\n" + "\n".join(self.said[-12:]))
        self.log.write(more)
        self.log.flush()
        self.rest += more

    def close(self):
        """Nothing of it is of use any more. What its children have used nobody will have waited for."""
        global orphans_cpu_s
        orphans_cpu_s += machine.cpu_s(self.pids()[1:])
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()


def run(command, folder=None, environment=None):
    """To its end; RuntimeError with its last words where it fails."""
    done = subprocess.run(words(command), cwd=folder, capture_output=True, text=True,
                          env=dict(os.environ, **ENVIRONMENT, **(environment or {})), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words(command))}: exit code {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return done.stdout


def timed(command, folder=None):
    """Seconds, and CPU seconds of it and its children."""
    before, begin = os.times(), time.monotonic()
    run(command, folder)
    after = os.times()
    return time.monotonic() - begin, (after.children_user - before.children_user) + (after.children_system - before.children_system)
