"""Claims of the sources, and targets of the package, measured: `python -m validation`."""
