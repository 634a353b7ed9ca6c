"""The physical root without certificates: many small steps from the far end, and lists of all roots."""

from __future__ import annotations

import math
import warnings

import mpmath as mp
import numpy as np


def follow_root(naive, target, steps=400, digits=20):
    """All eta at log z = target (Im > 0, or the real bulk), from |z| = e^40 |z_target| along Im log z = pi/2.

    The path is straight in log z and every step is a few plain Newton steps in all unknowns together; no safeguard
    but smallness.
    """
    with mp.workdps(digits):
        far = mp.mpc(max(float(mp.re(target)), 0.0) + 40.0, math.pi / 2)
        etas = _far_root(naive, far)
        corner = mp.mpc(mp.re(target), math.pi / 2)
        for start, stop, count in ((far, corner, steps), (corner, mp.mpc(target), steps)):
            for i in range(1, count + 1):
                # quadratic spacing: short steps near the end
                here = stop + (start - stop) * (mp.mpf(count - i) / count) ** 2
                for _ in range(3):
                    etas = newton_step(naive, etas, here)
        for _ in range(3):
            etas = newton_step(naive, etas, target)
        return etas


def _far_root(naive, far):
    """u = m_1/z, and rho_g E k zeta_g = u for every group."""
    means = [mp.fsum(k * p for k, p in zip(g.values, g.masses, strict=True)) for g in naive.groups]
    log_m1 = mp.fsum(g.count * mp.log(g.rho * mean) for g, mean in zip(naive.groups, means, strict=True))
    log_m1 += mp.fsum(count * mp.log(rho) for rho, count in naive.plain)
    log_m1 += (1 - naive.depth * naive.haar) * mp.log(naive.rho_0)
    log_u = log_m1 - far + mp.mpc(0, mp.pi)
    return [log_u - mp.log(g.rho * mean) for g, mean in zip(naive.groups, means, strict=True)]


def newton_step(naive, etas, target):
    """One step of Newton's method for log z = target and all ties together."""

    def residuals(etas):
        u = naive.u(etas)
        return [naive.log_z(etas) - target, *(tie / u for tie in naive.ties(etas))]

    size, h = len(etas), mp.mpf(10) ** (-mp.mp.dps // 3)
    jacobian = mp.matrix(size, size)
    for j in range(size):
        above, below = (residuals([*etas[:j], etas[j] + s, *etas[j + 1 :]]) for s in (h, -h))
        for i in range(size):
            jacobian[i, j] = (above[i] - below[i]) / (2 * h)
    step = mp.lu_solve(jacobian, -mp.matrix(residuals(etas)))
    return [eta + change for eta, change in zip(etas, step, strict=True)]


def all_zetas(naive, z):
    """Every root zeta of the equation of one unknown cleared of denominators, spurious ones included.

    With D = prod(1 - k zeta), u = zeta N/D, rho_i + u = R_i/D, l layers with the unknown of L: independent entries
    R_0 N^(l-1) prod R_i = z zeta D^L, Haar N^(l-1) prod R_i = z zeta R_0^(L-1).
    """
    (group,) = naive.groups
    values, masses = [float(k) for k in group.values], [float(group.rho * p) for p in group.masses]
    bottom, top = np.array([1.0]), np.array([0.0])
    for i, (k, m) in enumerate(zip(values, masses, strict=True)):
        others = np.array([m * k])
        for j, other in enumerate(values):
            others = np.polymul(others, [-other, 1.0]) if i != j else others
        top = np.polyadd(top, others)
        bottom = np.polymul(bottom, [-k, 1.0])

    def shifted(rho):
        return np.polyadd(np.polymul(top, [1.0, 0.0]), float(rho) * bottom)

    def power(a, n):
        out = np.array([1.0])
        for _ in range(n):
            out = np.polymul(out, a)
        return out

    left, right = power(top, group.count - 1), np.array([1.0, 0.0])
    if naive.haar:
        right = np.polymul(right, power(shifted(naive.rho_0), naive.depth - 1))
    else:
        left = np.polymul(left, shifted(naive.rho_0))
        right = np.polymul(right, power(bottom, naive.depth))
    for rho, count in naive.plain:
        left = np.polymul(left, power(shifted(rho), count))
    polynomial = np.polysub(left, complex(z) * right)
    with mp.workdps(40), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # mpmath 1.4 renames the order of coefficients
        return mp.polyroots([mp.mpc(c) for c in polynomial], maxsteps=2000, extraprec=400)
