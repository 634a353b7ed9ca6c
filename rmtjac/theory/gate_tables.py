"""The gate laws of a network's groups as the arrays that compiled averages read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rmtjac.model.gate_panels import ORDER, PLAIN, Panels, no_panels
from rmtjac.model.gates import GateLaw

__all__ = ["GateTables", "gate_tables"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TOUCHING = 1e-12  # of the ends of neighbouring panels

# one row a panel: rmtjac.model.gate_panels.Panels, and sums over rows
PANEL = np.dtype(
    [
        ("kind", np.int64),
        ("left", np.int64),  # the panel that ends where this one begins; -1 if there is none
        ("center", np.float64),
        ("half", np.float64),
        ("log_top", np.float64),
        ("spread", np.float64),
        ("turn", np.float64),
        ("turn_value", np.float64),
        ("turn_bend", np.float64),
        ("density", np.float64),  # what makes e^(-x^2/2) the weight of dy
        ("floor", np.float64),  # smallest log_bottom of this and all earlier panels of the group
        ("log_inverse_upto", np.float64),  # log of the part of E 1/k of this and all earlier panels
        ("mass_after", np.float64),  # mass of this and all later panels
        ("mean_after", np.float64),  # their part of E k
    ]
)


class GateTables(NamedTuple):
    """The gate laws of G groups of layers, given that the gate is open, one after the other; largest gate 1.

    Attributes
    ----------
    first_atom, first_panel : int arrays (G + 1,)
        Group g has the atoms first_atom[g] .. first_atom[g + 1] - 1, and panels likewise.
    values, log_gates, masses : arrays (atoms,)
        k, log k and probability, largest gate first.
    mean : array (G,)
        E k.
    panels : array (P,) of PANEL
        Sorted by log_top, descending, within each group.
    series : array (P, ORDER)
    gate, weight : arrays (P, 2 ORDER + 1)
        As in rmtjac.model.gate_panels.Panels.
    """

    first_atom: Integers
    first_panel: Integers
    values: Floats
    log_gates: Floats
    masses: Floats
    mean: Floats
    panels: Any
    series: Floats
    gate: Floats
    weight: Floats


def gate_tables(laws: Sequence[GateLaw]) -> GateTables:
    """The tables of gate laws that are open with positive probability."""
    parts = [_table(law) for law in laws]
    first = 0
    for part in parts:
        part["panels"]["left"] += np.where(part["panels"]["left"] >= 0, first, 0)
        first += part["panels"].size
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    # interpreted, only records of a recarray have attributes
    columns["panels"] = columns["panels"].view(np.recarray)
    return GateTables(
        first_atom=np.cumsum([0, *(part["masses"].size for part in parts)]),
        first_panel=np.cumsum([0, *(part["panels"].size for part in parts)]),
        **columns,
    )


def _to_the_left(panels: Panels) -> Integers:
    """The panel at the left end of each; -1 if there is none."""
    begin, end = panels.center - panels.half, panels.center + panels.half
    left = np.full(begin.size, -1)
    if begin.size:
        nearest = np.abs(begin[:, None] - end).argmin(axis=1)
        touching = np.abs(begin - end[nearest]) <= TOUCHING * (1.0 + np.abs(begin))
        left[touching & (panels.kind[nearest] != PLAIN)] = nearest[touching & (panels.kind[nearest] != PLAIN)]
    return left


def _table(law: GateLaw) -> dict[str, npt.NDArray[Any]]:
    """The columns of one law."""
    top = law.log_largest
    panels = law.panels if law.panels is not None else no_panels()
    opened = float(law.masses.sum()) if law.panels is None else law.open
    weight = panels.weight / opened
    values = (law.values / law.values[-1] if law.panels is None else law.values * math.exp(-top))[::-1]
    return {
        "values": values,
        "log_gates": np.log(values),
        "masses": (law.masses / opened)[::-1],
        "mean": np.array([law.moment(1) / opened * math.exp(-top)]),
        "panels": _records(panels, weight[:, :ORDER], top, opened),
        "series": panels.series,
        "gate": panels.gate,
        "weight": weight,
    }


def _records(panels: Panels, weight: Floats, top: float, opened: float) -> npt.NDArray[Any]:
    """The rows of PANEL."""
    records = np.zeros(panels.center.size, dtype=PANEL)
    for name in ("kind", "center", "half", "spread", "turn", "turn_value", "turn_bend"):
        records[name] = getattr(panels, name)
    records["left"] = _to_the_left(panels)
    records["log_top"] = panels.log_top - top
    records["density"] = panels.half * (panels.fold / math.sqrt(2.0 * math.pi) / opened)
    records["floor"] = np.minimum.accumulate(panels.log_bottom - top)
    gate = panels.gate[:, :ORDER]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        inverse = np.log((weight / gate).sum(axis=1)) - records["log_top"]
    records["log_inverse_upto"] = np.logaddexp.accumulate(inverse)
    records["mass_after"] = np.cumsum(weight.sum(axis=1)[::-1])[::-1]
    mean = (weight * gate).sum(axis=1) * np.exp(records["log_top"])
    records["mean_after"] = np.cumsum(mean[::-1])[::-1]
    return records
