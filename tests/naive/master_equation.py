"""THEORY.md section 2 written down term by term with principal logarithms, in mpmath; slow."""

from __future__ import annotations

import mpmath as mp


class NaiveEquation:
    """The equation of an Equation tuple, rebuilt from its gate laws: one term a layer, unknown eta = log(-zeta)."""

    def __init__(self, eq):
        self.gates = [
            (mp.exp(mp.mpf(float(x))), mp.mpf(float(m))) for x, m in zip(eq.log_gates, eq.masses, strict=True)
        ]
        self.opened = [1 - mp.mpf(float(eq.closed))] * int(eq.count)
        for excess, count in zip(eq.excess, eq.counts, strict=True):
            self.opened += [1 - mp.mpf(float(eq.closed)) + mp.mpf(float(excess))] * int(count)
        self.reference_layers = int(eq.count)
        self.haar = eq.haar
        self.drift, self.hard_drift = mp.mpf(eq.drift), mp.mpf(eq.hard_drift)

    def w(self, eta):
        """m_K(zeta) of the reference layer."""
        zeta = -mp.exp(eta)
        return mp.fsum(m * zeta * k / (1 - zeta * k) for k, m in self.gates)

    def log_z(self, eta):
        zeta = -mp.exp(eta)
        w = self.w(eta)
        value = mp.log((1 + w) / w) + self.drift * w + self.hard_drift * w / (1 + w)
        for i, p in enumerate(self.opened):
            inverse_zeta = 1 / zeta if i < self.reference_layers else (w + p) / w
            value += mp.log(w * inverse_zeta / (1 + w)) if self.haar else mp.log(w * inverse_zeta)
        return value

    def slope(self, eta):
        return mp.diff(self.log_z, eta)

    def mass_above(self, eta):
        """Im G/pi, every term as the module's docstring of rmtjac.theory.master_equation states it."""
        zeta = -mp.exp(eta)
        w = self.w(eta)
        total = -mp.log(1 + w)
        for i, p in enumerate(self.opened):
            if i < self.reference_layers:
                total += mp.fsum(m * mp.log(1 - k * zeta) for k, m in self.gates)
            else:
                total += p * mp.log(1 - w / (w + p))
            total += mp.log(1 + w) if self.haar else w
        total += self.drift * w * w / 2 + self.hard_drift * (mp.log(1 + w) - w / (1 + w))
        return total.imag / mp.pi
