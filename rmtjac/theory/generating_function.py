"""The moment generating function of a layer's gates, on complex arrays."""

from __future__ import annotations

import cmath
from typing import Any

import numpy as np
import numpy.typing as npt

from rmtjac.jit import kernel
from rmtjac.model.activations import Activation
from rmtjac.model.activations import activation as activation_of
from rmtjac.model.gates import GateLaw
from rmtjac.theory.gate_averages import ON_CUT, gate_terms
from rmtjac.theory.gate_tables import GateTables, gate_tables

__all__ = ["GateTransform", "generating_function"]

Complexes = npt.NDArray[np.complex128]

END_ROUNDING = 1e-14  # so close to the end of the cut 1 - zeta max k is rounding


def generating_function(activation: str | Activation, q: float, zeta: npt.ArrayLike) -> Any:
    """m_K(zeta) = E[zeta k/(1 - zeta k)] = sum of mu_n zeta^n, with the gates k = phi'(h)^2, h ~ N(0, q).

    Parameters
    ----------
    activation : str or Activation
        As in `Ensemble`.
    q : float
        Variance of the pre-activation h, >= 0.
    zeta : complex, any shape
        Conjugate symmetric. On the cut [1/max k, inf) the limit from below, where the zeta of the functional
        equation lie for Im z > 0; infinite at a pole, and at 1/max k where phi' attains its largest value.

    Returns
    -------
    complex, in the shape of `zeta`

    Raises
    ------
    ValueError, TypeError
        If the activation is unknown, or q is not a number >= 0.

    Notes
    -----
    Relative error some 1e-13 off the cut, and where zeta moved by its rounding would make no more difference.
    Source: paper, what its (24) lists (called m_M there), and (18); THEORY.md section 2, "m_K".
    """
    values = np.asarray(zeta, dtype=np.complex128)
    law = activation_of(activation).gate_law(q)
    flat = values.ravel()
    transform = GateTransform(law)(flat)
    transform[np.isinf(flat)] = -law.open
    transform[_is_pole(law, flat)] = np.inf
    return transform.reshape(values.shape)[()]


def _is_pole(law: GateLaw, zeta: Complexes) -> npt.NDArray[np.bool_]:
    """Whether m_K(zeta) is infinite: at 1/k of an atom, and at the end of the cut if phi' attains its largest value."""
    with np.errstate(all="ignore"):
        pole = (zeta[:, None] * law.values == 1.0).any(axis=1)
        if law.panels is not None and np.isfinite(law.panels.turn[0]):
            pole |= np.abs(zeta * np.exp(law.log_largest) - 1.0) <= END_ROUNDING
    return np.asarray(pole)


class GateTransform:
    """m_K of one law of gates, as a function of complex arrays (n,).

    Parameters
    ----------
    law : GateLaw
    """

    def __init__(self, law: GateLaw) -> None:
        self._law = law
        self._tables = None if law.panels is None else gate_tables([law])

    def __call__(self, zeta: Complexes) -> Complexes:
        """m_K(zeta) at finite zeta, as `generating_function` says."""
        with np.errstate(all="ignore"):
            return self._of_atoms(zeta) if self._tables is None else self._of_panels(self._tables, zeta)

    def _of_atoms(self, zeta: Complexes) -> Complexes:
        """The closed form p zeta k/(1 - zeta k), summed over the gates."""
        total = np.zeros(zeta.shape, dtype=np.complex128)
        for k, mass in zip(self._law.values, self._law.masses, strict=True):
            x = zeta * k
            total += mass * x / (1.0 - x)
        return total

    def _of_panels(self, tables: GateTables, zeta: Complexes) -> Complexes:
        """Through the averages that the functional equation uses, which are those of the lower half plane."""
        height = np.log(np.abs(zeta)) + self._law.log_largest
        # arg(-zeta), with its digits beside the negative axis
        angle = np.minimum(np.arctan2(np.abs(zeta.imag), -zeta.real), ON_CUT)
        values = self._law.open * _transforms(tables, height + 1j * angle)
        values.imag[(zeta.imag == 0.0) & (height < 0.0)] = 0.0
        values[zeta == 0.0] = 0.0
        return np.where(zeta.imag > 0.0, values.conj(), values)


@kernel
def _transforms(t: GateTables, eta: Complexes) -> Complexes:
    """E[zeta k/(1 - zeta k)] given that the gate is open, at every zeta = -e^eta."""
    out = np.empty(eta.size, dtype=np.complex128)
    for i in range(eta.size):
        terms = gate_terms(t, 0, eta[i])
        # for zeta k near infinity the factors themselves would over- and underflow
        out[i] = -cmath.exp(eta[i] + terms.reach) * terms.ratio
    return out
