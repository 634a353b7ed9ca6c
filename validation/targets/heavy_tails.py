"""Targets of heavy-tailed weights: laws of independent gates against golden values, mpmath and sampling."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import mpmath as mp
import numpy as np
import numpy.typing as npt

import rmtjac as rj
from rmtjac.model.stable_field import StableGates
from rmtjac.theory.mellin import StableFunction
from rmtjac.theory.stable_law import log_kappa
from rmtjac.theory.stable_products import StableEquation, Term
from validation.targets.own_gates import construction, own_gates, own_gates_sampling, tail
from validation.targets.population import population, population_sampling, tails
from validation.targets.table import Figure, at_least, at_most, print_rows

Floats = npt.NDArray[np.float64]

GOLDEN = {(1, 1.0): 0.2715416859691317, (2, 1.0): 0.1634212878863675, (3, 1.0): 0.118900453100264}
GOLDEN[1, 0.5] = 0.485799176020428
NEAR_TWO = 2.0 - 1e-8
DIGITS = 40
SEED = 20261121
OPEN = StableGates(np.zeros(1), np.ones(1))


def golden() -> list[Figure]:
    """Densities of THEORY.md section 3a, L = 1, 2, 3."""
    errors = [
        abs(float(rj.stable_product_law(1.0, depth).of("singular_values").pdf(x)) / value - 1.0)
        for (depth, x), value in GOLDEN.items()
    ]
    return [at_most("relative error of p(1), p(0.5)", max(errors), 1e-10)]


def near_two() -> list[Figure]:
    """The equation at alpha = 2 - 1e-8 against Fuss-Catalan, from e^-6 to 0.98 of the top edge.

    The law itself is refused there: beyond the edge it has a tail of mass 1e-8, whose equation is nearly singular.
    """
    return [
        at_most(f"relative error of the density, L = {depth}", _near_two(depth), 1e-6) for depth in (1, 2, 3)
    ]


def _near_two(depth: int) -> float:
    ends = Term(StableFunction(NEAR_TWO, OPEN, False), 1.0, 1)
    inner = [Term(StableFunction(NEAR_TWO, OPEN, True), 1.0, depth - 1)] if depth > 1 else []
    equation = StableEquation([ends, ends, *inner], NEAR_TWO / 2.0, depth * log_kappa(NEAR_TWO, 1.0))
    places, roots = equation.skeleton(100.0)
    reference = rj.fuss_catalan(depth)
    t = np.log(reference.edges[-1]) + np.linspace(-6.0, -0.02, 60)
    shift = depth * math.log(2.0)  # variance 2 at alpha = 2
    start = np.column_stack([np.interp(t + shift, places, column) for column in roots.T])
    solution, _ = equation.solve(t + shift, math.pi, start)
    densities, _ = equation.density(solution)
    return float(np.abs(densities / reference.of("log_eigenvalues").pdf(t) - 1.0).max())


def digits() -> list[Figure]:
    """Cauchy densities, L = 1..6, 25 points from 1e-4 to 1e4, against mpmath at 40 digits."""
    figures = []
    x = np.geomspace(1e-4, 1e4, 25)  # x[12] = 1
    for depth in range(1, 7):
        ours = rj.stable_product_law(1.0, depth).of("singular_values").pdf(x)
        exact = [float(value) for value in _cauchy_densities(depth, x)]
        figures.append(at_most(f"relative error, L = {depth}", float(np.abs(ours / exact - 1.0).max()), 1e-9))
    return figures


def _cauchy_densities(depth: int, x: Floats) -> list[mp.mpf]:
    """Densities of singular values by erfc, Struve and Bessel functions, followed from lambda < 0 on."""
    with mp.workdps(DIGITS):
        log_kappa_all = depth * mp.log(2 / mp.sqrt(mp.pi))

        def b(a: mp.mpc) -> mp.mpc:
            return _scaled_erfc(a / 2)

        def psi(p: mp.mpc) -> mp.mpc:
            if abs(p) > 200:
                return 2 / (mp.sqrt(mp.pi) * p) * (1 + _series(-4 / p**2, lambda n: (2 * n - 1) ** 2, 90))
            with mp.extradps(10 + int(abs(p) / 2)):  # they grow like e^|p/2|, their difference falls
                return mp.sqrt(mp.pi) / 2 * (mp.struveh(0, p / 2) - mp.bessely(0, p / 2))

        def solved(log_root: mp.mpc, start: list[mp.mpc]) -> list[mp.mpc]:
            """log a and log p at sqrt(-lambda) = e^log_root."""

            def excess(log_a: mp.mpc, log_p: mp.mpc = mp.mpf(0)) -> list[mp.mpc]:
                a, p = mp.exp(log_a), mp.exp(log_p)
                whole = log_kappa_all + mp.log(b(a)) - log_a - log_root
                if depth == 1:
                    return [whole]
                return [whole + (depth - 1) * mp.log(psi(p)), mp.log(psi(p)) + log_p - mp.log(b(a)) - log_a]

            return list(mp.findroot(excess, start, tol=mp.mpf(10) ** (20 - 2 * DIGITS)))

        roots = solved(mp.mpf(0), [mp.mpf(0)] * min(depth, 2))
        for k in range(1, 17):  # sqrt(-lambda) from 1 to -i
            roots = solved(mp.mpc(0, -mp.pi / 2 * k / 16), roots)
        middle = int(np.argmin(np.abs(np.log(x))))
        found = {}
        for order in (range(middle, -1, -1), range(middle, x.size)):
            place, here = mp.mpf(0), roots
            for i in order:
                goal = mp.log(mp.mpf(float(x[i])))
                steps = max(1, math.ceil(abs(goal - place) / 0.4))
                for k in range(1, steps + 1):
                    here = solved(mp.mpc(place + (goal - place) * k / steps, -mp.pi / 2), here)
                place = goal
                a = mp.exp(here[0])
                found[i] = abs((a * b(a)).imag) / (mp.exp(goal) * mp.sqrt(mp.pi))
        return [found[i] for i in range(x.size)]


def _scaled_erfc(z: mp.mpc) -> mp.mpc:
    """e^(z^2) erfc(z) by its two series; mpmath's own fails for some complex z."""
    if abs(z) > 12:
        terms = 1 + _series(-1 / (2 * z * z), lambda n: 2 * n - 1, 140)
        return terms / (z * mp.sqrt(mp.pi))
    with mp.extradps(130):  # what cancels is e^144 at most
        return mp.exp(z * z) - 2 * z / mp.sqrt(mp.pi) * (
            1 + _series(2 * z * z, lambda n: mp.mpf(1) / (2 * n + 1), 900)
        )


