"""`rmtjac tail`: the tail index of sampled spectra, of a saved sample, or of one's own matrix."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rmtjac.cli.output import NETWORK_FLAGS, Output, add_output_flags
from rmtjac.cli.sample import add_run_flags, run_cost, sample_of
from rmtjac.model.spec import Spec, add_flags

if TYPE_CHECKING:
    from rmtjac.comparison.tails import TailFit

HELP = "tail index of the spectra of sampled networks, or of a matrix of one's own"
ACCURACY = "absolute"
POINTS = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac tail`."""
    add_flags(parser, (*NETWORK_FLAGS, "gates", "accuracy", "replicates", "seed"))
    add_run_flags(parser)
    parser.add_argument("--matrix", metavar="FILE", help="a .npy file of one's own instead of networks")
    parser.add_argument("--sample", metavar="FILE", help="a saved sample instead of new networks")
    parser.add_argument(
        "--variable",
        metavar="VARIABLE",
        help="singular_values (default for networks), eigenvalues (half the index), entries (default for a matrix)",
    )
    parser.add_argument(
        "--method",
        default="hill",
        metavar="METHOD",
        help="hill (default), distance, or powerlaw: where the tail begins",
    )
    parser.add_argument(
        "--k", type=int, metavar="K", help="number of values in the tail (hill; default 2 sqrt(n))"
    )
    parser.add_argument("--level", type=float, default=0.95, help="confidence of the interval (default 0.95)")
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """Time and memory of the sampling; raises MemoryLimitError if it cannot fit."""
    _check_sources(args)
    if args.matrix is not None or args.sample is not None:
        return "a file to read: no sampling"
    return run_cost(args, ACCURACY)


def compute(args: argparse.Namespace) -> Output:
    """The fit."""
    _check_sources(args)
    spec, values, name = _source(args)
    from rmtjac.comparison.tails import fit_tail
    from rmtjac.sampling.sample import SpectrumSample

    fit = fit_tail(values, args.k, args.method, args.variable, args.level)
    columns = _table(fit)
    is_sample = isinstance(values, SpectrumSample)
    return Output(
        spec=spec,
        summary={"source": name, **{key: value for key, value in asdict(fit).items() if key != "logs"}}
        | {"distance": fit.distance},
        lines=_lines(fit, name),
        arrays={**columns, **(values.arrays if is_sample else {"log_values": fit.logs})},
        metadata=values.description if is_sample else {},
        columns=columns,
        draw=fit.plot,
    )


def _check_sources(args: argparse.Namespace) -> None:
    if args.matrix is not None and args.sample is not None:
        raise ValueError(f"--matrix={args.matrix!r} with --sample={args.sample!r}: allowed is one of them")


def _source(args: argparse.Namespace) -> tuple[Spec, Any, str]:
    """The values, the spec they come from, and what they are."""
    if args.matrix is not None:
        matrix = _matrix(args.matrix)
        # no network made it: the shape is all that a spec can state
        return Spec(widths=(matrix.shape[-1], matrix.size // matrix.shape[-1])), matrix, args.matrix
    if args.sample is not None:
        from rmtjac.cli.merge import spec_of
        from rmtjac.sampling.sample import load_sample

        sample = load_sample(args.sample)
        return spec_of(sample), sample, args.sample
    from dataclasses import replace

    spec = Spec.from_args(args)
    sample = sample_of(args, spec, ACCURACY)
    return replace(spec, seed=sample.entropy), sample, f"{len(sample.ranks)} networks, seed {sample.entropy}"


def _matrix(path: str) -> Any:
    import numpy as np

    try:
        with open(path, "rb") as file:
            matrix = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"--matrix={path!r}: allowed is a .npy file of numbers ({error})") from None
    if not matrix.size or not matrix.ndim:
        raise ValueError(f"--matrix={path!r}: shape {matrix.shape}, allowed are arrays that are not empty")
    return matrix


def _table(fit: TailFit) -> dict[str, Any]:
    """Hill's index, and the distribution with its line, at k spread evenly in log k."""
    import numpy as np

    count = np.unique(np.geomspace(1, fit.logs.size - 1, POINTS).astype(int))
    x = np.exp(fit.logs[count - 1])
    return {"k": count, "hill": fit.hill[count - 1], "x": x, "sf": count / fit.n, "sf_line": fit.sf(x)}


def _lines(fit: TailFit, name: str) -> list[str]:
    low, high = fit.interval
    units = {0: "independent entries", 1: "values of one matrix"}.get(
        fit.replicates, f"values of {fit.replicates} matrices"
    )
    return [
        f"tail of {fit.variable.replace('_', ' ')}: {name}",
        f"index        {fit.index:.4g}, {100 * fit.level:g} % interval {low:.4g} to {high:.4g}",
        f"tail         the {fit.k} largest of {fit.n} {units}, above {fit.threshold:.4g}",
        f"distance     {fit.distance:.3g} from a power law; {0.9 / fit.k**0.5:.3g} is usual for an exact one",
    ]
