"""Make tests/data/smooth_gates.json and smooth_laws.json: smooth activations, by routes that share no code with rmtjac.

    PYTHONPATH=.:tests python scripts/make_smooth_references.py [gates laws]        (about 5 minutes on two cores)

Deterministic: the only random choices come from SEED. Every q, zeta and lam is an exact double.

smooth_gates.json  m_K, zeta m_K', E 1/(1 - zeta k) and E log(1 - zeta k), doubles rounded from 40 digits: Arb's
                   rigorous integrals over the real line (tests/naive/gates.py). The panels on a path off the line
                   (validation/gate_transforms.py) must agree to 1e-20.
smooth_laws.json   Edges, densities and masses above lam, 30 digits. The joint root is followed from the far end with
                   12 digits (tests/naive/general_equation.py), polished with 55 and with 65 digits, which must agree to
                   1e-30, and certified: principal logarithms, lower half planes. Haar weights of depth 1 are
                   sigma_w^2 K itself. Points whose density of log lam is below 1e-20 are left out.
"""

from __future__ import annotations

import cmath
import math
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import mpmath as mp
from flint import ctx
from make_reference_values import write
from naive.gates import FINITE, SMOOTH, derivative, largest, moment, transform
from naive.general_equation import LayeredEquation, follow_root, polished_density, top_edge

from validation.gate_transforms import exact_ball, gate_moment, reference_transform, to_mpc
from validation.moments import moments_of_network
from validation.networks import Network
from validation.smooth_gates import GATES, is_clear

SEED = 20240612
DEPTHS = (1, 2, 3, 5, 10, 20)
PRECISIONS = (55, 65)
ABOUT = f"seed {SEED}; scripts/make_smooth_references.py says how"


def log_uniform(rng, low, high):
    return math.exp(rng.uniform(math.log(low), math.log(high)))


# m_K


def zetas(rng, end):
    """About 40 doubles: the lower half plane, beside the cut, near its end 1/max k = end, far out, and real ones."""
    generic = [end * complex(rng.uniform(-4, 4), -rng.uniform(0.01, 4)) for _ in range(8)]
    far = [log_uniform(rng, 10, 1e12) * cmath.rect(1, -rng.uniform(0.05, 3.1)) for _ in range(5)]
    small = [log_uniform(rng, 1e-6, 0.1) * cmath.rect(1, -rng.uniform(0.05, 3.1)) for _ in range(3)]
    beside = []
    for exponent in (-3, -4, -5, -6, -7, -8, -8, -8, -8, -8):
        x = end * log_uniform(rng, 1.02, 1e4)
        beside.append(complex(x, -(10.0**exponent) * x))
    near_end = [
        end * (1 + 10.0**exponent * cmath.rect(1, -angle))
        for exponent in (-2, -3, -4)
        for angle in (1e-6, rng.uniform(0.3, 2.8))
    ]
    negative = [complex(-log_uniform(rng, 1e-6, 1e12)) for _ in range(4)]
    real = [complex(end * x) for x in (rng.uniform(0.01, 0.9), 1 - 1e-2, 1 - 1e-4, rng.uniform(0.5, 0.99))]
    return generic + far + small + beside + near_end + negative + real


def gate_row(activation, q, zeta):
    """q, Re zeta, Im zeta, then real and imaginary parts of the four averages."""
    exact = transform(activation, q, zeta, 40)
    for slow, fast in zip(exact, reference_transform(activation, q, zeta, 25), strict=True):
        if abs(slow - fast) > 1e-20 * abs(slow):
            raise ArithmeticError(f"{activation}, q = {q}, zeta = {zeta}: {slow}, {fast}")
    parts = [x for value in exact for x in (value.real, value.imag if zeta.imag else mp.mpf(0))]
    return [q, zeta.real, zeta.imag, *map(float, parts)]


def check_gates(activation):
    """phi' on balls is phi' in mpmath, the path is clear, and the moments are those of mpmath's quadrature."""
    with mp.workdps(40), ctx.workdps(40):
        for h in (mp.mpf("-3.3"), mp.mpf("-0.7"), mp.mpf("1.4"), mp.mpc("0.3", "0.2")):
            ball = to_mpc(GATES[activation].derivative(exact_ball(h)))
            assert abs(ball - derivative(activation, h)) < 1e-36, (activation, h)
    for q in (0.01, 0.3, 10.0):
        assert is_clear(GATES[activation], q, 15 * math.sqrt(q)), (activation, q)
        for order in (1, 2):
            assert abs(gate_moment(activation, q, order) / moment(activation, q, order) - 1) < 1e-19


def gate_rows(activation):
    check_gates(activation)
    rng = random.Random(f"{SEED} gates {activation}")
    end = float(1 / largest(activation))
    return [gate_row(activation, log_uniform(rng, 0.01, 10), zeta) for zeta in zetas(rng, end)]


def make_gates():
    with ProcessPoolExecutor(2) as pool:
        rows = dict(zip(SMOOTH, pool.map(gate_rows, SMOOTH), strict=True))
    columns = "q zeta(re im) m zeta*m' E1/(1-zeta*k) Elog(1-zeta*k), re and im each"
    write("smooth_gates.json", {"about": ABOUT, "columns": columns, "rows": rows})


# laws


def agreed(low, high):
    """The 30 digits that two precisions share."""
    if abs(low - high) > mp.mpf(10) ** -30 * abs(high):
        raise ArithmeticError(f"{mp.nstr(low, 40)} and {mp.nstr(high, 40)} differ")
    return mp.nstr(high, 30)


