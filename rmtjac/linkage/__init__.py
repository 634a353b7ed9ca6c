"""What the spectrum means for the map: norms, contraction, fixed points, basins of attraction, their census."""
