"""Moments as the power series of the functional equation (Lagrange inversion), term by term in mpmath."""

from __future__ import annotations

import mpmath as mp


def product(a, b):
    """Truncated product of two series of one length."""
    return [mp.fsum(a[i] * b[n - i] for i in range(n + 1)) for n in range(len(a))]


def quotient(a, b):
    """Truncated quotient, b[0] != 0."""
    out = []
    for n in range(len(a)):
        out.append((a[n] - mp.fsum(out[i] * b[n - i] for i in range(n))) / b[0])
    return out


def reversion(a):
    """Compositional inverse of a series with a[0] = 0 and a[1] != 0, by Lagrange's formula."""
    size = len(a)
    base = quotient([mp.mpf(1)] + [mp.mpf(0)] * (size - 1), [*a[1:], mp.mpf(0)])
    out, power = [mp.mpf(0)], [mp.mpf(1)] + [mp.mpf(0)] * (size - 1)
    for n in range(1, size):
        power = product(power, base)
        out.append(power[n - 1] / n)
    return out


def moments(gate_laws, sigma_w, haar, count):
    """m_1..m_count of J J^T: S-transforms multiply, and w(z) is the inverse series of w S(w)/(1 + w) = 1/z.

    `gate_laws`: (values, masses) of phi'^2 per layer; `sigma_w`: one per layer.
    """
    size = count + 1
    with mp.workdps(50):
        one_plus_w = [mp.mpf(1), mp.mpf(1)] + [mp.mpf(0)] * (size - 2)
        s_transform = [mp.mpf(1)] + [mp.mpf(0)] * (size - 1)
        for (values, masses), sigma in zip(gate_laws, sigma_w, strict=True):
            gates = [
                mp.fsum(mp.mpf(float(m)) * mp.mpf(float(k)) ** n for k, m in zip(values, masses, strict=True))
                if n
                else mp.mpf(0)
                for n in range(size + 1)
            ]
            zeta = reversion(gates)
            # S_K(w) = zeta(w) (1 + w)/w; independent entries: 1/(1 + w)
            layer = product(zeta[1:], one_plus_w)
            layer = layer if haar else quotient(layer, one_plus_w)
            s_transform = product(s_transform, [c / mp.mpf(sigma) ** 2 for c in layer])
        u = quotient(product([mp.mpf(0), mp.mpf(1)] + [mp.mpf(0)] * (size - 2), s_transform), one_plus_w)
        return [float(m) for m in reversion(u)[1:]]
