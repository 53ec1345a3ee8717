"""One installation of the soak: the real programs with everything they write on two disks of their own."""
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

ENDED = ("succeeded", "failed", "cancelled")
RESTART_S = 1.0  # as a service manager would


def find_faketime():
    """The library that gives a process a clock of its own, where it is installed (Debian: faketime)."""
    for folder in Path("/usr/lib").glob("*/faketime"):
        if (folder / "libfaketime.so.1").exists():
            return folder / "libfaketime.so.1"
    return None


class Disk:
    """A file system in memory where this process may mount one, full by its limit; else a folder that is never full."""

    def __init__(self, folder, size_mb):
        self.folder = folder
        self.size_mb = size_mb
        folder.mkdir(parents=True)
        words = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
        self.mounted = os.getuid() == 0 and subprocess.run(words, capture_output=True).returncode == 0

    def fill(self):
        found = os.statvfs(self.folder)
        self._limit(f"{(found.f_blocks - found.f_bfree) * found.f_frsize}")

    def free(self):
        self._limit(f"{self.size_mb}m")

    def _limit(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], capture_output=True)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], capture_output=True)


class Process:
    """A living process, recognised by when it began: its number may be given to another."""

    def __init__(self, pid):
        self.pid = pid
        stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        self.state, self.began = stat[0], stat[19]
        self.words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        raw = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
        self.environment = dict(line.split("=", 1) for line in raw if "=" in line)

    @property
    def program(self):
        return Path(self.words[0]).name

    def is_soak_step(self):
        return any(word.endswith("soak_step.py") for word in self.words) and self.program.startswith("python")

    def role(self):
        if self.program == "tagalign" and "coordinator" in self.words:
            return "coordinator"
        if self.program == "tagalign" and "agent" in self.words:
            return "agent"
        if self.program in ("mpirun", "orterun", "prterun"):
            return "mpirun"
        if self.program == "tagalign-worker" or self.is_soak_step():
            return "rank"
        return "other"

    def seat(self):
        """(job, rank) and attempt, of a process of a gang."""
        mark = self.environment.get("TAGALIGN_GANG", "").rstrip(".").split("-")
        rank = self.environment.get("OMPI_COMM_WORLD_RANK") or self.environment.get("TAGALIGN_RANK")
        return ((mark[-2], rank), mark[-1]) if len(mark) > 2 and rank else None

    def signal(self, number):
        try:
            if Process(self.pid).began == self.began:
                os.kill(self.pid, number)
                return True
        except OSError:
            pass
        return False


class System:
    """Coordinator (with its local agent) kept alive by a thread, and the command line that asks it."""

    def __init__(self, folder, programs, slots, clock):
        self.folder, self.programs, self.slots = folder, programs, slots
        self.store = Disk(folder / "state", 256)
        self.work = Disk(folder / "work", 16384)  # a round leaves some 160 MB
        self.log = open(folder / "coordinator.out", "ab")
        self._wrap_mpirun()
        self.faketime = find_faketime() if clock else None
        self.clocks, self.starts, self.stopping = 0, 0, False
        self.keeper = threading.Thread(target=self._keep, daemon=True)
        self.keeper.start()

    def _wrap_mpirun(self):
        """Ranks keep the machine's clock: libfaketime breaks the absolute sleeps of Python in what it does not even fake."""
        wrapper = self.folder / "bin" / "mpirun"
        wrapper.parent.mkdir()
        wrapper.write_text(f'#!/bin/sh\nunset LD_PRELOAD\nexec {shutil.which("mpirun")} "$@"\n')
        wrapper.chmod(0o755)

    def _environment(self):
        """Each coordinator gets a clock of its own; the agent keeps that of the coordinator that started it."""
        environment = {**os.environ, "TAGALIGN_SOAK": str(self.folder), "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        if self.faketime:
            self.clocks += 1
            file = self.folder / f"clock-{self.clocks}"
            file.write_text("+0")
            environment |= {"LD_PRELOAD": str(self.faketime), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_ONLY_CMDS": "tagalign"}
        return environment

    def _keep(self):
        words = [str(self.programs / "tagalign"), "--state", str(self.store.folder / "state"), "coordinator", "run",
                 "--slots", str(self.slots)]
        while not self.stopping:
            self.starts += 1
            subprocess.run(words, env=self._environment(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
            time.sleep(RESTART_S)

    def tagalign(self, *words, timeout_s=60):
        command = [str(self.programs / "tagalign"), "--state", str(self.store.folder / "state"), *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 4, "", "no answer")

    def must(self, *words, patience_s=120):
        """Asks until there is an answer: the coordinator may be down, stopped, or out of room for what is new."""
        until = time.monotonic() + patience_s
        while True:
            done = self.tagalign(*words)
            if done.returncode == 0:
                return done.stdout
            if time.monotonic() > until:
                raise RuntimeError(f"tagalign {' '.join(words)}: exit code {done.returncode} for {patience_s} s\n{done.stderr}")
            time.sleep(0.5)

    def ask(self, *words):
        return json.loads(self.must("--output", "json", *words))

    def processes(self):
        """All that descend from this installation: the environment tells, and a child cannot lose it."""
        found, mark = [], str(self.folder)
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                process = Process(int(entry.name))
            except (OSError, ValueError, IndexError):
                continue
            if process.environment.get("TAGALIGN_SOAK") == mark and process.state != "Z":
                found.append(process)
        return found

    def stop(self):
        """Ends it as a person would, and returns what is alive 20 s later."""
        self.stopping = True
        self.tagalign("coordinator", "stop", "--kill")
        until = time.monotonic() + 20
        while self.processes() and time.monotonic() < until:
            time.sleep(0.2)
        return self.processes()

    def close(self):
        self.stopping = True
        for process in self.processes():
            process.signal(signal.SIGKILL)
        self.keeper.join(5)
        self.store.close()
        self.work.close()
        self.log.close()
