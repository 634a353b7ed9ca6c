"""Make tests/data/*.json: high-precision values of the laws, by routes that share no code with rmtjac.

    python scripts/make_reference_values.py [fuss_catalan gates deep]        (about 4 minutes on one core)

Deterministic: the only random choices come from SEED. Every abscissa is stored as the shortest decimal that gives
the double back, every value is correctly rounded from the precision stated below.

fuss_catalan.json  Linear Gaussian. Root of log lam(t) = log(x) in the Fuss-Catalan angle t (THEORY.md section 2,
                   "Exact laws") by mpmath's Newton at 60 digits (at least 35 survive at the edge), started from a
                   bisection in double precision; x is the exact double. Every 50th point is solved again at
                   80 digits and must agree to 1e-30.
deep.json          The same at depth 10,000 for given doubles log lam: log of the density of log lam.
gates.json         relu, leaky_relu, hard_tanh, two-level and layer-dependent gates, Gaussian and Haar. z is a
                   rational function of one unknown (w + p, or zeta for two-valued gates), no logarithms, no branch to
                   choose: the root is followed from the far gap (real z above everything, w = m_1/z) along
                   a path through the upper half plane to the real point, in double precision with small steps and
                   then polished by Newton at 30 digits. The mass above is -(1/pi) Im of the integral of w dlog z
                   along the same path (Gauss-Legendre). Edges are the real critical values of z (mpmath.polyroots) at
                   which the density starts. Moments come from Lagrange inversion of the equation.
"""

from __future__ import annotations

import itertools
import json
import math
import sys
import time
from pathlib import Path

import mpmath as mp
import numpy as np

DATA = Path(__file__).parent.parent / "tests" / "data"
SEED = 20240611
DEPTHS = (1, 2, 3, 5, 10, 20, 50, 100)


def write(name: str, content: dict) -> None:
    """One line a row, so that a difference reads well."""
    DATA.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, separators=(",", ":"))
    text = text.replace("],[", "],\n[").replace("},{", "},\n{").replace('":[[', '":[\n[')
    (DATA / name).write_text(text + "\n")


# Fuss-Catalan in its angle t. psi = pi - (L+1) t keeps the digits at the hard edge; sin L t = sin(psi + t).


def top_edge(depth):
    return mp.mpf(depth + 1) ** (depth + 1) / mp.mpf(depth) ** depth


def angles(depth, psi=None, t=None):
    """(t, psi) from either."""
    return ((mp.pi - psi) / (depth + 1), psi) if t is None else (t, mp.pi - (depth + 1) * t)


def log_lambda(depth, t, psi):
    return (depth + 1) * mp.log(mp.sin(psi)) - mp.log(mp.sin(t)) - depth * mp.log(mp.sin(psi + t))


def log_lambda_slope(depth, t, psi):
    return -((depth + 1) ** 2) * mp.cot(psi) - mp.cot(t) + depth**2 * mp.cot(psi + t)


def log_density(depth, t, psi):
    """log of the density of lambda."""
    return (
        2 * mp.log(mp.sin(t))
        + (depth - 1) * mp.log(mp.sin(psi + t))
        - depth * mp.log(mp.sin(psi))
        - mp.log(mp.pi)
    )


def start_angles(depth: int, log_lam: np.ndarray) -> np.ndarray:
    """log psi in double precision by bisection: a few digits, wherever the top edge is not near."""
    low, high = np.full(log_lam.shape, -800.0), np.full(log_lam.shape, math.log(math.pi))
    for _ in range(70):
        middle = 0.5 * (low + high)
        psi = np.exp(middle)
        t = (math.pi - psi) / (depth + 1)
        value = (depth + 1) * np.log(np.sin(psi)) - np.log(np.sin(t)) - depth * np.log(np.sin(psi + t))
        above = value > log_lam
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return 0.5 * (low + high)


def solve_angles(depth, log_lam, log_psi: float):
    """(t, psi) at log lam by Newton, in log psi or, near the top edge, in log t."""
    gap = mp.log(top_edge(depth)) - log_lam
    near_top = gap < 1e-3
    y = mp.log(2 * gap / (depth * (depth + 1))) / 2 if near_top else mp.mpf(log_psi)
    for _ in range(60):
        t, psi = angles(depth, t=mp.exp(y)) if near_top else angles(depth, psi=mp.exp(y))
        rate = log_lambda_slope(depth, t, psi) * (t if near_top else -psi / (depth + 1))
        step = (log_lambda(depth, t, psi) - log_lam) / rate
        y -= step
        if abs(step) < mp.mpf(10) ** (3 - mp.mp.dps / 2):
            return angles(depth, t=mp.exp(y)) if near_top else angles(depth, psi=mp.exp(y))
    raise ArithmeticError(f"no angle at depth {depth}, log lam {log_lam}")


