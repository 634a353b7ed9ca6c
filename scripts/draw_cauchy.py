"""Draw cauchy.svg of the README: Cauchy networks with their own gates, theory over samples, L = 1, 2, 5."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

import rmtjac as rj

DEPTHS = {1: "#0072B2", 2: "#009E73", 5: "#D55E00"}
WIDTH, REPLICATES, SEED = 500, 400, 5


def main() -> None:
    """P(s > x) on log-log axes, and the independent-gates law of one depth for contrast."""
    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    ax = figure.subplots()
    x = np.geomspace(1e-2, 1e2, 200)
    for depth, colour in DEPTHS.items():
        ens = rj.Ensemble(depth, WIDTH, "hard_tanh", weights="cauchy")
        sample = rj.sample_spectrum(ens, REPLICATES, SEED, inputs="stationary", accuracy="absolute")
        values = np.sort(sample.singular_values, axis=None)
        ax.plot(
            x[::5], 1.0 - np.searchsorted(values, x[::5]) / values.size, "o", ms=3.5, color=colour, mfc="none"
        )
        law = rj.spectral_law(ens, inputs="stationary").of("singular_values")
        ax.plot(x, law.sf(x), color=colour, lw=1.3, label=f"L = {depth}")
    law = rj.spectral_law(ens.with_depth(2), q="stationary", gates="independent").of("singular_values")
    ax.plot(x, law.sf(x), color="0.5", lw=1.0, ls="--", label="L = 2, independent gates")
    ax.set(xscale="log", yscale="log", xlabel="$x$", ylabel="$P(s > x)$", ylim=(1e-4, 1.0))
    ax.legend(frameon=False)
    figure.savefig("cauchy.svg")


if __name__ == "__main__":
    main()
