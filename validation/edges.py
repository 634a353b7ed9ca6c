"""Top edge of identical square layers to any number of digits: reference values, independent of rmtjac.

On 0 < zeta < 1/max k the function log z of THEORY.md section 2 falls from infinity to its first critical point, which
is the top edge; without one it falls to the end of that interval. Haar layers with gates 0 and 1 have a closed form.
"""

from __future__ import annotations

import mpmath as mp

from validation.gate_transforms import finite_law, reference_transform
from validation.networks import Layer
from validation.smooth_gates import GATES

__all__ = ["top_edge"]

FARTHEST = 70  # zeta max k = 1 - e^-70 is 1 to 30 digits
DIGITS = 30


def largest_gate(activation: str) -> mp.mpf:
    """max k = max phi'(h)^2; softplus comes near to 1 and never attains it."""
    if activation not in GATES:
        return max(value for value, _ in finite_law(activation, 1.0))
    if activation == "gelu":
        h = mp.sqrt(2)
        return (mp.ncdf(h) + h * mp.npdf(h)) ** 2
    if activation == "silu":
        # phi'' = s (1 - s) (2 + h (1 - 2 s)), s = 1/(1 + e^-h)
        h = mp.findroot(lambda h: 2 - h * mp.tanh(h / 2), GATES["silu"].stationary[-1])
        s = 1 / (1 + mp.exp(-h))
        return (s * (1 + h * (1 - s))) ** 2
    return mp.mpf(1) / 16 if activation == "sigmoid" else mp.mpf(1)


def top_edge(layer: Layer, depth: int, haar: bool) -> mp.mpf:
    """Top edge of the continuous part, to some 25 digits; Haar layers of depth 1 have that of their gates."""
    with mp.workdps(2 * DIGITS + 40):
        largest = largest_gate(layer["activation"])
        scale = mp.mpf(layer["sigma_w"]) ** 2
        if haar and depth == 1:
            return scale * largest
        if haar and _is_zero_one(layer["activation"]):
            return _haar_zero_one(layer, depth)

        def at(y: mp.mpf) -> tuple[mp.mpf, mp.mpf]:
            """log z and d log z/d log zeta at zeta = (1 - e^-y)/max k."""
            zeta = -mp.expm1(-y) / largest
            t = reference_transform(layer["activation"], layer["q"], mp.mpc(zeta), DIGITS + 10)
            w, slope = t.m.real, t.slope.real
            if haar:
                value = (depth - 1) * mp.log(w / (1 + w))
                return depth * mp.log(scale / zeta) + value, (depth - 1) * slope / (w * (1 + w)) - depth
            value = mp.log(1 + w) + (depth - 1) * mp.log(w)
            return depth * mp.log(scale / zeta) + value, slope / (1 + w) + (depth - 1) * slope / w - depth

        low = mp.mpf("1e-3")
        while at(low)[1] > 0:
            low /= 4
        high = 2 * low
        while at(high)[1] < 0:
            low, high = high, 2 * high
            if high > FARTHEST:
                return mp.exp(at(mp.mpf(FARTHEST))[0])
        y = mp.findroot(
            lambda y: at(y)[1], (low, high), solver="ridder", tol=mp.mpf(10) ** -DIGITS, verify=False
        )
        return mp.exp(at(y)[0])


def _is_zero_one(activation: str) -> bool:
    return activation in ("relu", "hard_tanh")


def _haar_zero_one(layer: Layer, depth: int) -> mp.mpf:
    """Haar layers, gates 0 and 1: the top of the continuous part may lie below an atom. THEORY.md section 2."""
    ((_, p),) = finite_law(layer["activation"], layer["q"])
    shape = mp.mpf(depth) ** depth / mp.mpf(depth - 1) ** (depth - 1)
    return (1 - p) / p * shape * (mp.mpf(layer["sigma_w"]) ** 2 * p) ** depth
