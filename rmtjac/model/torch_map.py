"""A module of PyTorch, with whatever layers, as a differentiable map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rmtjac.model.differentiable_map import DifferentiableMap

__all__ = ["torch_map"]


def torch_map(module: Any, input_shape: int | Sequence[int]) -> DifferentiableMap:
    """The map x -> module(x) of one input, flattened, with its Jacobian by torch.func.

    A copy of the module is taken, in double precision and in evaluation mode, so that normalisation uses its stored
    statistics and dropout does nothing; what is done to the module later changes nothing here.

    Parameters
    ----------
    module : torch.nn.Module
        That takes a batch (k, *input_shape) of inputs.
    input_shape : int or sequence of int
        Of one input, without the axis of the batch; n_0 is its product.

    Raises
    ------
    ValueError, TypeError
        If PyTorch is not installed, `module` is no module, or it does not take inputs of this shape.
    """
    try:
        import torch
    except ImportError:
        raise ValueError("torch_map needs the package torch: pip install 'rmtjac[nets]'") from None
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module={module!r}: allowed is a torch.nn.Module")
    import copy

    shape = tuple(np.atleast_1d(np.asarray(input_shape, dtype=int)).tolist())
    frozen = copy.deepcopy(module).to("cpu", torch.float64).eval().requires_grad_(False)

    def single(x: Any) -> Any:
        return frozen(x.reshape(1, *shape)).reshape(-1)

    n_in = int(np.prod(shape))
    try:
        with torch.no_grad():
            n_out = int(single(torch.zeros(n_in, dtype=torch.float64)).numel())
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"input_shape={input_shape!r}: the module does not take it ({reason})") from None
    differentiate = torch.func.jacrev if n_out <= n_in else torch.func.jacfwd
    jacobians = torch.func.vmap(differentiate(single))

    def value(x: Any) -> Any:
        with torch.no_grad():
            return torch.func.vmap(single)(torch.from_numpy(x)).numpy()

    def jacobian(x: Any) -> Any:
        return jacobians(torch.from_numpy(x)).detach().numpy()

    return DifferentiableMap(value, (n_in, n_out), jacobian=jacobian, batched=True)
