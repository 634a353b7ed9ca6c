"""The physical root without certificates: many small steps from the far end, and lists of all roots."""

from __future__ import annotations

import math
import warnings

import mpmath as mp
import numpy as np


def follow_root(naive, target, steps=400, digits=20):
    """eta at log z = target (imaginary part > 0 or the real bulk), from |z| = e^40 |z_target| along Im log z = pi/2.

    The path is straight in log z and every step is a few plain Newton steps; no safeguard but smallness.
    """
    with mp.workdps(digits):
        far = mp.mpc(max(float(mp.re(target)), 0.0) + 40.0, math.pi / 2)
        mean = mp.fsum(k * m for k, m in naive.gates)
        # w = m_1/z and zeta = w/mean
        log_m1 = mp.fsum(
            mp.log(p) for p in naive.opened[naive.reference_layers :]
        ) + naive.reference_layers * mp.log(mean)
        eta = log_m1 - far - mp.log(mean) + mp.mpc(0, mp.pi)
        corner = mp.mpc(mp.re(target), math.pi / 2)
        for start, stop, count in ((far, corner, steps), (corner, mp.mpc(target), steps)):
            for i in range(1, count + 1):
                # quadratic spacing: short steps near the end
                here = stop + (start - stop) * (mp.mpf(count - i) / count) ** 2
                for _ in range(3):
                    eta -= (naive.log_z(eta) - here) / _slope(naive, eta)
        for _ in range(3):
            eta -= (naive.log_z(eta) - target) / _slope(naive, eta)
        return eta


def _slope(naive, eta):
    step = mp.mpf(10) ** (-mp.mp.dps // 3)
    return (naive.log_z(eta + step) - naive.log_z(eta - step)) / (2 * step)


def all_zetas(naive, z):
    """Every root zeta of the equation cleared of denominators (identical layers), spurious ones included.

    With D = prod(1 - k zeta), w = zeta N/D, 1 + w = M/D: Gaussian M N^(L-1) = z zeta D^L,
    Haar N^(L-1) = z zeta M^(L-1).
    """
    depth = len(naive.opened)
    gates = [(float(k), float(m)) for k, m in naive.gates]
    bottom, top = np.array([1.0]), np.array([0.0])
    for i, (k, m) in enumerate(gates):
        others = np.array([m * k])
        for j, (other, _) in enumerate(gates):
            others = np.polymul(others, [-other, 1.0]) if i != j else others
        top = np.polyadd(top, others)
        bottom = np.polymul(bottom, [-k, 1.0])
    one = np.polyadd(np.polymul(top, [1.0, 0.0]), bottom)

    def power(a, n):
        out = np.array([1.0])
        for _ in range(n):
            out = np.polymul(out, a)
        return out

    if naive.haar:
        left, right = power(top, depth - 1), power(one, depth - 1)
    else:
        left, right = np.polymul(one, power(top, depth - 1)), power(bottom, depth)
    polynomial = np.polysub(left, complex(z) * np.polymul(right, [1.0, 0.0]))
    with mp.workdps(40), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # mpmath 1.4 renames the order of coefficients
        return mp.polyroots([mp.mpc(c) for c in polynomial], maxsteps=2000, extraprec=400)
