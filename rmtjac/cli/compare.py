"""`rmtjac compare`: the law of infinite width over sampled spectra."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rmtjac.cli.law import law_table
from rmtjac.cli.law import summary as law_summary
from rmtjac.cli.output import NETWORK_FLAGS, Output, add_output_flags, law_of
from rmtjac.cli.sample import add_run_flags, run_cost, sample_of
from rmtjac.cli.sample import summary as sample_summary
from rmtjac.errors import UnsupportedError
from rmtjac.model.spec import Spec, add_flags

if TYPE_CHECKING:
    from rmtjac.comparison.compare import Comparison

HELP = "the law of infinite width against spectra of sampled networks"
POINTS = 400
ACCURACY = "absolute"
NUMBERS = (
    "ks", "ks_interval", "p_value", "wasserstein", "mean_gap", "mean_p_value", "edge_gap", "edge_p_value",
    "zero_mass_gap", "zero_mass_p_value",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac compare`."""
    add_flags(parser, (*NETWORK_FLAGS, "q", "gates", "accuracy", "replicates", "seed"))
    add_run_flags(parser)
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """Time and memory of the sampling; raises MemoryLimitError if it cannot fit."""
    return run_cost(args, ACCURACY)


def compute(args: argparse.Namespace) -> Output:
    """Law, sample, distances."""
    spec = Spec.from_args(args)
    law = law_of(spec)
    sample = sample_of(args, spec, ACCURACY)
    from rmtjac.comparison.compare import compare

    return _output(spec, compare(law, sample), _at_realised_gates(spec, sample))


def _at_realised_gates(spec: Spec, sample: Any) -> Comparison | None:
    """The comparison with the laws at each network's own gates; None where these are all one constant.

    And where the gates of heavy-tailed networks depend on their weights: given gates have no law then.
    """
    from rmtjac.comparison.compare import compare
    from rmtjac.comparison.realised_laws import realised_laws

    ens = spec.ensemble()
    ranges = [activation.derivative_range for activation in ens.activations]
    if all(interval is not None and interval[0] == interval[1] for interval in ranges):
        return None
    try:
        laws = realised_laws(ens, sample)
    except UnsupportedError:
        return None
    return compare(laws, sample)


def _output(spec: Spec, limit: Comparison, realised: Comparison | None) -> Output:
    law, sample = limit.laws[0], limit.sample
    table = law_table(law, POINTS)
    drawn = sample_summary(sample)
    facts = {
        "law": law_summary(law),
        "sample": drawn,
        "distances": _distances(limit),
        "distances_at_realised_gates": None if realised is None else _distances(realised),
    }
    lines = [
        f"{law.name}: infinite width against {drawn['replicates']} networks, seed {drawn['seed']}",
        f"{'':22}{'law':>12}{'sampled':>12}{'gap':>12}",
        _row("mean eigenvalue", law.mean(), drawn["mean"]) + _p_value(limit.mean_p_value),
        _row("largest eigenvalue", float(law.ppf(1.0)), drawn["top"]),
        *_edge_rows("  Tracy-Widom scale", limit),
        _row("mass at 0", float(law.cdf(0.0)), drawn["zero_mass"]) + _p_value(limit.zero_mass_p_value),
        _ks_line("Kolmogorov distance", limit),
        *([] if realised is None else [_ks_line("  at realised gates", realised)]),
        f"{'Wasserstein distance':22}{limit.wasserstein:12.4g}",
    ]
    return Output(
        spec=replace(spec, seed=sample.entropy),
        summary=facts,
        lines=lines,
        arrays={**{f"law_{name}": column for name, column in table.items()}, **sample.arrays},
        metadata=sample.description,
        columns={
            **{name: column for name, column in table.items() if name not in ("code", "error_bound")},
            "sampled_cdf": _empirical(sample, table["lambda"]),
        },
        draw=limit.plot,
    )


def _distances(comparison: Comparison) -> dict[str, Any]:
    from dataclasses import asdict

    facts = {name: getattr(comparison, name) for name in NUMBERS}
    return {**facts, "edge_z": float(comparison.edge_z.mean()), "band": asdict(comparison.band)}


def _row(name: str, law: float, sampled: float) -> str:
    return f"{name:22}{law:12.6g}{sampled:12.6g}{sampled - law:12.2g}"


def _edge_rows(name: str, comparison: Comparison) -> list[str]:
    """The top on the scale on which it is random; nothing for a law without a soft edge."""
    from rmtjac.theory.tracy_widom import tracy_widom

    z, mean = float(comparison.edge_z.mean()), tracy_widom().mean()
    return [_row(name, mean, z) + _p_value(comparison.edge_p_value)] if math.isfinite(z) else []


def _p_value(p: float) -> str:
    return "" if math.isnan(p) else f"  p {p:.2g}"


def _ks_line(name: str, comparison: Comparison) -> str:
    low, high = comparison.ks_interval
    line = f"{name:22}{comparison.ks:12.4g}  [{low:.4g}, {high:.4g}]{_p_value(comparison.p_value)}"
    band = comparison.band.distribution
    return line if math.isnan(band) else f"{line}  (finite-N band {band:.4g})"


def _empirical(sample: Any, x: Any) -> Any:
    """Pooled distribution function of the sampled eigenvalues at x."""
    import numpy as np

    values = np.sort(sample.eigenvalues, axis=None)
    return np.searchsorted(values, x, side="right") / values.size
