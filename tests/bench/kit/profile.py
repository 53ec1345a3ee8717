"""Where a hot path's time goes: `perf` over processes that are at work, on request."""
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

FREQUENCY_HZ = 499
LIBRARIES, FUNCTIONS, WIDTH = 8, 20, 140
HELP = "--profile takes perf, which is not here: Debian has it in linux-perf (apt-get install linux-perf), then run this again"


def profile(title, pids, work):
    """Calls work() and prints what `pids` and their later children were doing meanwhile."""
    if not shutil.which("perf"):
        print(HELP, flush=True)
        work()
        return
    with tempfile.TemporaryDirectory(prefix="tagalign-perf-") as folder:
        data = Path(folder) / "perf.data"
        # The kernel's own clock: virtual machines often have no counters of cycles.
        recorder = subprocess.Popen(["perf", "record", "--event", "cpu-clock", "--freq", str(FREQUENCY_HZ), "--output", data,
                                     "--pid", ",".join(map(str, pids))], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                    text=True)
        try:
            work()
        finally:
            recorder.send_signal(signal.SIGINT)
            _, said = recorder.communicate()
        show(title, data, said)


def show(title, data, said):
    print(f"profile of {title} (perf, cpu-clock, {FREQUENCY_HZ} Hz), by library and then by function:")
    libraries, functions = reported(data, "dso"), reported(data, "dso,symbol")
    if not libraries:
        reason = (said.strip() or "it saw nothing").splitlines()[-1]
        print(f"  nothing: perf says '{reason}'; kernel.perf_event_paranoid of 2 or less lets a user look at his own processes")
    # A stripped library has addresses in place of names: its share stands above.
    named = [line for line in functions if not re.search(r"\] 0x[0-9a-f]+$", line)]
    for line in libraries[:LIBRARIES] + named[:FUNCTIONS]:
        print(f"  {line[:WIDTH]}")


def reported(data, by):
    done = subprocess.run(["perf", "report", "--stdio", "--no-children", "--sort", by, "--percent-limit", "0.5", "--input", data],
                          capture_output=True, text=True, check=False)
    return [re.sub(r"( +-)+ *$", "", line).rstrip() for line in done.stdout.splitlines() if line.strip() and not line.startswith("#")]
