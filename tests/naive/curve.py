"""What the traced curve speeds up: one continuation from far out for every point."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np

from naive.continuation import follow_root


def densities(naive, t):
    """-Im(u)/pi at scaled t inside the support: density of log lambda of the non-zero eigenvalues."""
    return np.array([-float(naive.u(follow_root(naive, mp.mpf(x), 120)).imag) / math.pi for x in t])