def lowest(depth: int) -> float:
    """max(1e-100, lam with 1e-9 of the mass below): bisection, the mass by quadrature in log psi."""

    def mass(log_psi):
        def integrand(y):
            t, psi = angles(depth, psi=mp.exp(y))
            density = mp.exp(log_density(depth, t, psi) + log_lambda(depth, t, psi))
            return density * log_lambda_slope(depth, t, psi) * -psi / (depth + 1)

        return mp.quad(integrand, [log_psi - 60, log_psi - 20, log_psi])

    with mp.workdps(15):
        y = mp.findroot(lambda y: mp.log(mass(y)) - mp.log(mp.mpf("1e-9")), (-21, -20), solver="secant")
        return max(1e-100, float(mp.exp(log_lambda(depth, *angles(depth, psi=mp.exp(y))))))


def grid(depth: int) -> np.ndarray:
    """1,000 lam log-spaced up to edge/2, then 1,000 with 1 - lam/edge log-spaced from 0.5 to 1e-14."""
    edge = float(top_edge(depth))
    far = np.geomspace(lowest(depth), edge / 2, 1000)
    return np.concatenate([far, edge * (1.0 - np.geomspace(0.5, 1e-14, 1000))])


def density_at(depth, lam, log_psi):
    return mp.exp(log_density(depth, *solve_angles(depth, mp.log(mp.mpf(lam)), log_psi)))


def make_fuss_catalan() -> None:
    tables = []
    for depth in DEPTHS:
        lam = grid(depth)
        starts = start_angles(depth, np.log(lam))
        with mp.workdps(60):
            values = [density_at(depth, x, y) for x, y in zip(lam, starts, strict=True)]
        with mp.workdps(80):
            for i in range(0, lam.size, 50):
                again = density_at(depth, lam[i], starts[i])
                assert abs(values[i] / again - 1) < 1e-30, (depth, lam[i])
        rows = [[float(x), float(v)] for x, v in zip(lam, values, strict=True)]
        tables.append({"depth": depth, "lam_density": rows})
    write("fuss_catalan.json", {"about": "linear Gaussian, sigma_w = 1: lam, density", "tables": tables})


def make_deep(depth: int = 10_000) -> None:
    top = float(mp.log(top_edge(depth)))
    t = np.concatenate([top - np.geomspace(1e-8, 10.0, 60), -np.geomspace(1.0, 1e6, 60)])
    starts = start_angles(depth, t)
    with mp.workdps(40):
        rows = []
        for log_lam, y in zip(t, starts, strict=True):
            pair = solve_angles(depth, mp.mpf(float(log_lam)), y)
            rows.append([float(log_lam), float(log_density(depth, *pair) + log_lambda(depth, *pair))])
    write(
        "deep.json",
        {"about": "linear Gaussian: log lam, log of the density of log lam", "depth": depth, "rows": rows},
    )


# Gates of finitely many values: log z = log(scale) + sum of e log f(u), f polynomials in one unknown u.
# Polynomials are lists of coefficients, highest power first.

NODES = 18  # Gauss-Legendre nodes a panel
START = 14.0  # above the spectrum in log z, where w = m_1/z is close enough for Newton
HEIGHT = 1.0  # of the path in Im log z


def times(a, b):
    return list(np.convolve(np.array(a, dtype=object), np.array(b, dtype=object)))


def derivative(a):
    return [c * (len(a) - 1 - i) for i, c in enumerate(a[:-1])] or [mp.mpf(0)]


def evaluate(a, u):
    value = 0 * u
    for c in a:
        value = value * u + c
    return value


