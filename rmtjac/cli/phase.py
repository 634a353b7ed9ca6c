"""`rmtjac phase`: which scale of the weights keeps the Jacobian well conditioned."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from rmtjac.cli.output import Output, add_output_flags
from rmtjac.cli.progress import progress
from rmtjac.model.spec import Number, Spec, add_flags

if TYPE_CHECKING:
    from rmtjac.theory.phase import PhaseDiagram, PhaseGrid
    from rmtjac.theory.spectral_law import SpectralLaw

HELP = "which sigma_w keeps the Jacobian well conditioned, over a grid of sigma_w and sigma_b"
GRIDS = {"sigma_w": "0.5:3:26", "sigma_b": "0:1:11"}
MOST_VALUES = 100_000
MOST_ROWS = 12
MOST_LAYERS = 40  # a law of more layers that all differ takes its time
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
SECONDS = 0.02  # a point, smooth activation


def _values(text: str) -> tuple[float, ...]:
    """The numbers FROM:TO:COUNT, both ends included; ValueError if it is not that."""
    start, end, count = text.split(":")
    steps = int(count) - 1
    if not 0 <= steps < MOST_VALUES:
        raise ValueError(count)
    return tuple(float(start) + (float(end) - float(start)) * i / max(steps, 1) for i in range(steps + 1))


def _listed(name: str, text: str) -> str:
    """FROM:TO:COUNT as numbers separated by commas; any other text as it is."""
    if ":" not in text:
        return text
    try:
        return ",".join(map(repr, _values(text)))
    except ValueError:
        flag = f"--{name.replace('_', '-')}"
        allowed = f"FROM:TO:COUNT with COUNT 1 to {MOST_VALUES}, as in {GRIDS[name]}"
        raise ValueError(f"{flag} {text}: allowed is {allowed}") from None


SIGMA_W, SIGMA_B = _values(GRIDS["sigma_w"]), _values(GRIDS["sigma_b"])


@dataclass(frozen=True, kw_only=True)
class _GridSpec(Spec):
    """A spec whose sigma_w and sigma_b are the values of the grid, not those of the layers."""

    sigma_w: Number | tuple[Number, ...] = SIGMA_W
    sigma_b: Number | tuple[Number, ...] | str = SIGMA_B

    def digest(self) -> str:
        """SHA-256 of all that changes numbers."""
        import hashlib
        import json

        grid = _grid(self)
        content = {
            "activation": grid.activation.name,
            "weights": grid.weights.name,
            "sigma_w": grid.sigma_w,
            "sigma_b": grid.sigma_b,
            "depths": grid.depths,
            "q0": grid.q0,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac phase`."""
    add_flags(parser, ("activation", "depth", "weights", "q0"))
    for name, default in GRIDS.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            metavar="GRID",
            help=f"FROM:TO:COUNT, or numbers separated by commas (default {default})",
        )
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """A few hundredths of a second a point."""
    grid = _grid(_spec(args))
    points = _points(grid)
    seconds = max(1.0, SECONDS * points)
    return f"{points} points at {len(grid.depths)} depths: about {seconds:.0f} s and 0.3 GB"


def compute(args: argparse.Namespace) -> Output:
    """The diagram, and the law at its best point."""
    from rmtjac.theory.phase import phase_diagram

    spec = _spec(args)
    grid = _grid(spec)
    with progress(args, _points(grid), "points") as report:
        diagram = phase_diagram(
            grid.activation, grid.sigma_w, grid.sigma_b, grid.depths, grid.weights, grid.q0, progress=report
        )
    return _output(spec, diagram, grid)


def _points(grid: PhaseGrid) -> int:
    return len(grid.sigma_w) * len(grid.sigma_b)


def _spec(args: argparse.Namespace) -> Spec:
    """The spec of the flags and of --spec."""
    texts = {name: _listed(name, text) for name in GRIDS if (text := getattr(args, name)) is not None}
    return _GridSpec.from_args(argparse.Namespace(**{**vars(args), **texts}))


def _grid(spec: Spec) -> PhaseGrid:
    """The grid that a spec states, at its depth and at shallower ones that show the growth."""
    from rmtjac.model.checks import checked_integer
    from rmtjac.theory.phase import MAX_DEPTH, checked_grid

    if isinstance(spec.activation, tuple):
        raise ValueError(f"activation={list(spec.activation)}: allowed is one, the same in all layers")
    if spec.depth is None:
        raise ValueError(f"depth=None: give depth (an integer 1 to {MAX_DEPTH})")
    depth = checked_integer("depth", spec.depth, 1, MAX_DEPTH)
    depths = sorted({max(1, round(depth / 10)), max(1, round(depth / 3)), depth})
    return checked_grid(spec.activation, spec.sigma_w, spec.sigma_b, depths, spec.weights, spec.q0)


def _output(spec: Spec, diagram: PhaseDiagram, grid: PhaseGrid) -> Output:
    import numpy as np

    from rmtjac.plotting import plot_phase

    arrays = {
        entry.name: value
        for entry in fields(diagram)
        if isinstance(value := getattr(diagram, entry.name), np.ndarray)
    }
    best = _best(diagram, grid)
    facts = {name: getattr(diagram, name) for name in ("activation", "weights", "q0", "q_star_reason")}
    return Output(
        spec=spec,
        summary={**facts, **arrays, "depth": grid.depths[-1], "best": best},
        lines=[*_table(diagram), *_remarks(diagram), *_best_lines(best, grid)],
        arrays={**arrays, "q_star_reason": np.array(diagram.q_star_reason)},
        columns=_columns(diagram),
        draw=lambda: plot_phase(diagram),
    )