def _series(ratio: mp.mpc, factor: Callable[[int], mp.mpf], most: int) -> mp.mpc:
    """sum_(n >= 1) ratio^n factor(1) ... factor(n)."""
    total, term = mp.mpc(0), mp.mpc(1)
    for n in range(1, most):
        term *= ratio * factor(n)
        total += term
        if abs(term) < mp.eps * abs(total):
            break
    return total


def sampling() -> list[Figure]:
    """Kolmogorov distance of the law of log s to 50 products of stable matrices, N = 1000."""
    figures = []
    for alpha in (0.7, 1.0, 1.5):
        for depth in (1, 2, 4):
            ens = rj.Ensemble(depth, 1000, activation="linear", weights=f"stable:{alpha}")
            law = rj.spectral_law(ens).of("log_singular_values")
            # the largest singular value is about N^(L/alpha): of 16 digits enough are left while it is below 1e9
            accuracy = "relative" if depth > 3.0 * alpha else "absolute"
            sample = rj.sample_spectrum(ens, 50, SEED, accuracy=accuracy)
            logs = np.log(sample.singular_values) if sample.logs is None else sample.logs
            logs = np.sort(logs, axis=None)
            below = law.cdf(logs)
            counts = np.arange(logs.size + 1) / logs.size
            distance = max(np.abs(below - counts[1:]).max(), np.abs(below - counts[:-1]).max())
            figures.append(at_most(f"alpha = {alpha}, L = {depth}", float(distance), 0.01))
    return figures


def speed() -> list[Figure]:
    """Cauchy densities a second with independent gates, one core: by a law made before."""
    ens = rj.Ensemble(3, 100, activation="hard_tanh", weights="cauchy")
    law = rj.spectral_law(ens, gates="independent", q="stationary").of("singular_values")
    x = np.geomspace(1e-4, 1e4, 100_000)
    start = time.perf_counter()
    law.pdf(x)
    by_law = x.size / (time.perf_counter() - start)
    return [at_least("densities a second", by_law, 2e4)]


ROWS: dict[str, Callable[[], Sequence[Figure]]] = {
    row.__name__: row
    for row in (
        golden,
        near_two,
        digits,
        sampling,
        speed,
        own_gates,
        tail,
        construction,
        own_gates_sampling,
        population,
        population_sampling,
        tails,
    )
}


def main(wanted: Sequence[str]) -> int:
    """Measure and print the rows."""
    return print_rows(ROWS, wanted)
