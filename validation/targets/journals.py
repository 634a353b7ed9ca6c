"""Journals under attack: killed processes, damaged files, every kind of executor."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import rmtjac as rj
from rmtjac.sampling.sample import SpectrumSample
from validation.targets.table import Figure, at_least, at_most

KILLS = 200
FLIPS = 10_000
SEED = 20261123
RUN = ["--activation", "hard_tanh", "--depth", "6", "--width", "80", "--replicates", "1000", "--seed", "11"]
SMALL = rj.Ensemble(widths=[6, 9, 5], activation="relu")
REPLICATES = 8


def kills() -> list[Figure]:
    """One run killed with SIGKILL at 200 random moments and resumed, again and again until each copy of it is whole."""
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        subprocess.run(_command(folder / "whole"), check=True)
        duration = time.perf_counter() - began
        whole = rj.load_sample(folder / "whole.npz")
        killed = resumed = finished = different = 0
        while killed < KILLS:
            stem, journal = folder / f"run{finished}", folder / f"journal{finished}"
            while not stem.with_suffix(".npz").exists():
                process = subprocess.Popen(_command(stem, "--journal", journal))
                resumed += journal.exists()
                try:
                    process.wait(rng.uniform(0.0, duration) if killed < KILLS else None)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    killed += 1
            finished += 1
            different += not _same(rj.load_sample(stem.with_suffix(".npz")), whole)
    return [
        at_least(f"kills, in {finished} runs", float(killed), float(KILLS)),
        at_least("starts that found a journal", float(resumed), KILLS / 2),
        at_most("final files with an array that differs in any byte", float(different), 0.0),
    ]


def _command(stem: Path, *more: object) -> list[str]:
    return [sys.executable, "-m", "rmtjac", "sample", *RUN, "--quiet", "--out", str(stem), *map(str, more)]


def damage() -> list[Figure]:
    """A journal cut at every byte of its last three records, and one bit flipped 10,000 times; resumed each time."""
    whole = rj.sample_spectrum(SMALL, REPLICATES, 1)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "journal"
        ends = []
        for count in range(REPLICATES + 1):
            if count:
                rj.sample_spectrum(SMALL, count, 1, journal=path)
                ends.append(path.stat().st_size)
        content = path.read_bytes()
        head = _head_size(Path(name))

        cut = [
            _Damaged(content[:size], sum(end > size for end in ends)) for size in range(ends[-4], ends[-1])
        ]
        rng = random.Random(SEED)
        flipped = []
        for _ in range(FLIPS):
            bit = rng.randrange(8 * len(content))
            changed = bytearray(content)
            changed[bit // 8] ^= 1 << bit % 8
            flipped.append(_Damaged(bytes(changed), int(bit // 8 >= head)))
        return [
            *_resumed(f"{len(cut)} cuts", cut, path, whole),
            *_resumed(f"{FLIPS} flipped bits", flipped, path, whole),
        ]


class _Damaged:
    """The bytes of a damaged journal, and how many records the damage hit."""

    def __init__(self, content: bytes, lost: int) -> None:
        self.content, self.lost = content, lost


def _head_size(folder: Path) -> int:
    """Bytes before the first record."""
    path = folder / "one"
    rj.sample_spectrum(SMALL, 1, 1, journal=path)
    size = path.stat().st_size
    rj.sample_spectrum(SMALL, 2, 1, journal=path)
    return 2 * size - path.stat().st_size


def _resumed(what: str, journals: list[_Damaged], path: Path, whole: SpectrumSample) -> list[Figure]:
    wrong = different = 0
    for damaged in journals:
        path.write_bytes(damaged.content)
        seen: list[int] = []
        sample = rj.sample_spectrum(
            SMALL,
            REPLICATES,
            1,
            workers=1,
            journal=path,
            progress=lambda done, _, seen=seen: seen.append(done),
        )
        wrong += REPLICATES - seen[0] != damaged.lost
        different += not _same(sample, whole)
    return [
        at_most(
            f"{what}: journals of which more or less than the damaged records were computed",
            float(wrong),
            0.0,
        ),
        at_most(f"{what}: final arrays that differ", float(different), 0.0),
    ]


def executors() -> list[Figure]:
    """The same sample by 1, 2, 4 threads, a process pool, and a Dask cluster of 2 processes."""
    from distributed import Client, LocalCluster

    ens = rj.Ensemble(depth=5, width=60, activation="tanh", weights="orthogonal", sigma_b=0.1)

    def sample(**where: object) -> SpectrumSample:
        return rj.sample_spectrum(ens, 40, 2, accuracy="relative", **where)  # type: ignore[arg-type]

    samples = {f"{n} workers": sample(workers=n) for n in (1, 2, 4)}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        samples["process pool"] = sample(executor=pool)
    quiet = {"dashboard_address": None, "silence_logs": 50}
    with LocalCluster(n_workers=2, threads_per_worker=1, **quiet) as cluster, Client(cluster) as client:
        samples["Dask cluster"] = sample(executor=client.get_executor())
    first = samples["1 workers"]
    return [
        at_most(f"{name}: arrays that differ from those of one worker", float(not _same(first, other)), 0.0)
        for name, other in samples.items()
    ]


def _same(one: SpectrumSample, other: SpectrumSample) -> bool:
    """Whether all arrays have the same bytes."""
    return one.arrays.keys() == other.arrays.keys() and all(
        np.asarray(array).tobytes() == np.asarray(other.arrays[name]).tobytes()
        for name, array in one.arrays.items()
    )
