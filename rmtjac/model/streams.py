"""The random streams of the package: one generator for each task, replicate, layer and block.

A network is a function of its entropy (an integer) alone, whatever thread draws which part of it when.
Block j = 0 of layer l holds the bias, block j >= 1 the j-th `BLOCK_ROWS` rows of W^l; layer 0 is the input.
"""

from __future__ import annotations

import operator
import secrets
from dataclasses import dataclass

import numpy as np

__all__ = ["RandomSource", "Streams", "entropy_of", "stream"]

RandomSource = int | np.integer | np.random.SeedSequence | np.random.Generator | None
ENTROPY_BITS = 128


def entropy_of(rng: RandomSource) -> int:
    """The integer that stands for `rng`, to be recorded with every result.

    None takes fresh entropy from the system; an integer, or a SeedSequence made of one integer alone, is that
    integer; any other SeedSequence is hashed to 128 bits; a Generator gives 128 bits, drawn once.

    Raises
    ------
    TypeError, ValueError
        If `rng` is none of these, or a negative integer.
    """
    if rng is None:
        return secrets.randbits(ENTROPY_BITS)
    if isinstance(rng, np.random.Generator):
        return int.from_bytes(rng.bytes(ENTROPY_BITS // 8), "little")
    if isinstance(rng, np.random.SeedSequence):
        return _entropy_of_sequence(rng)
    if isinstance(rng, (bool, np.bool_)) or not isinstance(rng, (int, np.integer)):
        raise TypeError(f"rng={rng!r}: allowed are None, an integer >= 0, a SeedSequence or a Generator")
    if rng < 0:
        raise ValueError(f"rng={rng}: allowed are integers >= 0")
    return operator.index(rng)


def _entropy_of_sequence(sequence: np.random.SeedSequence) -> int:
    entropy = sequence.entropy
    if isinstance(entropy, int) and not sequence.spawn_key:
        return entropy
    words = sequence.generate_state(ENTROPY_BITS // 32)
    return int.from_bytes(words.astype("<u4").tobytes(), "little")


def stream(entropy: int, task: int, replicate: int, layer: int, block: int) -> np.random.Generator:
    """The generator of one block of one layer of one replicate of one task."""
    sequence = np.random.SeedSequence(entropy, spawn_key=(task, replicate, layer, block))
    return np.random.Generator(np.random.PCG64(sequence))


@dataclass(frozen=True)
class Streams:
    """The streams of one network, `streams(layer, block)`; the first network of a seed by default."""

    entropy: int
    task: int = 0
    replicate: int = 0

    def __call__(self, layer: int, block: int) -> np.random.Generator:
        return stream(self.entropy, self.task, self.replicate, layer, block)

    def reseed(self, generator: np.random.Generator, layer: int, block: int) -> None:
        """Make `generator`, of a PCG64, that of streams(layer, block): kernels take known generators faster."""
        generator.bit_generator.state = self(layer, block).bit_generator.state
