"""Row: files that are no weights, each refused in a process of its own; time and memory beyond its imports."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from validation.hostile_files import ALARM, FILES
from validation.targets.table import Figure, at_least, at_most

SECONDS, MEGABYTES = 1.0, 200.0

CHILD = """
import json, sys, time
import h5py, numpy, safetensors
import rmtjac.model.load_network as load
if "PyTorch" in sys.argv[2]:
    try:
        import torch
    except ImportError:
        pass
def memory(kind):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(kind)) / 1024
before, start = memory("VmRSS"), time.perf_counter()
try:
    load.load_network(sys.argv[1], activation="relu")
    message = "was loaded"
except ValueError as error:
    message = str(error)
print(json.dumps([message, time.perf_counter() - start, memory("VmHWM") - before, "torch" in sys.modules]))
"""


def hostile() -> list[Figure]:
    """Hostile and broken files, the bombs of 1 GiB: what is refused, its time, and its memory beyond the imports."""
    with tempfile.TemporaryDirectory() as folder:
        results = {name: _refused(Path(folder), name) for name in FILES}
        control = _control(Path(folder))
    for name, (message, seconds, megabytes, *_) in results.items():
        line = " ".join(message.split())[:150]
        print(f"hostile: {name}: {seconds:.3f} s, {megabytes:.0f} MB: {line}", file=sys.stderr, flush=True)
    clear = [name for name, result in results.items() if re.search(FILES[name].says, result[0])]
    by_torch = results["tensor beyond its storage (PyTorch)"][3]
    return [
        Figure(
            what=f"of {len(FILES)} files, refused with the reason",
            value=float(len(clear)),
            target=str(len(FILES)),
            met=len(clear) == len(FILES),
        ),
        at_most("pickles or headers that ran", float(sum(result[4] for result in results.values())), 0.0),
        at_most("longest time, s", max(result[1] for result in results.values()), SECONDS),
        at_most("largest memory, MB", max(result[2] for result in results.values()), MEGABYTES),
        at_least("control: memory of a sound file of 128 MB, MB", control, 128.0),
        Figure(
            what="PyTorch refused what only it can know",
            value="yes" if by_torch else "not installed",
            target="-",
            met=True,
        ),
    ]


def _refused(folder: Path, name: str) -> tuple[Any, ...]:
    """Message, seconds, megabytes, whether PyTorch was there, and whether something ran."""
    path, alarm = folder / "net", folder / ALARM
    FILES[name].write(path, True)
    found = _loaded(path, name)
    ran = alarm.exists()
    alarm.unlink(missing_ok=True)
    return (*found, ran)


def _loaded(path: Path, name: str) -> list[Any]:
    """Message, seconds, megabytes, whether PyTorch was there."""
    call = [sys.executable, "-c", CHILD, str(path), name]
    done = subprocess.run(call, capture_output=True, text=True, check=True, timeout=120)
    path.unlink()
    found: list[Any] = json.loads(done.stdout)
    return found


def _control(folder: Path) -> float:
    """Megabytes that a sound file of 128 MB is seen to take."""
    path = folder / "net"
    np.savez(folder / "sound.npz", W1=np.ones((4096, 4096)))
    (folder / "sound.npz").rename(path)
    message, _, megabytes, _ = _loaded(path, "sound")
    assert message == "was loaded", message
    return float(megabytes)
