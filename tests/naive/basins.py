"""The source's scheme (7)-(9) as a loop over all grid points at once: the slow twin of rule="paper"."""

import numpy as np


def paper_grid(step=0.05):
    side = -1.0 + step * np.arange(int(2.0 / step + 1e-9) + 1)
    return np.stack(np.meshgrid(side, side), axis=-1)


def paper_basins(net, starts, eps=1e-5, n0=50):
    """Labels and points: all starts go on until all have stopped or m = n0 - 1; the end of a start is its x^m."""
    x = starts.reshape(-1, starts.shape[-1]).copy()
    ends = np.full(x.shape, np.nan)
    open_ = np.ones(len(x), dtype=bool)
    for _ in range(1, n0):
        y = net(x)
        stops = open_ & (np.linalg.norm(y - x, axis=1) < eps)
        ends[stops] = x[stops]
        open_ &= ~stops
        if not open_.any():
            break
        x = y
    labels, points = listed(ends, 10 * eps)
    return labels.reshape(starts.shape[:-1]), points


def listed(ends, radius):
    """One entry of a list for each end that is near none before it; nan is no end."""
    labels, points = np.full(len(ends), -1), []
    for i, end in enumerate(ends):
        if np.isnan(end).any():
            continue
        for k, point in enumerate(points):
            if np.linalg.norm(point - end) < radius:
                labels[i] = k + 1
                break
        else:
            points.append(end)
            labels[i] = len(points)
    return labels, np.array(points).reshape(-1, ends.shape[1])


def mean_box_entropy(labels, box):
    """Mean Gibbs entropy of the labels in boxes of starts, and over the boxes of two labels or more."""
    entropies = []
    for i in range(0, labels.shape[0] - box + 1, box):
        for j in range(0, labels.shape[1] - box + 1, box):
            _, counts = np.unique(labels[i : i + box, j : j + box], return_counts=True)
            p = counts / counts.sum()
            entropies.append(-(p * np.log(p)).sum())
    mixed = [s for s in entropies if s > 0]
    return np.mean(entropies), np.mean(mixed) if mixed else 0.0
