"""`rmtjac sample`: spectra of networks of finite width."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rmtjac.cli.output import NETWORK_FLAGS, Output, add_output_flags
from rmtjac.cli.progress import progress
from rmtjac.model.spec import Spec, add_flags

if TYPE_CHECKING:
    from rmtjac.sampling.sample import SpectrumSample

HELP = "spectra of J J^T of sampled networks of finite width"
MATRICES = {"output": "J J^T", "input": "J^T J"}
BINS = 200
CONNECT_SECONDS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac sample`."""
    add_flags(parser, (*NETWORK_FLAGS, "gates", "accuracy", "replicates", "seed"))
    add_run_flags(parser)
    parser.add_argument(
        "--shard",
        metavar="I/N",
        help="sample the I-th of N shards only, into its --journal; `rmtjac merge` joins them",
    )
    add_output_flags(parser)


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """--workers, --dask and --journal."""
    parser.add_argument(
        "--workers", type=int, metavar="N", help="threads (default: one per core); changes no number"
    )
    parser.add_argument("--dask", metavar="ADDRESS", help="run on the Dask cluster of this scheduler")
    parser.add_argument(
        "--journal", metavar="FILE", help="keep every network as it ends; the same command goes on from there"
    )


def cost(args: argparse.Namespace) -> str:
    """Time and memory; raises MemoryLimitError if the run cannot fit."""
    return run_cost(args, "auto")


def compute(args: argparse.Namespace) -> Output:
    """The sample, or what became of a shard of it."""
    if args.shard is not None:
        return _shard(args)
    spec = Spec.from_args(args)
    return output_of(spec, sample_of(args, spec, "auto"))


def run_cost(args: argparse.Namespace, accuracy: str) -> str:
    """What sampling would take, in words; `accuracy` is that of a spec that names none."""
    from rmtjac.model.checks import checked_integer
    from rmtjac.runs.memory import check_memory
    from rmtjac.runs.runner import default_workers
    from rmtjac.sampling.cost import memory_estimate, time_estimate
    from rmtjac.sampling.spectrum import resolved_accuracy

    spec = Spec.from_args(args)
    ens = spec.ensemble()
    checked_integer("replicates", spec.replicates, 1)
    workers = min(args.workers or default_workers(), spec.replicates)
    need = memory_estimate(ens, workers, spec.replicates)
    check_memory(need, f"sampling {ens!r} by {workers} worker(s)")
    accuracy = resolved_accuracy(ens, spec.accuracy or accuracy)
    seconds = time_estimate(ens, accuracy, workers, spec.replicates)
    return (
        f"{spec.replicates} networks, {accuracy} accuracy, {workers} worker(s): about {_in_words(seconds)} "
        f"and at most {need / 1e9:.2g} GB of memory"
    )


def sample_of(args: argparse.Namespace, spec: Spec, accuracy: str) -> SpectrumSample:
    """The sample that a spec states, of its side; `accuracy` is that of a spec that names none."""
    from rmtjac.sampling.spectrum import sample_spectrum

    with executor_of(args) as executor, progress(args, spec.replicates, "networks") as report:
        sample = sample_spectrum(
            spec.ensemble(),
            spec.replicates,
            spec.seed,
            args.workers,
            executor,
            args.journal,
            gates=spec.gates,
            inputs=spec.inputs,
            accuracy=spec.accuracy or accuracy,
            progress=report,
        )
    check_range(sample)
    return sample.of_side(spec.side)


@contextmanager
def executor_of(args: argparse.Namespace) -> Iterator[Executor | None]:
    """The cluster of --dask; None without.

    Raises
    ------
    ValueError
        If Dask is not installed, or there is no scheduler at that address.
    """
    if args.dask is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("--dask: needs the extra cluster, pip install 'rmtjac[cluster]'") from None
    if args.workers is not None:
        raise ValueError("--workers with --dask: the cluster has its own; give one of them")
    try:
        client = Client(args.dask, timeout=CONNECT_SECONDS, set_as_default=False)
    except OSError as error:
        raise ValueError(f"--dask={args.dask!r}: no scheduler answers ({error})") from None
    with client:
        yield client.get_executor()


def _shard(args: argparse.Namespace) -> Output:
    from rmtjac.sampling.spectrum import sample_shard

    shard = _parsed_shard(args.shard)
    if args.journal is None or args.out is not None:
        raise ValueError(f"--shard {args.shard}: goes into a --journal; `rmtjac merge` writes --out")
    spec = Spec.from_args(args)
    own = len(range(shard[0] - 1, spec.replicates, shard[1]))
    with executor_of(args) as executor, progress(args, own, "networks") as report:
        sample_shard(
            spec.ensemble(),
            shard,
            spec.replicates,
            spec.seed,
            args.journal,
            args.workers,
            executor,
            gates=spec.gates,
            inputs=spec.inputs,
            accuracy=spec.accuracy or "auto",
            progress=report,
        )
    return Output(
        spec=spec,
        summary={"shard": shard, "replicates": own, "journal": args.journal},
        lines=[f"shard {args.shard}: its {own} of {spec.replicates} networks are in {args.journal}"],
        arrays={},
        columns={},
        draw=list,
    )


def _parsed_shard(text: str) -> tuple[int, int]:
    first, _, second = text.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        raise ValueError(f"--shard {text}: allowed is I/N with 1 <= I <= N")
    return int(first), int(second)


def _in_words(seconds: float) -> str:
    for size, unit in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2.0 * size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"


def check_range(sample: SpectrumSample) -> None:
    """Raise ValueError if a largest eigenvalue leaves the range of doubles."""
    import numpy as np

    top = sample.eigenvalues[:, -1]
    if not (np.isfinite(top) & ((top > 0.0) | (sample.ranks == 0))).all():
        raise ValueError("sigma_w: the sampled eigenvalues leave the range of doubles at this depth")


def summary(sample: SpectrumSample) -> dict[str, Any]:
    """Mean, top, mass at 0, seed."""
    top = sample.spectral_norms**2
    return {
        "side": sample.side,
        "replicates": sample.singular_values.shape[0],
        "eigenvalues_per_replicate": sample.singular_values.shape[1],
        "seed": str(sample.entropy),
        "mean": float(sample.eigenvalues.mean()),
        "top": float(top.mean()),
        "top_standard_deviation": float(top.std(ddof=1)) if top.size > 1 else None,
        "zero_mass": sample.zero_mass,
        "gate_fractions": sample.gate_fractions.mean(axis=0),
        "q": sample.q.mean(axis=0),
    }


def output_of(spec: Spec, sample: SpectrumSample) -> Output:
    """A sample as the result of a spec."""
    import numpy as np

    from rmtjac.plotting import plot_sample

    facts = summary(sample)
    density, edges = sample.histogram(
        np.linspace(0.0, float(sample.eigenvalues.max()) * (1.0 + 1e-9) or 1.0, BINS + 1)
    )
    size = f"{facts['eigenvalues_per_replicate']} eigenvalues of {MATRICES[sample.side]}"
    lines = [
        f"{facts['replicates']} networks of {size}, seed {facts['seed']}",
        f"mean       {facts['mean']:.6g}",
        f"top        {facts['top']:.6g}",
        f"mass at 0  {facts['zero_mass']:.6g}",
    ]
    return Output(
        spec=replace(spec, seed=sample.entropy),
        summary=facts,
        lines=lines,
        arrays=sample.arrays,
        metadata=sample.description,
        columns={"bin_low": edges[:-1], "bin_high": edges[1:], "density": density},
        draw=lambda: plot_sample(sample),
    )
