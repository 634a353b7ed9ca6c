"""Random streams: what a seed is, and that streams are functions of their address alone."""

import numpy as np
import pytest

from rmtjac.model.streams import Streams, entropy_of, stream


def test_integers_are_themselves():
    assert entropy_of(7) == 7
    assert entropy_of(np.int64(7)) == 7
    assert type(entropy_of(np.int64(7))) is int
    assert entropy_of(2**200) == 2**200
    assert entropy_of(np.random.SeedSequence(7)) == 7


def test_spawned_sequences_differ_from_their_parent():
    parent = np.random.SeedSequence(7)
    children = parent.spawn(2)
    assert len({entropy_of(s) for s in (parent, *children)}) == 3
    assert entropy_of(children[0]) == entropy_of(np.random.SeedSequence(7, spawn_key=(0,)))
    assert entropy_of(np.random.SeedSequence([1, 2])) == entropy_of(np.random.SeedSequence([1, 2]))


def test_generator_is_drawn_once():
    one, two = np.random.default_rng(3), np.random.default_rng(3)
    first = entropy_of(one)
    assert first == entropy_of(two)
    assert first != entropy_of(one)
    assert first < 2**128


def test_none_is_fresh():
    assert entropy_of(None) != entropy_of(None)


@pytest.mark.parametrize("wrong", [True, 1.0, "1", [1], np.True_])
def test_other_kinds_are_refused(wrong):
    with pytest.raises(TypeError, match="rng"):
        entropy_of(wrong)


def test_negative_is_refused():
    with pytest.raises(ValueError, match="rng=-1"):
        entropy_of(-1)


def test_streams_follow_the_design():
    """SeedSequence(entropy, spawn_key=(t, k, l, j)) with PCG64, written out."""
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence(5, spawn_key=(1, 2, 3, 4))))
    np.testing.assert_array_equal(stream(5, 1, 2, 3, 4).random(4), expected.random(4))
    np.testing.assert_array_equal(Streams(5, 1, 2)(3, 4).random(4), stream(5, 1, 2, 3, 4).random(4))


def test_addresses_have_streams_of_their_own():
    addresses = [(t, k, layer, j) for t in range(2) for k in range(3) for layer in range(3) for j in range(3)]
    assert len({float(stream(5, *address).random()) for address in addresses}) == len(addresses)
