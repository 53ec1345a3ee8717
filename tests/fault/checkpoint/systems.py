"""What fault.py strikes: each system saves with real processes, which it kills, and loads in a fresh one."""
import dataclasses
import json
import os
import re
import signal
import subprocess
from pathlib import Path

PATIENCE_S = 60  # for what is left of the ranks when one was killed


@dataclasses.dataclass
class Loaded:
    step: int = 0  # 0: nothing
    equal: bool = False
    said: str = ""  # what was skipped or refused


def saved_steps(text):
    return [int(step) for step in re.findall(r"^saved (\d+)$", text, re.M)]


class Ours:
    """checkpoint_fault: one process a rank, 3 MB, replicated and sharded tensors; keeps three steps."""
    name, worlds = "TagAlign", (2, 3, 4)
    data, manifest = "rank-*.safetensors", "manifest.json"

    def __init__(self, program):
        self.program, self.attempt = str(program), 0

    def start(self, folder, world, first, last=1 << 40):
        self.attempt += 1
        command = [self.program, "ranks", folder, world, first, last, self.attempt]
        self.process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.said = []
        while (line := self.process.stdout.readline()) and not line.startswith("ranks"):
            self.said.append(line)  # a rank may be faster than the word that it was started
        return [int(word) for word in line.split()[1:]]

    def wait(self):
        """Steps of which a rank had been told that they are saved. Ends when every rank has ended."""
        out, errors = self.process.communicate(timeout=PATIENCE_S)
        if self.process.returncode != 0:
            raise RuntimeError(f"a rank failed by itself: {errors}")
        return saved_steps("".join(self.said) + out)

    def load(self, folder):
        done = subprocess.run([self.program, "check", str(folder)], capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode != 0:
            return Loaded(said=f"exit code {done.returncode}: {done.stderr}")
        answer = json.loads(done.stdout)
        said = "; ".join(answer["skipped"]) + answer["refused"]
        return Loaded(answer["step"] or 0, answer["equal"], said)

    def place(self, folder, step):
        return Path(folder) / f"step-{step:08}"

    def close(self):
        pass


class Peer:
    """A system of peers.py, which forks its ranks from a process that has imported it already."""

    def __init__(self, python, name, worlds, data, manifest):
        self.name, self.worlds, self.data, self.manifest = name, worlds, data, manifest
        script = Path(__file__).with_name("peers.py")
        self.server = subprocess.Popen([str(python), str(script), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True, env=dict(os.environ, OMP_NUM_THREADS="1"))

    def ask(self, **question):
        self.server.stdin.write(json.dumps(question) + "\n")
        self.server.stdin.flush()
        line = self.server.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: peers.py has ended")
        return json.loads(line)

    def start(self, folder, world, first, last=1 << 40):
        self.log = Path(str(folder) + ".log")
        self.log.write_text("")
        return self.ask(verb="save", folder=str(folder), log=str(self.log), world=world, first=first, last=last)

    def wait(self):
        self.ask(verb="wait")
        return saved_steps(self.log.read_text())

    def load(self, folder):
        return Loaded(**self.ask(verb="load", folder=str(folder)))

    def place(self, folder, step):
        return Path(folder) / f"step-{step:08}"

    def close(self):
        self.server.stdin.close()
        self.server.wait()


def peers(python):
    yield Peer(python, "torch.distributed.checkpoint", (2,), "*.distcp", ".metadata")
    yield Peer(python, "safetensors, temporary file and rename", (1,), "*.safetensors", None)
    yield Peer(python, "safetensors, in place", (1,), "*.safetensors", None)


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
