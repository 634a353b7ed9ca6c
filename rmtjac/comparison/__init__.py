"""Law against sample: the only place where theory and sampling meet."""
