"""Densities of layers with one or two gate values to 60 digits, a thousand a second: Newton's method in Arb.

The equation of validation/reference.py with every zeta_l in closed form, so that w_0 is the only unknown. A root is
certified as there: principal logarithms of the two sides agree, and w_0 and all zeta_l lie in the lower half plane.
"""

from __future__ import annotations

import cmath
from collections.abc import Sequence

import mpmath as mp
from flint import acb, arb, ctx

from validation.gate_transforms import exact_ball, finite_law
from validation.networks import Network, Start

__all__ = ["AtomicEquation"]

DIGITS = 60
STEPS = 200
SETTLED = 1e-45
REAL = 1e-30
NEAR = 0.05
TILTS = (0.0, 0.7, -0.7, 0.1)


class AtomicEquation:
    """The equation of a network whose gates have one or two values other than 0."""

    def __init__(self, network: Network) -> None:
        self.haar = network.haar
        with mp.workdps(DIGITS), ctx.workdps(DIGITS):
            self.layers = [
                (
                    [(_exact(k), _exact(mass)) for k, mass in finite_law(layer["activation"], layer["q"])],
                    arb(network.widths[0]) / after,
                    arb(layer["sigma_w"]) ** 2 * (1 if network.haar else arb(after) / before),
                )
                for layer, before, after in zip(
                    network.layers, network.widths, network.widths[1:], strict=False
                )
            ]

    def inner_density(self, lam: float, start: Start) -> arb | None:
        """Density of J^T J at lam, 0 where the root near `start` is real; None if nothing is certified."""
        with ctx.workdps(DIGITS):
            first = exact_ball(start[0])
            near = [exact_ball(zeta) for zeta in start[1]]
            for tilt in TILTS:
                # outside an edge the root is real, and Newton's method does not come to it from the axis of symmetry
                w = self._newton(lam, first + tilt * abs(first.imag), near)
                if w is None:
                    continue
                zetas = [self._zeta(i, w, near[i])[0] for i in range(len(self.layers))]
                if self._is_physical(w, zetas):
                    return -w.imag / (arb.pi() * arb(lam))
                if abs(w.imag) < REAL * abs(w) and abs(w - first) < NEAR * abs(first):
                    return arb(0)
        return None

    def _newton(self, lam: float, w: acb, near: Sequence[acb]) -> acb | None:
        """A root w_0 near the start; None if Newton's method does not settle."""
        for _ in range(STEPS):
            product, rate = (1 + w) / w / arb(lam), 1 / (1 + w) - 1 / w
            for i, (_, ratio, scale) in enumerate(self.layers):
                zeta, slope = self._zeta(i, w, near[i])
                product *= scale * ratio * w / zeta
                rate += 1 / w - ratio / slope
                if self.haar:
                    product /= 1 + ratio * w
                    rate -= ratio / (1 + ratio * w)
            step = (product.log() / (rate * w)).mid()
            if not step.is_finite():
                return None
            size = float(abs(step))
            w = (w * (-step * min(1.0, 0.3 / size if size > 0.0 else 1.0)).exp()).mid()
            if size < SETTLED:
                return w
        return None

    def _zeta(self, layer: int, w: acb, near: acb) -> tuple[acb, acb]:
        """zeta_l with m_K(zeta_l) = w_l, of two the one closer to `near`; and zeta_l m_K'(zeta_l)."""
        values, ratio, _ = self.layers[layer]
        own = ratio * w
        if len(values) == 1:
            ((k, mass),) = values
            zeta = own / (k * (mass + own))
        else:
            (a, p), (b, r) = values
            # a b (p + r + w) zeta^2 - (w (a + b) + p a + r b) zeta + w = 0
            double, linear = 2 * a * b * (p + r + own), own * (a + b) + p * a + r * b
            root = (linear * linear - 2 * double * own).sqrt()
            zeta = min(
                ((linear + root) / double, (linear - root) / double), key=lambda z: float(abs(z - near))
            )
        slope = sum((mass * k * zeta / (1 - k * zeta) ** 2 for k, mass in values), acb(0))
        return zeta, slope

    def _is_physical(self, w: acb, zetas: Sequence[acb]) -> bool:
        """Whether w_0 and all zeta_l lie in the lower half plane and the principal logarithms add up to log lam."""
        if not all(value.imag < -REAL * abs(value) for value in (w, *zetas)):
            return False
        angle = _angle(1 + w) - _angle(w)
        for zeta, (_, ratio, _) in zip(zetas, self.layers, strict=True):
            angle += _angle(w) - _angle(zeta) - (_angle(1 + ratio * w) if self.haar else 0.0)
        return abs(angle) < 1.0  # or off by a multiple of 2 pi


def _exact(number: mp.mpf) -> arb:
    return exact_ball(mp.mpc(number)).real


def _angle(z: acb) -> float:
    """arg z, also where z is beyond the range of doubles."""
    return cmath.phase(complex((z / abs(z)).mid()))
