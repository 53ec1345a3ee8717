"""A virtual environment with the programs that checkpoints are compared with: made once, kept in the cache."""
import os
import subprocess
import sys
import venv
from pathlib import Path

PACKAGES = ("torch==2.11.0", "safetensors==0.6.2", "numpy", "packaging")  # 4.7 GB: torch's wheel brings CUDA's libraries along
READY = "ready"


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("TAGALIGN_CACHE") or Path(base) / "tagalign")


def python_with_peers():
    """The interpreter, or None with a word on why there is none."""
    folder = cache() / "peers"
    python, stamp = folder / "bin" / "python", folder / READY
    wanted = "\n".join(PACKAGES)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"== installing {', '.join(PACKAGES)} in {folder}: once, some minutes", flush=True)
    venv.create(folder, with_pip=True, clear=False)
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], capture_output=True, text=True)
    if done.returncode != 0:
        print(f"peers are left out ({', '.join(PACKAGES)}): pip says {done.stderr.strip().splitlines()[-1:]}",
              file=sys.stderr)
        return None
    stamp.write_text(wanted)
    return python
