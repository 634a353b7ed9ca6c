"""The normal form of rmtjac.theory.master_equation written down term by term with principal logarithms, in mpmath."""

from __future__ import annotations

from typing import NamedTuple

import mpmath as mp


class Group(NamedTuple):
    """Layers with the same gates (values and masses, given that a gate is open) and the same rho."""

    values: list
    masses: list
    rho: mp.mpf
    count: int

    def m(self, zeta):
        """E[zeta k/(1 - zeta k)]."""
        return mp.fsum(p * zeta * k / (1 - zeta * k) for k, p in zip(self.values, self.masses, strict=True))

    def log(self, zeta):
        """E log(1 - zeta k)."""
        return mp.fsum(p * mp.log(1 - zeta * k) for k, p in zip(self.values, self.masses, strict=True))


class NaiveEquation:
    """The equation of an Equation tuple of finitely many gate values: joint in all unknowns eta = log(-zeta)."""

    def __init__(self, eq):
        assert eq.gates.panels.size == 0
        first = eq.gates.first_atom
        self.groups = [
            Group(
                values=[mp.exp(mp.mpf(float(x))) for x in eq.gates.log_gates[first[g] : first[g + 1]]],
                masses=[mp.mpf(float(m)) for m in eq.gates.masses[first[g] : first[g + 1]]],
                rho=1 + mp.mpf(float(eq.excess[g])),
                count=int(eq.counts[g]),
            )
            for g in range(eq.counts.size)
        ]
        self.plain = [
            (1 + mp.mpf(float(excess)), int(count))
            for excess, count in zip(eq.plain_excess, eq.plain_counts, strict=True)
        ]
        self.rho_0 = 1 + mp.mpf(eq.input_excess)
        self.haar = eq.haar
        self.drift, self.hard_drift = mp.mpf(eq.drift), mp.mpf(eq.hard_drift)
        self.sides = [(1 + mp.mpf(float(a)), 1 + mp.mpf(float(b))) for a, b in eq.sides]

    @property
    def depth(self):
        return sum(group.count for group in self.groups) + sum(count for _, count in self.plain)

    def u(self, etas):
        """u of the reference."""
        reference = self.groups[0]
        return reference.rho * reference.m(-mp.exp(etas[0]))

    def ties(self, etas):
        """rho_g m_g - u of all groups but the reference: 0 at a joint root."""
        u = self.u(etas)
        pairs = zip(self.groups[1:], etas[1:], strict=True)
        return [group.rho * group.m(-mp.exp(eta)) - u for group, eta in pairs]

    def tied(self, etas):
        """The unknowns nearby that are tied to the reference's, by the secant method."""
        u = self.u(etas)
        tied = [mp.mpmathify(etas[0])]
        for group, eta in zip(self.groups[1:], etas[1:], strict=True):
            # relative: u may be tiny
            tied.append(mp.findroot(lambda x, g=group: g.rho * g.m(-mp.exp(x)) / u - 1, mp.mpc(eta)))
        return tied

    def log_z(self, etas):
        """log z at tied unknowns, without log_scale."""
        u = self.u(etas)
        value = mp.log((self.rho_0 + u) / u) + self.drift * u + self.hard_drift * u / (1 + u)
        layers = [(mp.log(u / -mp.exp(eta)), g.count) for g, eta in zip(self.groups, etas, strict=True)]
        # a gate of one value: zeta = u/(rho + u)
        layers += [(mp.log(rho + u), count) for rho, count in self.plain]
        value += mp.fsum(count * layer for layer, count in layers)
        return value - self.depth * mp.log(self.rho_0 + u) if self.haar else value

    def slope(self, etas):
        """d log z/d eta of the reference, the others tied."""
        return mp.diff(lambda x: self.log_z(self.tied([x, *etas[1:]])), etas[0])

    def rates(self, etas):
        """d eta_g/d eta_0."""
        rates = []
        for g in range(len(etas)):
            rates.append(mp.diff(lambda x, g=g: self.tied([x, *etas[1:]])[g], etas[0]))
        return rates

    def mass_above(self, etas):
        """Im G/pi, every term as the module's docstring of rmtjac.theory.master_equation states it."""
        u = self.u(etas)
        depth = self.depth
        power = 1 - depth if self.haar else 1
        total = (0 if self.haar else depth) * u - power * self.rho_0 * mp.log(self.rho_0 + u)
        total += mp.fsum(
            g.count * g.rho * g.log(-mp.exp(eta)) for g, eta in zip(self.groups, etas, strict=True)
        )
        total -= mp.fsum(count * rho * mp.log(rho + u) for rho, count in self.plain)
        total += self.drift * u * u / 2 + self.hard_drift * (mp.log(1 + u) - u / (1 + u))
        return total.imag / mp.pi

    def has_signs(self, etas):
        """Every subordination function in its half plane: of the gates, and of the weights of each pair of widths."""
        if not all(0 < mp.im(eta) < mp.pi for eta in etas):
            return False
        if self.haar:
            return True
        u = self.u(etas)
        return all(mp.arg(u) - mp.arg(before + u) - mp.arg(after + u) <= 0 for before, after in self.sides)
