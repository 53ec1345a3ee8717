"""Virtual environments with the programs that ours are compared with: made once, kept in the cache."""
import os
import subprocess
import sys
import venv
from pathlib import Path

PACKAGES = ("torch==2.11.0", "safetensors==0.6.2", "numpy", "packaging", "pillow")  # 4.7 GB: torch's wheel brings CUDA's libraries
HYPERQUEUE = ("hyperqueue",)
READY = "ready"


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("TAGALIGN_CACHE") or Path(base) / "tagalign")


def python_with_peers(packages=PACKAGES, name="peers"):
    """The interpreter, or None with a word on why there is none."""
    folder = cache() / name
    python, stamp = folder / "bin" / "python", folder / READY
    wanted = "\n".join(packages)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"== installing {', '.join(packages)} in {folder}: once, some minutes", flush=True)
    try:
        if not python.exists():  # one with fewer packages grows; making it anew over itself fails
            venv.create(folder, with_pip=True)
    except subprocess.CalledProcessError:
        print(f"peers are left out ({', '.join(packages)}): no virtual environment without ensurepip; Debian has it in "
              "python3-venv (apt-get install python3-venv)", file=sys.stderr)
        return None
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], capture_output=True, text=True)
    if done.returncode != 0:
        print(f"peers are left out ({', '.join(packages)}): pip says {done.stderr.strip().splitlines()[-1:]}",
              file=sys.stderr)
        return None
    stamp.write_text(wanted)
    return python