class Rational:
    """z(u) of one network; `values`, `masses` a layer, in mpf.

    u = w + min p if every gate has one value (no cancellation where lam is small), else zeta.
    """

    def __init__(self, layers, log_sigma2, haar):
        depth = len(layers)
        self.log_scale = depth * log_sigma2
        if all(len(values) == 1 for values, _ in layers):
            self.log_scale += sum(mp.log(values[0]) for values, _ in layers)
            opened = [masses[0] for _, masses in layers]
            least = min(opened)
            factors = [([1, 1 - least], 1 - depth * haar), ([1, -least], -1)]
            factors += [([1, p - least], opened.count(p)) for p in dict.fromkeys(opened)]
            self.first_real, self.last_real = least, mp.inf
            self.w_of = lambda u: u - least
            self.first = lambda z: least + mp.exp(self.log_scale) * mp.fprod(opened) / z
        else:
            values, masses = layers[0]
            top, bottom = [mp.mpf(0)], [mp.mpf(1)]  # m = u top/bottom
            for k, m in zip(values, masses, strict=True):
                others = [mp.mpf(1)]
                for other in values:
                    others = times(others, [-other, 1]) if other != k else others
                top = [
                    x + y
                    for x, y in zip(
                        [0] * (len(others) - len(top)) + top, [m * k * c for c in others], strict=True
                    )
                ]
                bottom = times(bottom, [-k, 1])
            shifted = times(top, [1, 0])
            one = [x + y for x, y in zip([0] * (len(bottom) - len(shifted)) + shifted, bottom, strict=True)]
            powers = (1 - depth, depth - 1, 0) if haar else (1, depth - 1, -depth)
            factors = [*zip((one, top, bottom), powers, strict=True), ([1, 0], -1)]
            self.first_real, self.last_real = mp.mpf(0), 1 / max(values)
            self.w_of = lambda u: u * evaluate(top, u) / evaluate(bottom, u)
            mean = mp.fsum(k * m for k, m in zip(values, masses, strict=True))
            self.first = lambda z: mp.exp(self.log_scale) * mean ** (depth - 1) / z
        self.factors = [(list(map(mp.mpf, f)), derivative(list(map(mp.mpf, f))), e) for f, e in factors if e]
        self.in_doubles = [(list(map(float, f)), list(map(float, d)), float(e)) for f, d, e in self.factors]

    def step(self, u, s, exact):
        """Newton step for log z(u) = s, modulo 2 pi i, and the slope dlog z/du."""
        log, two_pi = (mp.log, 2 * mp.pi) if exact else (lambda x: complex(np.log(x)), 2 * math.pi)
        value, slope = (self.log_scale if exact else float(self.log_scale)) - s, 0
        for f, d, e in self.factors if exact else self.in_doubles:
            here = evaluate(f, u)
            value += e * log(here)
            slope += e * evaluate(d, u) / here
        turns = round(float(value.imag) / (2 * math.pi))
        return (value - 1j * turns * two_pi if turns else value) / slope, slope

    def follow(self, u: complex, start: complex, stop: complex) -> complex:
        """The root at `stop` on the branch of u at `start`, in doubles: halve until the tangent predicts well."""
        here, ahead = start, stop
        for _ in range(5000):
            _, slope = self.step(u, here, exact=False)
            tangent = (ahead - here) / slope
            trial = u + tangent
            first, _ = self.step(trial, ahead, exact=False)
            if (abs(first) <= 0.1 * abs(tangent) or abs(first) <= 1e-9 * abs(u)) and abs(
                tangent
            ) <= 0.3 * abs(u):
                for _ in range(5):
                    trial -= self.step(trial, ahead, exact=False)[0]
                u, here = trial, ahead
                if here == stop:
                    return u
                ahead = stop
            else:
                ahead = here + 0.5 * (ahead - here)
        raise ArithmeticError(f"no path from {start} to {stop}")

    def polish(self, u, s, steps=2):
        u = mp.mpc(u)
        for _ in range(steps):
            u -= self.step(u, s, exact=True)[0]
        return u

    def density_and_mass(self, log_lam, far: float, grain: float):
        """Density of log lambda at log_lam and the mass above; `grain` = distance to the nearest edge."""
        s0, far = float(log_lam), float(far)
        legs = [0.0, min(grain, HEIGHT)]
        while legs[-1] < HEIGHT:
            legs.append(min(2 * legs[-1], HEIGHT))
        corners = [complex(s0, y) for y in legs]
        corners += [complex(x, HEIGHT) for x in np.linspace(s0, far, math.ceil(far - s0) + 1)[1:]] + [
            complex(far, 0.0)
        ]
        points, weights = gauss_legendre(NODES)
        u = complex(self.first(mp.exp(far + START)))
        u = self.follow(u, complex(far + START, 0.0), complex(far, 0.0))
        here, total = complex(far, 0.0), mp.mpc(0)
        for stop, start in reversed(list(itertools.pairwise(corners))):
            a, b = (
                mp.mpc(c) if c.imag else mp.mpc(log_lam if c.real == s0 else c.real) for c in (start, stop)
            )
            a = mp.mpc(log_lam, a.imag) if start.real == s0 else a
            b = mp.mpc(log_lam, b.imag) if stop.real == s0 else b
            for x, weight in zip(points, weights, strict=True):
                s = (a + b) / 2 + x * (b - a) / 2
                u = self.follow(u, here, complex(s))
                here = complex(s)
                total += weight * (a - b) / 2 * self.w_of(self.polish(u, s))
        u = self.follow(u, here, complex(s0, 0.0))
        w = self.w_of(self.polish(u, mp.mpc(log_lam), steps=5))
        return -w.imag / mp.pi, -total.imag / mp.pi

    def critical_values(self):
        """log z at the real critical points where z > 0, spurious ones above the spectrum left out, and the top.

        Without a critical point on the branch that starts at z = +inf the top is an atom or edge at the scale.
        """
        total = [mp.mpf(0)]
        for i, (_, d, e) in enumerate(self.factors):
            term = [e * c for c in d]
            for j, (f, _, _) in enumerate(self.factors):
                term = times(term, f) if i != j else term
            size = max(len(term), len(total))
            total = [
                x + y
                for x, y in zip(
                    [0] * (size - len(total)) + total, [0] * (size - len(term)) + term, strict=True
                )
            ]
        scale = max(abs(c) for c in total)
        while abs(total[0]) < scale * mp.mpf(10) ** (5 - mp.mp.dps):
            total = total[1:]
        values, top, nearest = [], self.log_scale, self.last_real
        for root in mp.polyroots(total, maxsteps=500, extraprec=400):
            if abs(root.imag) < mp.mpf(10) ** (-15) and all(
                abs(evaluate(f, root.real)) > 1e-25 for f, _, _ in self.factors
            ):
                parts = [(evaluate(f, root.real), e) for f, _, e in self.factors]
                if mp.fprod(mp.sign(f) ** (e % 2) for f, e in parts) > 0:
                    value = self.log_scale + mp.fsum(e * mp.log(abs(f)) for f, e in parts)
                    values.append(value)
                    if (
                        self.first_real < root.real < nearest
                    ):  # z falls from +inf to here: the top of the spectrum
                        nearest, top = root.real, value
        return sorted(value for value in values if value <= top), top

    def moments(self, layers, haar, count):
        """m_1..m_count by Lagrange inversion: m_k = (1/k) [u^(k-1)] w'(u) (u z(u))^k, as power series at u = 0."""
        depth = len(layers)
        m = [
            mp.fsum(p * k**n for k, p in zip(*layers[0], strict=True)) if n else mp.mpf(0)
            for n in range(count + 1)
        ]
        if all(len(values) == 1 for values, _ in layers):
            w = [mp.mpf(0), mp.mpf(1)] + [mp.mpf(0)] * (count - 1)
            base = [mp.mpf(1)] + [mp.mpf(0)] * (count - 1)
            for _, masses in layers:
                base = series_product(base, [masses[0], mp.mpf(1)], count)
        else:
            w = m
            base = [mp.mpf(1)]
            for _ in range(depth - 1):
                base = series_product(base, m[1:], count)
        one = [1 + w[0], *w[1:]]
        for _ in range(abs(1 - depth * haar) if len(layers[0][0]) == 1 else (depth - 1 if haar else 1)):
            base = (
                series_quotient(base, one, count) if haar and depth > 1 else series_product(base, one, count)
            )
        slope = [n * w[n] for n in range(1, count + 1)]
        result, power = [], [mp.mpf(1)]
        for k in range(1, count + 1):
            power = series_product(power, base, count)
            result.append(mp.exp(k * self.log_scale) / k * series_product(slope, power, count)[k - 1])
        return result


