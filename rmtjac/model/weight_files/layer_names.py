"""Which tensors are the layers, by their names where these leave no doubt: fc1.weight, fc1.bias, fc2.weight, ..."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from rmtjac.model.weight_files.tensors import Tensor

__all__ = ["LayerNames", "ambiguity", "is_kernel", "layers_by_name"]

ROLE = r"(?P<role>weights?|kernel|w|bias(?:es)?|b)"
LEAVES = (
    re.compile(
        rf"(?P<stem>){ROLE}_?(?P<number>\d+)?(?::0)?", re.IGNORECASE
    ),  # weight, W1, biases_0, kernel:0
    re.compile(rf"(?P<stem>.+)_{ROLE}(?P<number>)(?::0)?", re.IGNORECASE),  # fc1_weight
)
NUMBERED = re.compile(r"(.*?)_?(\d+)?")
KERAS_VARIABLES: dict[tuple[str, ...], str] = {("vars", "0"): "kernel", ("vars", "1"): "bias"}


class LayerNames(NamedTuple):
    """The tensors of one layer; None for no bias."""

    weight: str
    bias: str | None = None


class _Place(NamedTuple):
    """Where a tensor belongs: the texts and the numbers of its layer's name, and whether it is the bias."""

    texts: tuple[str, ...]
    numbers: tuple[int, ...]
    is_bias: bool


def is_kernel(name: str) -> bool:
    """Whether a name is one of Keras or Flax, whose matrices are (in, out)."""
    parts = _parts(name)
    leaf = next((found for pattern in LEAVES if (found := pattern.fullmatch(parts[-1]))), None)
    return parts[-2:] == ["vars", "0"] or (leaf is not None and leaf["role"].lower() == "kernel")


def layers_by_name(tensors: Mapping[str, Tensor]) -> list[LayerNames]:
    """The layers in order; the names leave no doubt (`ambiguity`)."""
    weights, biases = _weights_and_biases(tensors)
    return [LayerNames(weights[place], biases.get(place)) for place in sorted(weights)]


def ambiguity(tensors: Mapping[str, Tensor]) -> str | None:
    """Why the names do not say which tensors are the layers; None if they do."""
    if not tensors:
        return "there are none"
    for name, tensor in tensors.items():
        place = _place(name)
        if place is None:
            return f"{name!r} is neither a weight nor a bias by its name"
        axes = 1 if place.is_bias else 2
        if len(tensor.shape) != axes:
            return f"{name!r} has shape {tensor.shape}, and a {'bias' if place.is_bias else 'weight'} has {axes} axes"
    places = [place for name in tensors if (place := _place(name)) is not None]
    if len({place.texts for place in places}) > 1:
        texts = sorted({"/".join(place.texts) for place in places})
        return f"layers that differ by more than a number have no order ({texts[0]!r}, {texts[1]!r})"
    if len(set(places)) < len(places):
        return "two tensors are the same part of the same layer"
    weights, biases = _weights_and_biases(tensors)
    alone = biases.keys() - weights.keys()
    return f"{biases[min(alone)]!r} is a bias without its weight" if alone else None


def _weights_and_biases(tensors: Mapping[str, Tensor]) -> tuple[dict[tuple[int, ...], str], ...]:
    """Names of the weights and of the biases by the numbers of their layer."""
    found: tuple[dict[tuple[int, ...], str], ...] = ({}, {})
    for name in tensors:
        place = _place(name)
        if place is not None:
            found[place.is_bias][place.numbers] = name
    return found


def _place(name: str) -> _Place | None:
    """None if the name does not say that it is a weight or a bias."""
    parts = _parts(name)
    number: tuple[int, ...] = ()
    if role := KERAS_VARIABLES.get(tuple(parts[-2:])):
        stem = parts[:-2]
    else:
        leaf = next((found for pattern in LEAVES if (found := pattern.fullmatch(parts[-1]))), None)
        if leaf is None:
            return None
        role = leaf["role"].lower()
        stem = parts[:-1] + ([leaf["stem"]] if leaf["stem"] else [])
        number = (int(leaf["number"]),) if leaf["number"] else ()
    # the first of Keras' layers has no number: dense, dense_1, dense_2
    numbered = [NUMBERED.fullmatch(part) for part in stem]
    texts = tuple(found[1] for found in numbered if found)
    numbers = tuple(int(found[2] or 0) for found in numbered if found)
    return _Place(texts, (*numbers, *(number or (0,))), role.startswith("b"))


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[./]", name) if part] or [name]
