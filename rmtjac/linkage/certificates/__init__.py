"""Certificates: Banach's theorem on a region, proven with all rounding enclosed, and files that others can re-check."""
