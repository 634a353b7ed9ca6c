"""`rmtjac sample`: spectra of networks of finite width."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rmtjac.cli.output import NETWORK_FLAGS, Output, add_output_flags, check_stem, emit, progress_bar
from rmtjac.model.spec import Spec, add_flags

if TYPE_CHECKING:
    from rmtjac.sampling.sample import SpectrumSample

HELP = "spectra of J J^T of sampled networks of finite width"
MATRICES = {"output": "J J^T", "input": "J^T J"}
BINS = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac sample`."""
    add_flags(parser, (*NETWORK_FLAGS, "gates", "accuracy", "replicates", "seed"))
    add_worker_flag(parser)
    add_output_flags(parser)


def add_worker_flag(parser: argparse.ArgumentParser) -> None:
    """--workers."""
    parser.add_argument(
        "--workers", type=int, metavar="N", help="threads (default: one per core); changes no number"
    )


def run(args: argparse.Namespace) -> int:
    """Sample, print, write."""
    check_stem(args)
    spec = Spec.from_args(args)
    if args.dry_run:
        print(cost(args, spec))
        return 0
    sample = sample_of(args, spec, spec.accuracy or "auto")
    emit(args, spec, _output(sample))
    return 0


def cost(args: argparse.Namespace, spec: Spec) -> str:
    """What sampling would take; raises MemoryLimitError if it cannot fit."""
    from rmtjac.model.checks import checked_integer
    from rmtjac.runs.memory import check_memory
    from rmtjac.runs.runner import default_workers
    from rmtjac.sampling.spectrum import memory_estimate

    ens = spec.ensemble()
    checked_integer("replicates", spec.replicates, 1)
    workers = min(args.workers or default_workers(), spec.replicates)
    need = memory_estimate(ens, workers, spec.replicates)
    check_memory(need, f"sampling {ens!r} by {workers} worker(s)")
    sizes = zip(ens.widths[:-1], ens.widths[1:], strict=True)
    products = 2.0 * ens.widths[0] * sum(n_in * n_out for n_in, n_out in sizes)
    decomposition = 4.0 * min(ens.widths[0], ens.widths[-1]) ** 2 * max(ens.widths[0], ens.widths[-1])
    operations = spec.replicates * (products + decomposition)
    return f"{spec.replicates} networks: about {operations:.2g} operations and {need / 1e9:.2g} GB of memory"


def sample_of(args: argparse.Namespace, spec: Spec, accuracy: str) -> SpectrumSample:
    """The sample that a spec states, of its side."""
    from rmtjac.sampling.spectrum import sample_spectrum

    sample = sample_spectrum(
        spec.ensemble(),
        spec.replicates,
        spec.seed,
        args.workers,
        gates=spec.gates,
        inputs=spec.inputs,
        accuracy=accuracy,
        progress=progress_bar(args, spec.replicates),
    )
    check_range(sample)
    return sample.of_side(spec.side)


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


def _output(sample: SpectrumSample) -> Output:
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
        summary=facts,
        lines=lines,
        arrays=sample.arrays,
        columns={"bin_low": edges[:-1], "bin_high": edges[1:], "density": density},
        draw=lambda: plot_sample(sample),
    )
