"""The limiting spectrum at infinite width."""
