"""C5: the pitfalls that the source names: what Jacobians and inverses cost, and I - J close to singular."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

import rmtjac as rj
from validation.c3 import layer
from validation.case import Case, Result

WIDTHS, QUICK_WIDTHS = (100, 300, 1_000), (50, 100, 200)
GAPS = (1e-1, 1e-2, 1e-4, 1e-6, 1e-8)
TOL = 1e-10
REPEATS = 5


def run(quick: bool) -> Result:
    """Time of a Jacobian and of a solve in evaluations; solutions and derivatives near a singular I - J."""
    table: list[list[Any]] = [
        ["what", "at", "evaluation or residual", "Jacobian or |error of z|", "solve or error of dz/da"]
    ]
    for n in QUICK_WIDTHS if quick else WIDTHS:
        table.append([f"ms, n = {n}", "-", *_costs(n)])
    losses = []
    for gap in GAPS:
        residual, error, loss = near_singular(gap)
        losses.append(loss)
        table.append(["z = z - z^2/2 + a", f"1 - J = {gap:g}", residual, error, loss])
    singular = rj.fixed_point_sensitivity(np.array([[1.0]]))
    newton = rj.solve_fixed_point(lambda z: z - 0.5 * z**2 - 1.0, 0.0, method="newton", jac=lambda z: 1.0 - z)
    table.append(["1 - J = 0: sensitivity", "-", str(singular.status), "-", "-"])
    table.append(["1 - J = 0 at the start: newton", "-", str(newton.status), "-", "-"])
    named = singular.status == newton.status == "I - J is singular"
    return Result(
        verdict="reproduced" if named and losses[-1] > 1e3 * losses[0] else "contradicted",
        sentence=(
            f"A residual within {TOL:g} leaves an error of z of residual/(1 - J) and one of dz/da that grows with "
            f"1/(1 - J)^2: {losses[0]:.1g} at 1 - J = {GAPS[0]:g}, {losses[-1]:.1g} at {GAPS[-1]:g}. The forward pass "
            f"converges all the same, as the source warns; a singular I - J is a status. A Jacobian costs some "
            f"n evaluations by differences, and its factorisation n/3 more."
        ),
        table=table,
        artists=[],
    )


def near_singular(gap: float) -> tuple[float, float, float]:
    """Residual, error of z, and relative error of dz/da = 1/z; z = z - z^2/2 + a has z = sqrt(2 a), 1 - J = z."""
    a = 0.5 * gap**2
    found = rj.solve_fixed_point(lambda z: z - 0.5 * z**2 + a, 1.0, method="newton", tol=TOL)
    slope = 1.0 - float(found.x)
    derivative = float(rj.fixed_point_sensitivity(np.array([[slope]])).derivative[0, 0])
    return found.residual, abs(float(found.x) - gap), abs(derivative * gap - 1.0)


def _costs(n: int) -> list[float]:
    """Milliseconds of an evaluation, of a Jacobian by differences, and of a solve with it."""
    net = layer(0.9, n)
    z = np.zeros(n)
    matrix = np.eye(n) - net.jacobian(z)
    evaluation = _best(lambda: net(z))
    return [1e3 * evaluation, 1e3 * evaluation * n, 1e3 * _best(lambda: np.linalg.solve(matrix, z))]


def _best(work: Any) -> float:
    times = []
    for _ in range(REPEATS):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)


CASE = Case(
    name="C5",
    claim="the Jacobian and its inverse are expensive, and gradients are in error where I - J is close to singular",
    run=run,
)
