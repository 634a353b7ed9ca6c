"""Files are written whole or not at all, and read back as they were."""

from __future__ import annotations

import numpy as np
import pytest

from rmtjac.storage import check_folder, load_arrays, save_arrays, write_whole


def test_arrays_and_metadata_come_back(tmp_path):
    arrays = {"a": np.arange(3.0), "b": np.zeros((2, 0), dtype=np.int64)}
    save_arrays(tmp_path / "x.npz", arrays, {"seed": 5})
    loaded, metadata = load_arrays(tmp_path / "x.npz")
    assert metadata == {"seed": 5}
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fail(stream):
        stream.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_whole(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"--out=.*does not exist"):
        check_folder(tmp_path / "no" / "x", "--out")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_a_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a result file"):
        load_arrays(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = save_arrays(tmp_path / "x.npz", {"a": np.arange(100.0)}, {})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="not a result file"):
        load_arrays(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        load_arrays(tmp_path / "x.npz")
