"""The normal form of a network's equation: widths over the rank, layers in groups, scales in one number; its atoms.

See rmtjac.theory.master_equation for the form. What is close to 1 (open gates, widths over the rank) is carried as
its difference to 1.
"""

from __future__ import annotations

import decimal
import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rmtjac.model.ensemble import Ensemble
from rmtjac.model.gates import GateLaw
from rmtjac.theory.equation_spectrum import EquationSpectrum
from rmtjac.theory.gate_spectrum import GateAtoms, GateSpectrum
from rmtjac.theory.gate_tables import gate_tables
from rmtjac.theory.master_equation import Equation
from rmtjac.theory.spectrum import AtomicSpectrum, Spectrum

__all__ = ["Layer", "NormalForm", "normal_form"]

Floats = npt.NDArray[np.float64]

ROUNDING = 4e-16
_OPEN = GateLaw(np.ones(1), np.ones(1), 0.0)


class Layer(NamedTuple):
    """A gate law, the width of its layer, and how many layers are like it."""

    gates: GateLaw
    width: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody needs


@dataclass(frozen=True, kw_only=True)
class _Group:
    """Layers with the same gates up to a factor and the same share of open units."""

    gates: GateLaw
    excess: float
    excess_error: float
    count: int

    @property
    def is_plain(self) -> bool:
        """Whether the gates have one non-zero value."""
        return self.gates.panels is None and self.gates.values.size == 1


@dataclass(frozen=True, kw_only=True)
class NormalForm:
    """What the law of a network is made from.

    Attributes
    ----------
    layers : sequence of Layer
    many_valued : sequence of GateLaw
        The gates of the groups with unknowns, in the equation's order.
    missing : (float, float)
        n_0 and n_L minus the rank of J, over the rank; inf if a layer has no open gates.
    equation : Equation, or None if a layer has no open gates
    haar : bool
    """

    layers: Sequence[Layer]
    many_valued: Sequence[GateLaw]
    missing: tuple[float, float]
    equation: Equation | None
    haar: bool

    def spectrum(self, side: str) -> Spectrum:
        """The law of J^T J ("input") or J J^T ("output")."""
        if self.equation is None:
            return AtomicSpectrum(np.empty((0, 2)), 1.0)
        missing = self.missing[0 if side == "input" else 1]
        lone = self._lone_layer() if self.haar else None
        if lone is not None:
            return (GateAtoms if lone.panels is None else GateSpectrum)(lone, self.equation)
        return EquationSpectrum(self.equation, self._atoms(), missing, self._hard_edge_exponent())

    def _lone_layer(self) -> GateLaw | None:
        """The gates of the only layer that has any: the law is theirs."""
        acting = [layer for layer in self.layers if not _is_identity(layer.gates)]
        return acting[0].gates if len(acting) == 1 and acting[0].count == 1 else None

    def _hard_edge_exponent(self) -> float:
        """1/(1 + sum max(1, 1/a_l)) for square layers; layers with units to spare do not count.

        Haar weights have no small singular values of their own: if every E 1/k is finite (all a_l > 1), the law is
        near 0 what its heaviest gate law is, and its exponent min a_l.
        """
        eq = self.equation
        assert eq is not None
        depth = sum(layer.count for layer in self.layers)
        total = (1.0 - depth if self.haar else 1.0) if eq.input_excess == 0.0 else 0.0
        total += float(eq.plain_counts[eq.plain_excess == 0.0].sum())
        for g, gates in enumerate(self.many_valued):
            if eq.excess[g] == 0.0:
                total += float(eq.counts[g]) * max(1.0, 1.0 / gates.small_exponent)
        if self.haar and total == 1.0:
            return min(gates.small_exponent for gates in self.many_valued)
        return 1.0 / total if total > 0.0 else math.nan

    def _atoms(self) -> Floats:
        """Atoms at lambda > 0 of the scaled equation: log location and mass.

        Haar layers, depth 1: the law of the gates. Depth L: an atom survives at the product of one atom of each
        layer if their masses leave less than 1 uncovered in all (THEORY.md section 2, "Atoms and edges"); of equal
        layers it is the same atom in each, as two different ones would leave 1 or more.
        """
        none = np.empty((0, 2))
        if not self.haar:
            return none
        depth = sum(layer.count for layer in self.layers)
        if depth == 1:
            law = self.layers[0].gates
            return np.column_stack([np.log(law.values) - law.log_largest, law.masses])
        survivors = [(0.0, 0.0)]  # log location, and what the atoms chosen leave uncovered
        for law, _, count in self.layers:
            places = np.log(law.values) - law.log_largest
            survivors = [
                (place + count * places[j], missing + count * law.complement(j))
                for place, missing in survivors
                for j in range(law.values.size)
                if missing + count * law.complement(j) < 1.0 - ROUNDING * depth
            ]
        atoms = np.array([[place, 1.0 - missing] for place, missing in sorted(survivors)])
        return atoms.reshape(-1, 2)


def _is_identity(gates: GateLaw) -> bool:
    return gates.panels is None and gates.values.size == 1 and gates.closed == 0.0


