"""A coordinator in a folder of its own, for the benches that go through the real programs."""
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


class System:
    """For as long as the block lasts. `start` is what follows `tagalign coordinator start`."""

    def __init__(self, program, start):
        self.folder = Path(tempfile.mkdtemp(prefix="tagalign-bench-"))
        self.program, self.arguments = program, [str(word) for word in start]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.run("coordinator", "stop", "--kill")
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        self.run("coordinator", "start", *self.arguments)
        self.coordinator = json.loads(self.run("--output", "json", "coordinator", "status"))["pid"]

    def run(self, *words):
        """What it printed; the bench ends where it fails."""
        command = [str(self.program), "--state", str(self.folder / "state"), *words]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def write(self, name, text):
        file = self.folder / f"{name}.yml"
        file.write_text(text)
        return str(file)
