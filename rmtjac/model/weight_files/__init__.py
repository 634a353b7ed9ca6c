"""Weights that other programs wrote: which tensors a file has, and their values, without running anything in it."""
