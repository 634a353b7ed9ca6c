"""The compile cache is ours alone, and a change of any source leaves it behind."""

from __future__ import annotations

import subprocess
import sys

from numba.core import config

from rmtjac.jit import cache_folder


def folder_in_a_new_process(home, **environment):
    code = "from rmtjac.jit import cache_folder; print(cache_folder())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"HOME": str(home), **environment},
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_kernels_of_other_packages_keep_their_cache_folder():
    before = config.CACHE_DIR
    import rmtjac.theory.curve  # noqa: F401

    assert before == config.CACHE_DIR
    assert cache_folder().is_dir()


def test_the_folder_is_under_the_home_or_what_the_user_says(tmp_path):
    assert folder_in_a_new_process(tmp_path).startswith(str(tmp_path / ".cache" / "rmtjac"))
    assert folder_in_a_new_process(tmp_path, XDG_CACHE_HOME=str(tmp_path / "x")).startswith(
        str(tmp_path / "x")
    )


def test_a_home_that_cannot_be_written_is_no_obstacle(tmp_path):
    folder = folder_in_a_new_process("/proc/nowhere")
    assert folder
    assert not folder.startswith("/proc")


def test_the_name_follows_the_sources(tmp_path):
    import shutil
    from pathlib import Path

    import rmtjac

    copy = tmp_path / "rmtjac"
    shutil.copytree(Path(rmtjac.__file__).parent, copy)
    first = folder_in_a_new_process(tmp_path, PYTHONPATH=str(tmp_path))
    with (copy / "theory" / "support.py").open("a") as file:
        file.write("\n# changed\n")
    assert folder_in_a_new_process(tmp_path, PYTHONPATH=str(tmp_path)) != first