def normal_form(ens: Ensemble, layers: Sequence[Layer]) -> NormalForm:
    """The normal form of an ensemble whose layers, counted, are `layers`."""
    haar = ens.weights.is_orthogonal
    if any(layer.gates.open == 0.0 for layer in layers):
        return NormalForm(
            layers=layers, many_valued=[], missing=(math.inf, math.inf), equation=None, haar=haar
        )
    bottleneck = _bottleneck(ens, layers)
    ends = {n: _excess(n, _OPEN, bottleneck) for n in set(ens.widths)}
    excess = {n: value for n, (value, _) in ends.items()}
    groups = _groups(layers, bottleneck)
    reference = _reference(groups)
    tied = [group for group in groups if group is not reference and not group.is_plain]
    plain = [group for group in groups if group is not reference and group.is_plain]
    unknown = [reference, *tied]
    sides = {(excess[a], excess[b]) for a, b in pairwise(ens.widths)}
    rank = bottleneck.width * bottleneck.opened
    equation = Equation(
        gates=gate_tables([group.gates for group in unknown]),
        counts=np.array([float(group.count) for group in unknown]),
        excess=np.array([group.excess for group in unknown]),
        excess_error=np.array([group.excess_error for group in unknown]),
        plain_counts=np.array([float(group.count) for group in plain]),
        plain_excess=np.array([group.excess for group in plain]),
        plain_excess_error=np.array([group.excess_error for group in plain]),
        input_excess=excess[ens.widths[0]],
        input_excess_error=ends[ens.widths[0]][1],
        haar=haar,
        drift=0.0,
        hard_drift=0.0,
        log_scale=_log_scale(ens, layers, rank, haar),
        sides=np.array(sorted(sides)),
    )
    return NormalForm(
        layers=layers,
        missing=(excess[ens.widths[0]], excess[ens.widths[-1]]),
        equation=equation,
        haar=haar,
        many_valued=[group.gates for group in unknown],
    )


class _Bottleneck(NamedTuple):
    """The smallest number of open units: rank = width * opened, opened + closed = 1."""

    width: int
    opened: float
    closed: float


def _bottleneck(ens: Ensemble, layers: Sequence[Layer]) -> _Bottleneck:
    candidates = [_Bottleneck(n, 1.0, 0.0) for n in set(ens.widths)]
    candidates += [_Bottleneck(layer.width, layer.gates.open, layer.gates.closed) for layer in layers]
    return min(candidates, key=lambda b: (b.width * b.opened, -b.closed))


def _excess(width: int, gates: GateLaw, bottleneck: _Bottleneck) -> tuple[float, float]:
    """width * open/rank - 1 >= 0, and its rounding error; for equal widths from the probabilities of closed gates."""
    if width == bottleneck.width:
        # from the smaller of the probabilities of an open and of a closed gate
        if bottleneck.closed > 0.5:
            more, size = gates.open - bottleneck.opened, gates.open
        else:
            more, size = bottleneck.closed - gates.closed, bottleneck.closed
    else:
        size = width * gates.open / bottleneck.width
        more = (width * gates.open - bottleneck.width * bottleneck.opened) / bottleneck.width
    excess = max(0.0, more / bottleneck.opened)
    return excess, ROUNDING * size / bottleneck.opened if excess > 0.0 else 0.0


def _groups(layers: Sequence[Layer], bottleneck: _Bottleneck) -> list[_Group]:
    """Layers that enter the equation alike, together."""
    found: dict[Hashable, _Group] = {}
    for law, width, count in layers:
        excess, error = _excess(width, law, bottleneck)
        key = (excess, law.shape)
        before = found[key].count if key in found else 0
        found[key] = _Group(gates=law, excess=excess, excess_error=error, count=count + before)
    return list(found.values())


def _reference(groups: Sequence[_Group]) -> _Group:
    """The group whose unknown is solved for: as narrow as the rank, with many gate values if it can be.

    If only the input is as narrow, a layer that does nothing takes the part.
    """
    tight = [group for group in groups if group.excess == 0.0]
    idle = _Group(gates=_OPEN, excess=0.0, excess_error=0.0, count=0)
    return min(tight, key=lambda group: group.is_plain) if tight else idle


def _log_scale(ens: Ensemble, layers: Sequence[Layer], rank: float, haar: bool) -> float:
    """sum of log(sigma_l^2 max k_l rank/n_{l-1}) (Haar: without the widths), rounded once.

    The rounding of one logarithm would count once a layer.
    """
    with decimal.localcontext(prec=40):
        terms = [2 * n * decimal.Decimal(sigma).ln() for sigma, n in Counter(ens.sigma_w).items()]
        for layer in layers:
            law = layer.gates
            largest = None if law.panels is not None else decimal.Decimal(float(law.values[-1]))
            exact = decimal.Decimal(law.log_largest) if largest is None else largest.ln()
            terms.append(layer.count * exact)
        if haar:
            # T_l = p_0 (u/zeta)/(1 + w), and 1 + w = p_0 (rho_0 + u)
            return float(sum(terms, decimal.Decimal(0)))
        for width, n in Counter(ens.widths[:-1]).items():
            terms.append(n * (decimal.Decimal(rank) / width).ln())
        return float(sum(terms, decimal.Decimal(0)))