def _columns(diagram: PhaseDiagram) -> dict[str, Any]:
    """One row a point of the grid."""
    import numpy as np

    sigma_b, sigma_w = np.meshgrid(diagram.sigma_b, diagram.sigma_w, indexing="ij")
    columns = {
        "sigma_w": sigma_w,
        "sigma_b": sigma_b,
        "q_star": diagram.q_star,
        "chi": diagram.chi,
        "variance_rate": diagram.variance_rate,
    }
    for d, depth in enumerate(diagram.depths):
        columns[f"log_mean_square_{depth}"] = diagram.log_mean_square[..., d]
        columns[f"relative_variance_{depth}"] = diagram.relative_variance[..., d]
        columns[f"log_lam_max_{depth}"] = diagram.log_lam_max[..., d]
    return {name: column.ravel() for name, column in columns.items()}


def _table(diagram: PhaseDiagram) -> list[str]:
    """The recommendation at the deepest depth, for up to MOST_ROWS of the sigma_b."""
    import numpy as np

    depth, count = diagram.depths[-1], diagram.sigma_b.size
    rows = np.unique(np.linspace(0, count - 1, min(count, MOST_ROWS)).round().astype(int))
    lines = [
        f"{diagram.activation}, {diagram.weights} weights, depth {depth}, inputs of mean square {diagram.q0:g}",
        "critical: sigma_w at the edge of chaos, where deep layers keep the mean squared singular value (chi = 1)",
        f"tuned: sigma_w at which all {depth} layers together do; a factor of 2 more or less at the ends of the range",
        "spread: standard deviation of the squared singular values over their mean, at the tuned sigma_w",
        f"{'sigma_b':>8}{'critical':>12}{'tuned':>12}{'range':>22}{'spread':>10}",
    ]
    for b in rows:
        low, high = diagram.tuned_range[b, -1]
        spread = math.sqrt(diagram.tuned_relative_variance[b, -1])
        lines.append(
            f"{diagram.sigma_b[b]:8.4g}{_number(diagram.critical_sigma_w[b])}{_number(diagram.tuned_sigma_w[b, -1])}"
            f"{'none' if math.isnan(low) else f'{low:.4f} to {high:.4f}':>22}{spread:10.4g}"
        )
    return lines


def _number(value: float) -> str:
    return f"{'none' if math.isnan(value) else f'{value:.4f}':>12}"


def _remarks(diagram: PhaseDiagram) -> list[str]:
    """Why points of the grid have no q*, each reason once."""
    import numpy as np

    without = ~np.isfinite(diagram.q_star)
    if not without.any():
        return []
    reasons = [reason.split(":")[0].rstrip(".") for reason in np.array(diagram.q_star_reason)[without]]
    return [
        f"no finite q* at {reasons.count(r)} of {without.size} points: {r}" for r in dict.fromkeys(reasons)
    ]


def _best(diagram: PhaseDiagram, grid: PhaseGrid) -> dict[str, Any] | None:
    """The sigma_b of the least spread at its tuned sigma_w, and the singular values there; None if there is none."""
    depth = grid.depths[-1]
    try:
        b = diagram.best_sigma_b(depth)
    except ValueError:
        return None
    sigma_w, sigma_b = float(diagram.tuned_sigma_w[b, -1]), float(diagram.sigma_b[b])
    law, layer_by_layer = _law(grid, sigma_w, sigma_b)
    return {
        "sigma_w": sigma_w,
        "sigma_b": sigma_b,
        "relative_variance": float(diagram.tuned_relative_variance[b, -1]),
        "layer_by_layer": layer_by_layer,
        "largest": math.nan if law is None else float(law.ppf(1.0)),
        "quantiles": {} if law is None else {str(u): float(law.ppf(u)) for u in QUANTILES},
    }


def _law(grid: PhaseGrid, sigma_w: float, sigma_b: float) -> tuple[SpectralLaw | None, bool]:
    """The law of the singular values: layer by layer from q0, or of many layers at q*; None without a q*."""
    from rmtjac.model.meanfield import LayerMap
    from rmtjac.theory.conditioning import layer_variances
    from rmtjac.theory.network_law import spectral_law

    ens = grid.ensemble(sigma_w, sigma_b, grid.depths[-1])
    path = layer_variances(LayerMap(grid.activation, sigma_w, sigma_b**2), grid.q0, ens.depth)
    layer_by_layer = len(path) <= MOST_LAYERS
    try:
        law = spectral_law(ens, q=None if layer_by_layer else "stationary")
    except ValueError:
        return None, layer_by_layer
    return law.of("singular_values"), layer_by_layer


def _best_lines(best: dict[str, Any] | None, grid: PhaseGrid) -> list[str]:
    if best is None:
        return ["best       none: no sigma_w keeps the mean squared singular value at 1"]
    lines = [
        f"best       sigma_w = {best['sigma_w']:.6g} with sigma_b = {best['sigma_b']:.4g}: the least spread"
    ]
    if best["quantiles"]:
        where = "" if best["layer_by_layer"] else ", with inputs at q*"
        lines += [
            f"singular   largest {best['largest']:.4g}{where}",
            "quantiles  " + "  ".join(f"{u}: {s:.4g}" for u, s in best["quantiles"].items()),
        ]
    return lines
