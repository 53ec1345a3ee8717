#!/usr/bin/env python3
"""A user's program of the soak: so many steps, each committed to a file and reported; goes on where the last attempt was.

Leaves two traces that the soak reads: a line in starts.txt for each time that a rank of an attempt began, and one in
overlaps.txt when another process of the same rank was still alive.
"""
import errno
import fcntl
import json
import os
import signal
import sys
import time
from pathlib import Path


def append(file, line):
    with open(file, "ab", buffering=0) as out:
        out.write(line.encode())


def commit(file, text):
    beside = Path(f"{file}.{os.getpid()}")
    try:
        with open(beside, "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def main():
    steps, env = int(sys.argv[1]), os.environ
    rank = f"{env['TAGALIGN_JOB_NAME'].replace('/', '-')}-{env['TAGALIGN_RANK']}"
    own = open(f"{rank}.lock", "w")
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        append("overlaps.txt", f"{rank} attempt {env['TAGALIGN_ATTEMPT']}\n")
    append("starts.txt", f"{rank} attempt {env['TAGALIGN_ATTEMPT']}\n")
    leave = []
    signal.signal(signal.SIGTERM, lambda *_: leave.append(True))
    done = Path(f"{rank}.step")
    first = int(done.read_text()) if done.exists() else 0
    for step in range(first + 1, steps + 1):
        time.sleep(0.15)
        commit(done, str(step))
        report = {"progress": {"step": step, "steps_total": steps}}
        if env["TAGALIGN_RANK"] == "0":
            report["checkpoint"] = {"step": step, "path": str(done), "digest": f"{rank}-{step}"}
        for key, value in report.items():
            append(env["TAGALIGN_REPORT"], json.dumps({key: value}) + "\n")
        if leave:
            sys.exit(75)


try:
    main()
except OSError as error:  # a full disk is a trouble of the place
    if error.errno != errno.ENOSPC:
        raise
    sys.exit(74)
