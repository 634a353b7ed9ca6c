"""`rmtjac solve`: one fixed point of a map, by one method or several side by side."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from rmtjac.cli.output import Output, add_output_flags

if TYPE_CHECKING:
    from rmtjac.linkage.solvers.solution import FixedPointSolution
    from rmtjac.model.network import Network
    from rmtjac.model.spec import Spec

HELP = "a fixed point of a network, or of z = tanh(W z + x), by iteration"
METHODS = ("picard", "newton", "broyden", "anderson")
TOL = 1e-10
LARGEST_SPECTRUM = 500  # units up to which the eigenvalues of the Jacobian cost less than the solve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `rmtjac solve`."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--network", metavar="FILE", help="a network saved by Network.save or inspect --save")
    source.add_argument(
        "--problem", metavar="FILE.npz", help="arrays W (n, n) and x (n,), of z = tanh(W z + x)"
    )
    parser.add_argument(
        "--method",
        default="anderson",
        metavar="METHOD",
        help=f"{', '.join(METHODS)}, or several with commas (default anderson)",
    )
    parser.add_argument(
        "--tol", type=float, default=TOL, help=f"2-norm of f(z) - z that is wanted (default {TOL:g})"
    )
    parser.add_argument(
        "--max-iter", type=int, metavar="N", help="iterations (default 10000 picard, 100 newton, else 2000)"
    )
    parser.add_argument(
        "--start", metavar="FILE.npy", help="the starting point, an array (n,) (default: all zeros)"
    )
    add_output_flags(parser)


def cost(args: argparse.Namespace) -> str:
    """One evaluation, and what it takes; how many are wanted is not known before."""
    net, _, name = _problem(args)
    products = sum(weights.size for weights in net.weights)
    return f"{name}: one evaluation costs some {1e-9 * products:.1g} s and {8e-6 * products:.2g} MB"


def compute(args: argparse.Namespace) -> Output:
    """The fixed point; exit code 3 if a method did not reach the tolerance."""
    import numpy as np

    methods = _methods(args.method)
    net, spec, name = _problem(args)
    start = np.zeros(net.widths[0]) if args.start is None else _loaded(args.start, "--start")
    if start.shape != net.widths[:1]:
        raise ValueError(f"--start {args.start}: of shape {start.shape}: allowed is ({net.widths[0]},)")
    found = {method: _solved(net, start, method, args) for method in methods}
    radii = {method: _radius(net, solution) for method, solution in found.items()}
    return Output(
        spec=spec,
        summary={
            "problem": name,
            "methods": {
                method: _summary(solution, radius)
                for (method, solution), radius in zip(found.items(), radii.values(), strict=True)
            },
        },
        lines=[name, *(line for method in methods for line in _lines(method, found[method], radii[method]))],
        arrays={
            "x": np.stack([solution.x for solution in found.values()]),
            "residual": np.array([solution.residual for solution in found.values()]),
            "nfev": np.array([solution.nfev for solution in found.values()]),
        },
        columns=_traces(found),
        draw=lambda: _drawn(found, args.tol),
        code=0 if all(solution.success for solution in found.values()) else 3,
    )


def _methods(text: str) -> list[str]:
    methods = text.split(",")
    for method in methods:
        if method not in METHODS or methods.count(method) > 1:
            raise ValueError(f"--method {text}: allowed are {', '.join(METHODS)}, each once")
    return methods


def _problem(args: argparse.Namespace) -> tuple[Network, Spec, str]:
    """The map, what of it a spec can state, and its name in words."""
    from rmtjac.model.load_network import load_network
    from rmtjac.model.network import Network
    from rmtjac.model.spec import Spec

    if args.network is not None:
        net, name = load_network(args.network), args.network
    else:
        file = _loaded(args.problem, "--problem")
        missing = [key for key in ("W", "x") if key not in file]
        if missing:
            raise ValueError(
                f"--problem {args.problem}: has no array {missing[0]}: allowed are files of W and x"
            )
        net, name = Network([file["W"]], [file["x"]], "tanh"), f"z = tanh(W z + x), {args.problem}"
    if net.widths[0] != net.widths[-1]:
        raise ValueError(f"{name}: {net.widths[0]} inputs and {net.widths[-1]} outputs: allowed is as many")
    return net, Spec(widths=net.widths, activation=tuple(phi.name for phi in net.activations)), name


def _loaded(path: str, flag: str) -> Any:
    """What an .npy or .npz file holds."""
    import zipfile

    import numpy as np

    try:
        found = np.load(path, allow_pickle=False)
        return {key: found[key] for key in found.files} if hasattr(found, "files") else found
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{flag} {path}: cannot be read as NumPy arrays ({error})") from None


def _solved(net: Network, start: Any, method: str, args: argparse.Namespace) -> FixedPointSolution:
    from rmtjac.linkage.solvers.solve import solve_fixed_point

    jac = net.jacobian if method == "newton" else None
    return solve_fixed_point(net, start, method=method, jac=jac, tol=args.tol, max_iter=args.max_iter)


def _radius(net: Network, solution: FixedPointSolution) -> float:
    """Spectral radius of the Jacobian at a fixed point, the rate of picard there; nan for large ones."""
    import numpy as np

    if not solution.success or net.widths[0] > LARGEST_SPECTRUM:
        return np.nan
    return float(np.abs(np.linalg.eigvals(net.jacobian(solution.x))).max())


def _summary(solution: FixedPointSolution, radius: float) -> dict[str, Any]:
    names = ("success", "status", "message", "residual", "nfev", "njev", "nit", "rate", "remaining", "period")
    return {name: getattr(solution, name) for name in names} | {"spectral_radius": radius}


def _lines(method: str, solution: FixedPointSolution, radius: float) -> list[str]:
    import math

    jacobians = f" and {solution.njev} Jacobians" if solution.njev else ""
    lines = [f"{method:<9} {solution.message}", f"{'':<9} {solution.nfev} evaluations{jacobians}"]
    if math.isfinite(radius):
        fate = "attracts" if radius < 1.0 else "does not attract"
        lines[-1] += f"; spectral radius {radius:.6g} there: picard {fate}"
    return lines


def _traces(found: dict[str, FixedPointSolution]) -> dict[str, Any]:
    """Residuals by iteration, a column a method, filled up with nan."""
    import numpy as np

    length = max(solution.trace.size for solution in found.values())
    columns: dict[str, Any] = {"iteration": np.arange(length)}
    for method, solution in found.items():
        columns[method] = np.full(length, np.nan)
        columns[method][: solution.trace.size] = solution.trace
    return columns


def _drawn(found: dict[str, FixedPointSolution], tol: float) -> list[Any]:
    from rmtjac.trace_plots import plot_traces

    labels = [f"{method}: {solution.nfev} evaluations" for method, solution in found.items()]
    return plot_traces([solution.trace for solution in found.values()], labels, tol=tol)