def series_product(a, b, size):
    return [
        mp.fsum(a[i] * b[n - i] for i in range(n + 1) if i < len(a) and n - i < len(b)) for n in range(size)
    ]


def series_quotient(a, b, size):
    a = a + [mp.mpf(0)] * size
    out = []
    for n in range(size):
        rest = mp.fsum(out[i] * b[n - i] for i in range(n) if n - i < len(b))
        out.append((a[n] - rest) / b[0])
    return out


def gauss_legendre(order, cache={}):  # noqa: B006
    """Nodes and weights on (-1, 1) in mpf."""
    if order not in cache:
        nodes = [
            mp.findroot(lambda x: mp.legendre(order, x), float(x))
            for x in np.polynomial.legendre.leggauss(order)[0]
        ]
        slopes = [
            order * (mp.legendre(order - 1, x) - x * mp.legendre(order, x)) / (1 - x * x) for x in nodes
        ]
        cache[order] = nodes, [2 / ((1 - x * x) * d * d) for x, d in zip(nodes, slopes, strict=True)]
    return cache[order]


def gate_layers(activation, slope, q, depth):
    """(values, masses) of phi'(sqrt(q) xi)^2 per layer, in mpf."""
    if activation == "linear":
        layer = [mp.mpf(1)], [mp.mpf(1)]
    elif activation == "relu":
        layer = [mp.mpf(1)], [mp.mpf(1) / 2]
    elif activation == "leaky_relu":
        layer = [mp.mpf(slope) ** 2, mp.mpf(1)], [mp.mpf(1) / 2] * 2
    else:
        qs = q if isinstance(q, list) else [q] * depth
        return [([mp.mpf(1)], [mp.erf(1 / mp.sqrt(2 * mp.mpf(x)))]) for x in qs]
    return [layer] * depth


