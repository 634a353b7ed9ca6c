"""Slow twin of Tracy-Widom: the Fredholm determinants in mpmath, entry by entry."""

import mpmath as mp


def distributions(s, digits, nodes, reach):
    """F_1(s) = det(1 - A_s) and F_2(s) = det(1 - A_s) det(1 + A_s), kernel Ai(x + y + s) on (0, reach)."""
    with mp.workdps(digits):
        points, weights = gauss_legendre(nodes)
        x = [reach * (1 + p) / 2 for p in points]
        kernel = mp.matrix(nodes, nodes)
        for i in range(nodes):
            for j in range(nodes):
                kernel[i, j] = reach / 2 * mp.sqrt(weights[i] * weights[j]) * mp.airyai(x[i] + x[j] + s)
        minus, plus = mp.det(mp.eye(nodes) - kernel), mp.det(mp.eye(nodes) + kernel)
        return minus, minus * plus


def gauss_legendre(n):
    """Roots of P_n by Newton, and 2/((1 - x^2) P_n'(x)^2)."""
    points, weights = [], []
    for k in range(n):
        x = mp.cos(mp.pi * (k + mp.mpf(3) / 4) / (n + mp.mpf(1) / 2))
        for _ in range(8):
            before, here = mp.mpf(1), x
            for m in range(2, n + 1):
                before, here = here, ((2 * m - 1) * x * here - (m - 1) * before) / m
            slope = n * (x * here - before) / (x * x - 1)
            x -= here / slope
        points.append(x)
        weights.append(2 / ((1 - x * x) * slope**2))
    return points, weights
