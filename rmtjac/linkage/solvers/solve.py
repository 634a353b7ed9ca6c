"""`solve_fixed_point`: the public door of the solvers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from rmtjac.errors import check_choice
from rmtjac.linkage.solvers.anderson import Anderson
from rmtjac.linkage.solvers.broyden import Broyden
from rmtjac.linkage.solvers.evaluation import Functions, alone, in_step
from rmtjac.linkage.solvers.jacobian import checked_slope
from rmtjac.linkage.solvers.loop import End, Run, iterations
from rmtjac.linkage.solvers.method import Floats, Method
from rmtjac.linkage.solvers.newton import Newton
from rmtjac.linkage.solvers.picard import Picard
from rmtjac.linkage.solvers.solution import FixedPointSolution, FixedPointSolutions
from rmtjac.model.checks import checked_array, checked_integer, checked_number

__all__ = ["METHODS", "solve_fixed_point"]

METHODS: Mapping[str, Callable[..., Method]] = {
    "picard": Picard,
    "newton": Newton,
    "broyden": Broyden,
    "anderson": Anderson,
}
MAX_ITER = {"picard": 10_000, "newton": 100, "broyden": 2_000, "anderson": 2_000}


@overload
def solve_fixed_point(
    f: Callable[..., ArrayLike],
    x0: ArrayLike,
    args: Any = (),
    method: str = "anderson",
    jac: Callable[..., ArrayLike] | None = None,
    tol: float = 1e-10,
    max_iter: int | None = None,
    batched: Literal[False] = False,
    *,
    check_jac: bool = False,
    **options: Any,
) -> FixedPointSolution: ...


@overload
def solve_fixed_point(
    f: Callable[..., ArrayLike],
    x0: ArrayLike,
    args: Any = (),
    method: str = "anderson",
    jac: Callable[..., ArrayLike] | None = None,
    tol: float = 1e-10,
    max_iter: int | None = None,
    *,
    batched: Literal[True],
    check_jac: bool = False,
    **options: Any,
) -> FixedPointSolutions: ...


def solve_fixed_point(
    f: Callable[..., ArrayLike],
    x0: ArrayLike,
    args: Any = (),
    method: str = "anderson",
    jac: Callable[..., ArrayLike] | None = None,
    tol: float = 1e-10,
    max_iter: int | None = None,
    batched: bool = False,
    *,
    check_jac: bool = False,
    **options: Any,
) -> FixedPointSolution | FixedPointSolutions:
    """Solve x = f(x, *args) from x0; what goes wrong on the way is the status of the result, with its evidence.

    Parameters
    ----------
    f : callable
        x -> f(x, *args) of the same shape: that of x0, a number or an array.
    x0 : array
        batched: k starts on axis 0.
    args : tuple
        More arguments of f and jac.
    method : {"anderson", "broyden", "newton", "picard"}
        "picard" is plain iteration (`damping`), "newton" solves with I - J (`halvings` of a step), "broyden" with an
        estimate of it (`memory`), "anderson" takes least squares over the last differences (`memory`, `ridge`,
        `damping`); the classes in rmtjac.linkage.solvers describe these options.
    jac : callable, optional
        x -> df_i/dx_j, shape x.shape + x.shape (batched: (k,) + those of one item), for "newton"; finite differences
        otherwise, which cost x.size evaluations each.
    tol : float
        Of the 2-norm of f(x) - x, per item, >= 0.
    max_iter : int, optional
        Iterations, >= 1; 10,000 for "picard", 100 for "newton", else 2,000.
    batched : bool
        Whether x0 holds k independent items, solved side by side. f is called on the whole batch, (k, ...): items
        that have ended stay where they are in it, and their further values are ignored. `nfev` counts, per item, the
        evaluations that it asked for.
    check_jac : bool
        Whether to compare jac at x0 with central differences in one direction before the start (4 evaluations).

    Returns
    -------
    FixedPointSolution, or FixedPointSolutions if batched

    Raises
    ------
    ValueError, TypeError
        If an argument or option is out of its range, f or jac returns another shape or complex numbers, or `jac`
        contradicts the differences of f.
    """
    check_choice("method", method, tuple(METHODS))
    start = checked_array("x0", x0)
    if start.size == 0 or (batched and start.ndim == 0):
        raise ValueError(
            f"x0 of shape {start.shape}: allowed are non-empty arrays, batched with k items on axis 0"
        )
    if jac is not None and method != "newton":
        raise ValueError(f"jac with method={method!r}: allowed is jac with method='newton'")
    if check_jac and jac is None:
        raise ValueError("check_jac=True without jac: allowed is check_jac with jac")
    tol = checked_number("tol", tol, zero=True)
    limit = MAX_ITER[method] if max_iter is None else checked_integer("max_iter", max_iter, 1)
    functions = Functions(
        f=f,
        jac=jac,
        args=args if isinstance(args, tuple) else (args,),
        shape=start.shape[1:] if batched else start.shape,
    )
    points = start.reshape(len(start) if batched else 1, -1)
    make = _maker(method, points.shape[1], jac is not None, options)
    runs = [iterations(make(), x.copy(), tol, limit) for x in points]
    if check_jac:
        runs = [_checked(run, x) for run, x in zip(runs, points, strict=True)]
    # what is not finite is a status
    with np.errstate(all="ignore"):
        ends = in_step(runs, functions, points) if batched else [alone(runs[0], functions)]
    solutions = tuple(_solution(*end, functions.shape) for end in ends)
    return FixedPointSolutions(items=solutions) if batched else solutions[0]


def _maker(method: str, n: int, analytic: bool, options: dict[str, Any]) -> Callable[[], Method]:
    """Makes the method with the memory of one item; checks the options' names."""
    taken = inspect.signature(METHODS[method]).parameters
    given = {name: value for name, value in (("n", n), ("analytic", analytic)) if name in taken}
    allowed = [name for name in taken if name not in given]
    for name in options:
        if name not in allowed:
            raise TypeError(
                f"{name}={options[name]!r}: allowed with method={method!r} are {', '.join(allowed)}"
            )
    return lambda: METHODS[method](**given, **options)


def _checked(run: Run, x: Floats) -> Run:
    yield from checked_slope(x)
    return (yield from run)


def _solution(end: End, nfev: int, njev: int, shape: tuple[int, ...]) -> FixedPointSolution:
    return FixedPointSolution(
        x=np.array(end.x).reshape(shape),
        status=end.status,
        message=f"{end.status}: {end.evidence}",
        residual=float(end.trace[-1]),
        nfev=nfev,
        njev=njev,
        nit=end.trace.size - 1,
        trace=end.trace,
        rate=end.rate,
        remaining=end.remaining,
        period=end.period,
        rcond=end.rcond,
    )