def atom_above(layers, haar, log_sigma2):
    """[log location, mass] of the atom that Haar layers of one gate value may leave at the product of the values."""
    missing = mp.fsum(1 - max(masses) for _, masses in layers)
    if not haar or missing >= 1 or len(layers[0][0]) > 1:
        return None
    return [len(layers) * log_sigma2, 1 - missing]


def solve_case(case: dict) -> dict:
    layers = gate_layers(case["activation"], case["slope"], case["q"], case["depth"])
    haar, log_sigma2 = case["weights"] == "orthogonal", 2 * mp.log(mp.mpf(case["sigma_w"]))
    z = Rational(layers, log_sigma2, haar)
    atom = atom_above(layers, haar, log_sigma2)
    candidates, top = z.critical_values()
    far = float(top) + 1.0

    def density(t):
        return z.density_and_mass(
            t, far, 1e-3 if not candidates else max(1e-9, float(min(abs(t - c) for c in candidates)))
        )[0]

    tiny = mp.mpf("1e-6")
    inside = [(density(c - tiny) > 1e-8, density(c + tiny) > 1e-8) for c in candidates]
    edges = [c for c, (left, right) in zip(candidates, inside, strict=True) if left != right]
    ends = edges if len(edges) % 2 == 0 else [None, *edges]
    rows = []
    for low, high in zip(ends[::2], ends[1::2], strict=True):
        if low is None:
            places = [high - d for d in (1e-4, 0.01, 0.1, 0.4, 1.0, 2.0, 5.0, 12.0)]
        else:
            places = [low + (high - low) * f for f in (1e-4, 0.05, 0.2, 0.5, 0.8, 0.95, 0.9999)]
        for place in places:
            lam = float(mp.exp(place))
            t = mp.log(mp.mpf(lam))
            grain = float(min(abs(t - c) for c in candidates))
            density_t, above = z.density_and_mass(t, far, grain)
            rows.append([lam, mp.nstr(density_t, 20), mp.nstr(above, 20)])
    moments = z.moments(layers, haar, 4)
    return {
        **case,
        "edges": [mp.nstr(mp.exp(c), 20) for c in edges],
        "atom": atom and [mp.nstr(mp.exp(atom[0]), 20), mp.nstr(atom[1], 20)],
        "moments": [mp.nstr(m, 20) for m in moments],
        "rows": rows,
    }


def random_cases(count: int) -> list[dict]:
    rng = np.random.default_rng(SEED)
    cases = []
    for i in range(count):
        activation = ("relu", "leaky_relu", "hard_tanh", "hard_tanh")[i % 4]
        haar = bool(i // 4 % 2)
        depth = int(rng.integers(2 if haar else 1, 21 if i % 4 != 3 else 7))
        if i < 8:
            depth = 2 if haar else i % 2 + 1
        q = float(np.exp(rng.uniform(np.log(0.05), np.log(10.0))))
        if i % 4 == 3:
            q = [float(x) for x in np.exp(rng.uniform(np.log(0.05), np.log(10.0), depth))]
        cases.append(
            {
                "activation": activation,
                "slope": round(float(rng.uniform(0.05, 0.9)), 3) if activation == "leaky_relu" else 0.0,
                "weights": "orthogonal" if haar else "gaussian",
                "depth": depth,
                "q": q,
                "sigma_w": round(float(rng.uniform(0.5, 3.0)), 3),
            }
        )
    cases[1] |= {"depth": 1, "slope": 0.1, "sigma_w": 1.0}
    return cases


def make_gates(count: int = 60) -> None:
    with mp.workdps(30):
        cases = [solve_case(case) for case in random_cases(count)]
    about = f"seed {SEED}; rows: lam, density of log lam, mass above lam (atoms included)"
    write("gates.json", {"about": about, "cases": cases})


MAKERS = {"fuss_catalan": make_fuss_catalan, "deep": make_deep, "gates": make_gates}

if __name__ == "__main__":
    for name in sys.argv[1:] or MAKERS:
        began = time.perf_counter()
        MAKERS[name]()
        print(f"{name}: {time.perf_counter() - began:.0f} s")
