"""`rmtjac law`: the limiting density at infinite width."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from rmtjac.cli.output import NETWORK_FLAGS, Output, add_output_flags, law_of
from rmtjac.model.spec import Spec, add_flags

if TYPE_CHECKING:
    from rmtjac.theory.spectral_law import SpectralLaw

HELP = "limiting density of the eigenvalues of J J^T at infinite width"
POINTS = 400
MAX_POINTS = 10**6
QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac law`."""
    add_flags(parser, (*NETWORK_FLAGS, "q", "gates"))
    parser.add_argument(
        "--points", type=int, default=POINTS, metavar="N", help=f"rows of the table (default {POINTS})"
    )
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """No sampling."""
    _checked_spec(args)
    return f"a law and {args.points} densities: no sampling, under 1 s and 0.3 GB"


def compute(args: argparse.Namespace) -> Output:
    """The law; exit code 3 if a density did not converge."""
    spec = _checked_spec(args)
    law = law_of(spec)
    return _output(spec, law, law_table(law, args.points))


def _checked_spec(args: argparse.Namespace) -> Spec:
    if not 2 <= args.points <= MAX_POINTS:
        raise ValueError(f"--points={args.points}: allowed are integers 2 to {MAX_POINTS}")
    spec = Spec.from_args(args)
    spec.ensemble()
    return spec


def law_table(law: SpectralLaw, points: int) -> dict[str, Any]:
    """Densities and masses across the support, in lambda and log lambda."""
    import numpy as np

    view = law.of("log_eigenvalues")
    t = view.grid(points)
    with np.errstate(over="ignore"):
        x = np.exp(t)
    status = law.status(x)
    return {
        "log_lambda": t,
        "lambda": x,
        "density": law.pdf(x),
        "density_of_log_lambda": view.pdf(t),
        "cdf": view.cdf(t),
        "error_bound": status.bound,
        "code": status.code,
    }


def summary(law: SpectralLaw) -> dict[str, Any]:
    """Support, atoms, moments and quantiles."""
    return {
        "law": law.name,
        "support": law.support,
        "log_support": law.of("log_eigenvalues").support,
        "atoms": law.atoms,
        "mean": law.mean(),
        "standard_deviation": law.std(),
        "log_moment": law.log_moment(),
        "tail_index": law.tail_index,
        "tail_logarithms": law.tail_logarithms,
        "tail_constant": law.tail_constant,
        "known_from": law.known_from,
        "quantiles": {str(u): float(law.ppf(u)) for u in QUANTILES},
        "log_quantiles": {str(u): float(law.of("log_eigenvalues").ppf(u)) for u in QUANTILES},
    }


def _output(spec: Spec, law: SpectralLaw, table: dict[str, Any]) -> Output:
    from rmtjac.plotting import plot_law

    facts = summary(law)
    lines = [
        law.name,
        f"support    {'  '.join(_interval(low, high) for low, high in law.support) or 'none'}",
        *_log_support(law),
        f"atoms      {'  '.join(f'{mass:.10g} at {place:.10g}' for place, mass in law.atoms) or 'none'}",
        f"mean       {facts['mean']:.10g}",
        f"std        {facts['standard_deviation']:.10g}",
        f"E log      {facts['log_moment']:.10g}",
        *([_tail_line(law)] * math.isfinite(law.tail_index)),
        "quantiles  " + "  ".join(f"{u}: {x:.4g}" for u, x in facts["quantiles"].items()),
        "of ln      " + "  ".join(f"{u}: {x:.4g}" for u, x in facts["log_quantiles"].items()),
        *_unknown(law),
    ]
    arrays = {**table, "support": law.support, "atoms": law.atoms}
    return Output(
        spec=spec,
        summary={**facts, "table": table},
        lines=lines,
        arrays=arrays,
        columns={name: column for name, column in table.items() if name != "code"},
        draw=lambda: plot_law(law),
        code=3 if table["code"].any() else 0,
    )


def _tail_line(law: SpectralLaw) -> str:
    """The power law of large eigenvalues, with its constant where that is known."""
    constant = "" if math.isnan(law.tail_constant) else f"{law.tail_constant:.6g} "
    logarithms = f"(ln x)^{law.tail_logarithms} " if law.tail_logarithms else ""
    return f"tail       P(lambda > x) ~ {constant}{logarithms}x^-{law.tail_index:g}"


def _log_support(law: SpectralLaw) -> list[str]:
    """The support in ln(lambda), where an edge leaves the range of doubles."""
    import numpy as np

    if (np.isfinite(law.edges) & (law.edges > 0.0)).all():
        return []
    return ["of ln      " + "  ".join(f"[{a:.10g}, {b:.10g}]" for a, b in law.of("log_eigenvalues").support)]


def _unknown(law: SpectralLaw) -> list[str]:
    """Why some numbers are nan."""
    if law.known_from == 0.0:
        return []
    mass = law.cdf(law.known_from) - law.cdf(0.0)
    return [
        f"nan        below lambda = {law.known_from:.4g} only the mass of the law is known, {mass:.4g}:",
        "           quantiles there, and averages to which it counts, are not",
    ]


def _interval(low: float, high: float) -> str:
    """Open at a hard edge, where the density diverges, and at infinity."""
    return f"{'(' if low == 0.0 else '['}{low:.10g}, {high:.10g}{')' if math.isinf(high) else ']'}"
