"""The peers' environments, one each below benchmarks/.work/peers.

joeynmt 2.3.0 and OpenNMT-py 3.5.1 ask for versions that do not go together with this torch, so every package is
installed without its own needs; what it does need stands in benchmarks/peers/<name>.txt, version by version. An
environment is made once, and again when its file changes.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.places import PEERS, ROOT

PACKAGES = {
    "pythae": "pythae==0.1.2",
    "pyod": "pyod==3.6.7",
    "joeynmt": "joeynmt==2.3.0",
    "opennmt": "OpenNMT-py==3.5.1",
}


def interpreter(peer: str) -> Path:
    return PEERS / peer / "bin" / "python"


def ensure(peer: str) -> None:
    """Make the environment of a peer where it is not there or its needs changed.

    Raises:
        subprocess.CalledProcessError: pip could not install something; it has said what.
    """
    needs = ROOT / "benchmarks" / "peers" / f"{peer}.txt"
    stamp = PEERS / peer / "installed.txt"
    wanted = f"{PACKAGES[peer]}\n{needs.read_text(encoding='utf-8')}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print(f"installing {PACKAGES[peer]} into {PEERS / peer} ...", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", str(PEERS / peer)], check=True)
    install = [str(interpreter(peer)), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if index := os.environ.get("TORCH_INDEX_URL"):
        torch = next(line for line in wanted.splitlines() if line.startswith("torch=="))
        subprocess.run([*install, "--index-url", index, torch], check=True)
    subprocess.run([*install, "--no-deps", "-r", str(needs)], check=True)
    subprocess.run([*install, "--no-deps", PACKAGES[peer]], check=True)
    stamp.write_text(wanted, encoding="utf-8")
