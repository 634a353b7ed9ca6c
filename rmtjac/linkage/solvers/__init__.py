"""Solvers of z = f(z): one loop, a method a module, and how the solution moves with parameters."""
