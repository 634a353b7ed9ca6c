"""The equation of layers that differ, polished to any number of digits: what live rows of validation compare with.

THEORY.md section 2, "General per-layer, rectangular form", term by term with principal logarithms, joint in
(w_0, zeta_1, ..., zeta_L). By its uniqueness theorem a small residual in the lower half planes certifies the root.
Nothing of rmtjac is used. A layer is a dict with activation, q and sigma_w.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp

from validation.gate_transforms import Transform, reference_transform

__all__ = ["LayeredEquation", "Polished", "Root", "polished_density", "reference_transform"]

NEWTON_STEPS = 60


@dataclass(frozen=True, kw_only=True)
class Root:
    """A joint solution: w_0, and zeta_l of every layer."""

    w: mp.mpc
    zetas: tuple[mp.mpc, ...]


@dataclass(frozen=True, kw_only=True)
class Polished:
    """Density of J J^T and of J^T J at lam, the root, its residual, and whether it is certified."""

    density: mp.mpf
    inner_density: mp.mpf
    root: Root
    residual: mp.mpf
    certified: bool


@dataclass(frozen=True)
class LayeredEquation:
    """log z as a function of (w_0, zeta_1, ..., zeta_L).

    Attributes
    ----------
    layers : sequence of dict
        activation, q and sigma_w of layers 1..L.
    widths : sequence of int
        n_0, ..., n_L.
    haar : bool
        Square layers with Haar orthogonal weights; else independent entries.
    """

    layers: Sequence[dict[str, Any]]
    widths: Sequence[int]
    haar: bool = False

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.layers) + 1:
            raise ValueError(f"widths has {len(self.widths)} entries: allowed are {len(self.layers) + 1}")
        if self.haar and len(set(self.widths)) > 1:
            raise ValueError(f"widths={self.widths}: allowed are equal ones for Haar weights")

    def ratio(self, layer: int) -> mp.mpf:
        """w_l/w_0 = n_0/n_l; layer L is the last."""
        return mp.mpf(self.widths[0]) / self.widths[layer]

    def transforms(self, root: Root, digits: int) -> list[Transform]:
        """m_K and its companions of every layer."""
        pairs = zip(self.layers, root.zetas, strict=True)
        return [reference_transform(layer["activation"], layer["q"], zeta, digits) for layer, zeta in pairs]

    def log_z(self, root: Root) -> mp.mpc:
        """log((1 + w_0)/w_0) + sum_l log T_l, principal logarithms."""
        total = mp.log((1 + root.w) / root.w)
        for i, (layer, zeta) in enumerate(zip(self.layers, root.zetas, strict=True), start=1):
            w = self.ratio(i) * root.w
            total += 2 * mp.log(mp.mpf(layer["sigma_w"])) + mp.log(w) - mp.log(zeta)
            stretch = mp.mpf(self.widths[i]) / self.widths[i - 1]
            total -= mp.log(1 + w) if self.haar else -mp.log(stretch)
        return total

    def defects(self, root: Root, transforms: list[Transform]) -> list[mp.mpc]:
        """m_K(zeta_l) - w_l of every layer."""
        return [t.m - self.ratio(i) * root.w for i, t in enumerate(transforms, start=1)]

    def newton_step(self, root: Root, log_z: mp.mpc, digits: int) -> tuple[Root, mp.mpf]:
        """The next root, and the size of the step in the logarithms of the unknowns."""
        transforms = self.transforms(root, digits)
        defects = self.defects(root, transforms)
        ratios = [self.ratio(i) for i in range(1, len(self.layers) + 1)]
        # d log z = rate dw - sum d log zeta_l, and slope_l d log zeta_l = ratio_l dw - defect_l
        rate = 1 / (1 + root.w) - 1 / root.w
        rate += mp.fsum(1 / root.w - self.haar * c / (1 + c * root.w) for c in ratios)
        rate -= mp.fsum(c / t.slope for c, t in zip(ratios, transforms, strict=True))
        shift = log_z - self.log_z(root)
        shift -= mp.fsum(d / t.slope for d, t in zip(defects, transforms, strict=True))
        dw = shift / rate
        logs = [(c * dw - d) / t.slope for c, d, t in zip(ratios, defects, transforms, strict=True)]
        w = root.w * mp.exp(dw / root.w)
        zetas = tuple(zeta * mp.exp(step) for zeta, step in zip(root.zetas, logs, strict=True))
        return Root(w=w, zetas=zetas), max(abs(step) for step in [dw / root.w, *logs])

    def residual(self, root: Root, log_z: mp.mpc, digits: int) -> mp.mpf:
        """The largest relative failure of an equation."""
        defects = self.defects(root, self.transforms(root, digits))
        relative = [abs(d / (self.ratio(i) * root.w)) for i, d in enumerate(defects, start=1)]
        return max(abs(self.log_z(root) - log_z), *relative)

    def in_half_planes(self, root: Root, digits: int) -> bool:
        """Whether w_0 and every zeta_l lie in the lower half plane, by more than `digits` digits leave open."""
        noise = mp.mpf(10) ** (3 - digits)
        return all(value.imag < -noise * abs(value) for value in (root.w, *root.zetas))

    def mass_above(self, root: Root, digits: int) -> mp.mpf:
        """Mass of J^T J above lam: Im/pi of the integral of w_0 dlog z, taken by parts.

        d E log(1 - zeta k) = -m dlog zeta does it.
        """
        total = -mp.log(1 + root.w)
        for i, t in enumerate(self.transforms(root, digits), start=1):
            total += t.log / self.ratio(i) + (mp.log(1 + root.w) if self.haar else root.w)
        return total.imag / mp.pi


def solve_near(equation: LayeredEquation, log_z: mp.mpc, start: Root, digits: int) -> Root:
    """Newton from `start` until a step is below 10^-(0.6 digits + 2): the next one would not be seen.

    Raises
    ------
    ArithmeticError
        If it does not settle.
    """
    root = start
    with mp.workdps(digits + 10):
        for _ in range(NEWTON_STEPS):
            root, step = equation.newton_step(root, log_z, digits)
            if step < mp.mpf(10) ** (-0.6 * digits - 2):
                return root
    raise ArithmeticError(f"Newton's method did not settle at log z = {mp.nstr(log_z, 10)}")


def polished_density(
    layers: Sequence[dict[str, Any]],
    widths: Sequence[int],
    haar: bool,
    lam: float,
    start: tuple[complex, Sequence[complex]],
    digits: int = 30,
) -> Polished:
    """The density at lam from a start (w_0, (zeta_1, ..., zeta_L)) near the root.

    The unknowns have `digits` digits; the density lacks as many of them as |w_0| is larger than |Im w_0|, and twice
    that near an edge.

    Raises
    ------
    ArithmeticError
        If Newton's method does not settle from there.
    """
    equation = LayeredEquation(layers, widths, haar)
    with mp.workdps(digits + 10):
        begin = Root(w=mp.mpc(start[0]), zetas=tuple(mp.mpc(zeta) for zeta in start[1]))
        lam = mp.mpf(lam)
        root = solve_near(equation, mp.log(lam), begin, digits)
        residual = equation.residual(root, mp.log(lam), digits)
        inner = -root.w.imag / (mp.pi * lam)
        return Polished(
            density=inner * equation.ratio(len(layers)),
            inner_density=inner,
            root=root,
            residual=residual,
            certified=bool(residual < mp.mpf(10) ** (3 - digits) and equation.in_half_planes(root, digits)),
        )
