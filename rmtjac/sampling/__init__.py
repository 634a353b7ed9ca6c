"""The spectrum of networks of finite width, by Monte Carlo of the real forward pass."""
