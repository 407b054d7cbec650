"""Loaded by every Python that a test starts: writes which project modules and data files a stage used.

Where ENCDEC_PAUSE says so, it makes the stage, or with `commands` any Python, stand still in the middle of its work,
so that a signal finds it there.

Named sitecustomize so that Python imports it at its start; it is on the path of the tests' stages alone.
"""

import atexit
import json
import os
import sys
import threading
import time
from pathlib import Path

FOLDER = os.environ.get("ENCDEC_SPY")
STAGE = os.environ.get("DVC_STAGE")

if FOLDER and STAGE and Path(sys.argv[0] if sys.argv else "").name != "dvc":
    opened: set[str] = set()

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event == "open" and isinstance(args[0], str | bytes | os.PathLike):
            opened.add(os.fsdecode(args[0]))

    def write() -> None:
        root = Path.cwd()
        modules = {
            name: os.path.relpath(module.__file__, root)
            for name, module in list(sys.modules.items())
            if name.split(".")[0] == "encdec" and getattr(module, "__file__", None)
        }
        inside = {os.path.relpath(path, root) for path in opened if not path.startswith(("/dev", "/proc"))}
        found = {"modules": modules, "opened": sorted(path for path in inside if path.startswith("data"))}
        found["packages"] = sorted({name.split(".")[0] for name in sys.modules})
        (Path(FOLDER or ".") / f"{STAGE}-{os.getpid()}.json").write_text(json.dumps(found))

    sys.addaudithook(hook)
    atexit.register(write)

PAUSE = json.loads(os.environ.get("ENCDEC_PAUSE", "null"))

if PAUSE and (STAGE or PAUSE.get("commands")) and Path(sys.argv[0] if sys.argv else "").name != "dvc":

    def pause(event: str, args: tuple[object, ...]) -> None:
        if event == "import":
            reached = PAUSE["at"] == f"import {args[0]}"
        elif event == "open" and isinstance(args[0], str) and isinstance(args[2], int):
            reached = PAUSE["at"] in args[0] and bool(args[2] & (os.O_WRONLY | os.O_RDWR))
        else:
            return
        main = threading.current_thread() is threading.main_thread()
        if reached and main and not Path(PAUSE["mark"]).exists():
            Path(PAUSE["mark"]).write_text(str(os.getpid()))
            time.sleep(PAUSE["seconds"])

    sys.addaudithook(pause)

if os.environ.get("ENCDEC_CLOCK_BACK"):
    began = time.time()
    looks = iter(range(1, 2**62))

    def earlier() -> float:
        return began - next(looks) * float(os.environ["ENCDEC_CLOCK_BACK"])

    time.time = earlier
    time.time_ns = lambda: int(earlier() * 1e9)