def solved(equation, lam):
    """[density of J J^T, density of J^T J, mass of J^T J above] at two precisions; None if nothing is certified."""
    root = follow_root(equation, mp.log(mp.mpf(lam)), step=0.6, arc=24)
    columns = []
    for digits in PRECISIONS:
        found = polished_density(
            equation.layers, equation.widths, equation.haar, lam, (root.w, root.zetas), digits
        )
        root = found.root
        if not found.certified or found.inner_density * lam < 1e-20:
            return None
        with mp.workdps(digits):
            columns.append([found.density, found.inner_density, equation.mass_above(root, digits)])
    with mp.workdps(PRECISIONS[-1]):
        return [agreed(low, high) for low, high in zip(*columns, strict=True)]


def solved_single_haar(layer, lam):
    """The same for J J^T = sigma_w^2 K, square: zeta = sigma_w^2/lam on the cut, from below."""
    columns = []
    for digits in PRECISIONS:
        with mp.workdps(digits):
            t = reference_transform(
                layer["activation"], layer["q"], mp.mpc(mp.mpf(layer["sigma_w"]) ** 2 / mp.mpf(lam)), digits
            )
            density = -t.m.imag / (mp.pi * mp.mpf(lam))
            columns.append([density, density, t.log.imag / mp.pi])
    with mp.workdps(PRECISIONS[-1]):
        if columns[0][0] * lam < 1e-20:
            return None
        return [agreed(low, high) for low, high in zip(*columns, strict=True)]


def row_at(equation, lam):
    """[lam, ...] or None."""
    try:
        if equation.haar and len(equation.layers) == 1:
            values = solved_single_haar(equation.layers[0], lam)
        else:
            values = solved(equation, lam)
    except ArithmeticError as error:
        print(f"left out: lam = {lam}: {error}", flush=True)
        return None
    return None if values is None else [lam, *values]


def bulk(rng, equation, count):
    """Doubles lam about the mean of J^T J, spread like its standard deviation."""
    network = Network(equation.layers, equation.widths, equation.haar)
    _, first, second = moments_of_network(network, 2)[0]
    spread = float(mp.sqrt(second / first**2 - 1))
    return [float(first) * math.exp(spread * rng.uniform(-1.5, 0.5)) for _ in range(count)]


def identical_case(task):
    """One law of identical square layers: bulk, near the top edge, and small lam."""
    activation, haar, depth = task
    rng = random.Random(f"{SEED} laws {task}")
    layer = {
        "activation": activation,
        "q": log_uniform(rng, 0.01, 10),
        "sigma_w": round(rng.uniform(0.5, 3), 3),
    }
    equation = LayeredEquation([layer] * depth, [1] * (depth + 1), haar)
    edge = top_edge(layer, depth, haar, 40)
    top = float(edge)
    lams = [min(lam, 0.9 * top) for lam in bulk(rng, equation, 3)]
    lams += [float(edge * (1 - mp.mpf(10) ** -k)) for k in (2, 4, 8)]
    lams += [top * 10 ** -rng.uniform(1, 2 + 0.5 * depth) for _ in range(2)]
    rows = [row_at(equation, lam) for lam in sorted(set(lams))]
    print(f"{activation}, depth {depth}, haar {haar}: {sum(map(bool, rows))} rows", flush=True)
    head = {**layer, "depth": depth, "weights": "orthogonal" if haar else "gaussian"}
    # the layers are square: one density
    return {**head, "edge": mp.nstr(edge, 30), "rows": [[r[0], r[1], r[3]] for r in rows if r]}


def mixed_case(task):
    """One network whose layers all differ; rectangular with independent entries, square with Haar weights."""
    number, haar = task
    rng = random.Random(f"{SEED} mixed {task}")
    depth = 2 + number % 5
    names = [rng.choice(SMOOTH), *(rng.choice(SMOOTH + FINITE) for _ in range(depth - 1))]
    rng.shuffle(names)
    layers = [
        {"activation": name, "q": log_uniform(rng, 0.01, 10), "sigma_w": round(rng.uniform(0.5, 3), 3)}
        for name in names
    ]
    widths = [10] * (depth + 1) if haar else [10 * rng.randint(1, 8) for _ in range(depth + 1)]
    equation = LayeredEquation(layers, widths, haar)
    rows = [row_at(equation, lam) for lam in sorted(bulk(rng, equation, 4))]
    print(f"mixed {number}", flush=True)
    head = {"layers": layers, "widths": widths, "weights": "orthogonal" if haar else "gaussian"}
    return {**head, "rows": [row for row in rows if row]}


def make_laws():
    rng = random.Random(f"{SEED} depths")
    identical = [
        (activation, haar, depth)
        for activation in SMOOTH
        for haar in (False, True)
        for depth in sorted(rng.sample(DEPTHS, 3))
    ]
    mixed = [(number, number % 5 > 2) for number in range(13)]
    with ProcessPoolExecutor(2) as pool:
        content = {
            "about": ABOUT,
            "identical_rows": "lam, density, mass above",
            "mixed_rows": "lam, density of J J^T, density of J^T J, mass of J^T J above",
            "identical": list(pool.map(identical_case, identical)),
            "mixed": list(pool.map(mixed_case, mixed)),
        }
    write("smooth_laws.json", content)


if __name__ == "__main__":
    for name in sys.argv[1:] or ("gates", "laws"):
        begin = time.time()
        {"gates": make_gates, "laws": make_laws}[name]()
        print(f"{name}: {time.time() - begin:.0f} s")
