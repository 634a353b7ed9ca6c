"""The journal: what was written is found again, whatever happened to the rest of the file."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from rmtjac.runs.journal import Journal, read_identity, read_results

IDENTITY = {"program": "test", "entropy": "7", "sample": {"sigma_w": [1.0], "gates": "network"}}


def replicate(k):
    rng = np.random.default_rng(k)
    return {
        "values": rng.standard_normal(5),
        "rank": np.array(k),
        "none": np.empty((0, 3)),
        "ok": np.array([True]),
    }


def assert_same(found, numbers):
    assert sorted(found) == sorted(numbers)
    for k, arrays in found.items():
        for name, array in replicate(k).items():
            assert arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(arrays[name], array, strict=True)


def written(path, numbers):
    """Where each frame of a new journal ends, the head's first."""
    ends = []
    with Journal(path, IDENTITY) as journal:
        ends.append(path.stat().st_size)
        for k in numbers:
            journal.append(k, replicate(k))
            ends.append(path.stat().st_size)
    return ends


def test_what_was_appended_is_found(tmp_path):
    path = tmp_path / "j"
    written(path, [3, 0, 2**40])
    with Journal(path, IDENTITY) as journal:
        assert_same(journal.results, [3, 0, 2**40])
        journal.append(1, replicate(1))
    assert_same(read_results(path, IDENTITY), [3, 0, 2**40, 1])
    assert read_identity(path) == IDENTITY


@settings(deadline=None, max_examples=40)
@given(
    arrays_of.arrays(
        st.sampled_from([np.float64, np.int64, np.bool_, np.complex128, np.float32]),
        arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0),
    )
)
def test_any_array_comes_back(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("journal") / "j"
    with Journal(path, IDENTITY) as journal:
        journal.append(0, {"a": array, "transposed": array.T})
    found = read_results(path, IDENTITY)[0]
    np.testing.assert_array_equal(found["a"], array, strict=True)
    np.testing.assert_array_equal(found["transposed"], array.T, strict=True)


def test_truncated_at_every_byte(tmp_path):
    path = tmp_path / "j"
    ends = written(path, range(4))
    whole = path.read_bytes()
    for size in range(ends[1], len(whole)):
        path.write_bytes(whole[:size])
        intact = sum(end <= size for end in ends) - 1
        with Journal(path, IDENTITY) as journal:
            assert_same(journal.results, range(intact))
            assert path.stat().st_size == ends[intact]  # the torn tail is gone
            for k in range(intact, 4):
                journal.append(k, replicate(k))
        assert path.read_bytes() == whole


def test_flipped_bits_cost_the_frames_they_hit(tmp_path):
    path = tmp_path / "j"
    ends = written(path, range(3))
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 7):  # 7 has no factor with 8: every position within a byte
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        hit = next(frame for frame, end in enumerate(ends) if bit // 8 < end) - 1
        with Journal(path, IDENTITY) as journal:
            assert_same(journal.results, set(range(3)) - {hit})
            if hit >= 0:
                journal.append(hit, replicate(hit))
        assert_same(read_results(path, IDENTITY), range(3))
        assert read_identity(path) == IDENTITY  # a damaged head is written anew


def test_damage_is_seen_at_all(tmp_path):
    """Negative control: without its check sum a frame of flipped bits would pass."""
    path = tmp_path / "j"
    written(path, [0])
    damaged = bytearray(path.read_bytes())
    damaged[-9] ^= 16
    path.write_bytes(damaged)
    with pytest.raises(AssertionError):
        assert_same(read_results(path, IDENTITY), [0])


def test_another_run_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "j"
    written(path, [0])
    before = path.read_bytes()
    other = {**IDENTITY, "sample": {"sigma_w": [1.1], "gates": "network"}}
    with pytest.raises(ValueError, match=r"sample sigma_w \[1.0\] and not \[1.1\]"):
        Journal(path, other)
    with pytest.raises(ValueError, match="another run"):
        read_results(path, other)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"x", b"PK\x03\x04" + bytes(500), b"\x93rmtjac\n", b"\x93rmtjac\n" * 40])
def test_a_foreign_file_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "j"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no journal"):
        Journal(path, IDENTITY)
    with pytest.raises(ValueError, match="no journal"):
        read_identity(path)
    assert path.read_bytes() == content


def test_an_empty_file_is_a_new_journal(tmp_path):
    path = tmp_path / "j"
    path.touch()
    written(path, [0])
    assert_same(read_results(path, IDENTITY), [0])


def test_files_that_cannot_be_used(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        Journal(tmp_path / "no" / "j", IDENTITY)
    with pytest.raises(ValueError, match="cannot be written"):
        Journal(tmp_path, IDENTITY)
    with pytest.raises(ValueError, match="cannot be read"):
        read_identity(tmp_path / "j")
    with pytest.raises(ValueError, match="cannot be read"):
        read_results(tmp_path / "j", IDENTITY)


def test_a_journal_is_one_process_own(tmp_path):
    path = tmp_path / "j"
    code = f"from rmtjac.runs.journal import Journal; Journal({str(path)!r}, {IDENTITY!r})"
    with Journal(path, IDENTITY):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "in use by another process" in done.stderr
    with Journal(path, IDENTITY):
        pass


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_an_error_with_its_file(tmp_path):
    path = tmp_path / "j"
    with Journal(path, IDENTITY) as journal:
        journal.append(0, replicate(0))
        own = journal._file
        with open("/dev/full", "wb", buffering=0) as full:
            journal._file = full
            with pytest.raises(OSError, match="No space left"):
                journal.append(1, replicate(1))
        journal._file = own
        assert sorted(journal.results) == [0]
    assert_same(read_results(path, IDENTITY), [0])
