"""What the figures were measured on, and who else was at work there."""
import datetime
import os
import subprocess
import time
from pathlib import Path

WATCHED_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")
TICKS = os.sysconf("SC_CLK_TCK")


now = time.monotonic


def cores():
    return len(os.sched_getaffinity(0))


def facts(tagalign):
    """`tagalign` is the program, whose version is asked."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    of = {line.split(":")[0].strip(): line.split(":", 1)[1].strip() for line in lines if ":" in line}
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    version = subprocess.run([tagalign, "--version"], capture_output=True, text=True, check=False)
    return {"cpu": of.get("model name", os.uname().machine), "cores": cores(),
            "flags": [flag for flag in WATCHED_FLAGS if flag in of.get("flags", "").split()],
            "memory_gib": round(int(memory.split()[1]) / 2**20, 1), "kernel": os.uname().release,
            "version": version.stdout.strip(), "when": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "load": os.getloadavg()[0]}


def tree(pid):
    """The process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := stat_of(entry.name)):
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, at = [pid], 0
    while at < len(found):
        found += parents.get(found[at], [])
        at += 1
    return found


def stat_of(pid):
    """What follows the name; None for one that has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def cpu_s(pids):
    """Of processes, and of their children that have ended and were waited for."""
    return sum(own_cpu_s(pid) + sum(map(int, fields[13:15])) / TICKS for pid in pids if (fields := stat_of(pid)))


def own_cpu_s(pid):
    """By the process's CPU clock (Linux: its number, complemented, above the three bits of the kind), in nanoseconds where
    /proc counts hundredths of a second."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def peak_mb(pids):
    """The largest memory that one of them has had, in 10^6 bytes."""
    found = [0.0]
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        found += [int(line.split()[1]) * 1.024e-3 for line in lines if line.startswith("VmHWM")]
    return max(found)


class Busy:
    """The share of the machine's cores that was busy for others since it was made."""

    def __init__(self):
        self.before = self.jiffies()

    @staticmethod
    def jiffies():
        fields = list(map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]))
        return sum(fields), fields[3] + fields[4]

    def foreign_share(self, own_cpu_s):
        total, idle = (now - then for now, then in zip(self.jiffies(), self.before))
        return max(0.0, (total - idle - own_cpu_s * TICKS) / max(1, total))
