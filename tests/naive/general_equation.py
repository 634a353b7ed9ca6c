"""The law of layers that differ: continuation without safeguards, densities and edges.

The equation itself is in validation/reference.py (its LayeredEquation), term by term in mpmath.
"""

from __future__ import annotations

import math

import mpmath as mp

from naive.gates import largest
from validation.gate_transforms import gate_moment, reference_transform
from validation.reference import LayeredEquation, Root, polished_density

__all__ = [
    "LayeredEquation",
    "Root",
    "density",
    "far_root",
    "follow_root",
    "polished_density",
    "top_edge",
]

FAR = 15.0


def log_first_moment(equation):
    """log m_1 of J^T J: (n_L/n_0) prod_l sigma_l^2 mu_{1,l}."""
    total = mp.log(mp.mpf(equation.widths[-1]) / equation.widths[0])
    for layer in equation.layers:
        total += mp.log(mp.mpf(layer["sigma_w"]) ** 2 * gate_moment(layer["activation"], layer["q"], 1))
    return total


def far_root(equation, log_z):
    """w_0 = m_1/z, zeta_l = w_l/mu_{1,l}."""
    w = mp.exp(log_first_moment(equation) - log_z)
    means = [gate_moment(layer["activation"], layer["q"], 1) for layer in equation.layers]
    return Root(w=w, zetas=tuple(equation.ratio(i) * w / mu for i, mu in enumerate(means, start=1)))


def follow_root(equation, log_z, digits=12, step=0.4, arc=30):
    """The joint root at log z, 0 <= Im log z < pi/2, from |z| = e^15 m_1 or more along Im log z = pi/2.

    Small steps of plain Newton, short ones near the end; no safeguard but smallness.
    """
    with mp.workdps(digits + 5):
        log_z = mp.mpc(log_z)
        corner = mp.mpc(log_z.real, mp.pi / 2)
        far = mp.mpc(max(corner.real, log_first_moment(equation)) + FAR, mp.pi / 2)
        root = far_root(equation, far)
        count = math.ceil((far.real - corner.real) / step)
        stops = [far + (corner - far) * i / count for i in range(count + 1)]
        stops += [log_z + (corner - log_z) * (mp.mpf(arc - i) / arc) ** 2 for i in range(1, arc + 1)]
        for here in stops:
            for _ in range(2):
                root, _ = equation.newton_step(root, here, digits)
        return root


def density(equation, lam, digits=30):
    """The polished densities at lam > 0 in the support, from the far end."""
    root = follow_root(equation, mp.log(mp.mpf(lam)))
    return polished_density(
        equation.layers, equation.widths, equation.haar, lam, (root.w, root.zetas), digits
    )


def top_edge(layer, depth, haar, digits=30):
    """Top edge of `depth` identical square layers: z at its first critical point on 0 < zeta < 1/max k, or at its end.

    The unknown is y = -log(1 - zeta max k); at y = 70 the end cannot be told from a critical point by 30 digits.
    """
    activation, q = layer["activation"], layer["q"]
    if haar and depth == 1:
        return mp.mpf(layer["sigma_w"]) ** 2 * largest(activation, digits)

    def at(y):
        zeta = (1 - mp.exp(-y)) / largest(activation, mp.mp.dps)
        t = reference_transform(activation, q, mp.mpc(zeta), digits + 10)
        w, slope = t.m.real, t.slope.real
        log_z = depth * mp.log(mp.mpf(layer["sigma_w"]) ** 2 / zeta)
        if haar:
            return log_z + (1 - depth) * mp.log((1 + w) / w), -depth + (depth - 1) * slope / (w * (1 + w))
        log_z += mp.log(1 + w) + (depth - 1) * mp.log(w)
        return log_z, -depth + slope / (1 + w) + (depth - 1) * slope / w

    with mp.workdps(digits + 60):
        low, high = mp.mpf("0.01"), mp.mpf("0.02")
        while at(low)[1] > 0:
            low /= 4
        while at(high)[1] < 0:
            low, high = high, 2 * high
            if high > 70:
                return mp.exp(at(mp.mpf(70))[0])
        y = mp.findroot(lambda y: at(y)[1], (low, high), solver="ridder", tol=mp.mpf(10) ** (-digits))
        return mp.exp(at(y)[0])
