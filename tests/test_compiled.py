"""The door to numba: cache folder, decorator, threads."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import pytest

from gridagora.markets import price_grid
from gridagora.sim import compiled


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Return a source tree: `agents.a` imports `markets.b` and `markets.deep`, which imports `sim.c`."""
    sources = {
        "agents/a.py": "from gridagora.markets import (\n    b,\n    deep,\n)\n",
        "markets/b.py": "x = 1\n",
        "markets/deep/__init__.py": "    from gridagora.sim.c import x\n",
        "sim/c.py": "from gridagora.agents.a import x\n",
        "sim/apart.py": "x = 1\n",
    }
    for name, text in sources.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "sim" / "compiled.py"))
    compiled._imported.cache_clear()
    return tmp_path


def test_hash_is_sixteen_hexadecimal_digits_and_repeats(tree):
    """The same sources have the same hash, also where modules import each other in a circle."""
    first = compiled.sources_hash(tree / "agents" / "a.py")
    assert len(first) == 16
    assert int(first, 16) >= 0
    assert compiled.sources_hash(tree / "agents" / "a.py") == first


@pytest.mark.parametrize("name", ["agents/a.py", "markets/b.py", "markets/deep/__init__.py", "sim/c.py"])
def test_an_edit_in_any_imported_file_changes_the_hash(tree, name):
    """A kernel may call code of any module that its own imports, directly or not, so an edit there must count."""
    before = compiled.sources_hash(tree / "agents" / "a.py")
    (tree / name).write_text((tree / name).read_text() + "y = 2\n")
    assert compiled.sources_hash(tree / "agents" / "a.py") != before


def test_an_edit_elsewhere_keeps_the_compiled_kernels(tree):
    """A module that is not imported, or that imports the kernel's, does not count."""
    before = compiled.sources_hash(tree / "markets" / "b.py")
    (tree / "sim" / "apart.py").write_text("x = 2\n")
    (tree / "agents" / "a.py").write_text("")
    assert compiled.sources_hash(tree / "markets" / "b.py") == before


def test_a_renamed_file_changes_the_hash(tree):
    """The hash covers names and contents."""
    before = compiled.sources_hash(tree / "markets" / "b.py")
    (tree / "markets" / "b.py").rename(tree / "markets" / "d.py")
    assert compiled.sources_hash(tree / "markets" / "d.py") != before


def test_the_cache_folder_follows_the_environment(tree, tmp_path, monkeypatch):
    """NUMBA_CACHE_DIR comes before XDG_CACHE_HOME, and the folder exists after the call."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "chosen"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    folder = compiled.cache_folder()
    assert folder == tmp_path / "chosen" / "gridagora" / "kernels"
    assert folder.is_dir()
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert compiled.cache_folder() == tmp_path / "other" / "gridagora" / "kernels"


def test_cache_folder_without_settings_lies_in_the_home_folder(tree, tmp_path, monkeypatch):
    """Without either variable it is ~/.cache/gridagora."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", staticmethod(lambda: tmp_path / "me"))
    assert compiled.cache_folder().parent == tmp_path / "me" / ".cache" / "gridagora"


def test_where_the_cache_cannot_be_made_the_temporary_folder_serves(tree, tmp_path, monkeypatch):
    """A file where the folder should be stops the first choice, not the program."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert compiled.cache_folder().parent == tmp_path / "temporary" / "gridagora"


def test_a_folder_that_cannot_be_written_is_passed_over(tree, tmp_path, monkeypatch):
    """Existing is not enough: the second folder is taken where only it can be written."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "read_only"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr(compiled.os, "access", lambda path, mode: "temporary" in Path(path).parts)
    assert compiled.cache_folder().parent == tmp_path / "temporary" / "gridagora"


def test_without_any_folder_the_remedy_is_named(tree, tmp_path, monkeypatch):
    """If neither folder can be made the error says what was tried and what to set."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(OSError, match="set NUMBA_CACHE_DIR to a writable folder") as caught:
        compiled.cache_folder()
    assert str(tmp_path / "file") in str(caught.value)


@pytest.mark.parametrize("parallel", [False, True])
def test_a_kernel_computes_what_the_function_says(parallel):
    """Compiled or not, on one thread or several, the half of 3 + 4 is 3.5."""

    @compiled.kernel(inline=True, parallel=parallel)
    def add_up(values, divisor):
        total = 0.0
        for i in numba.prange(values.size):
            total += values[i]
        return total / divisor

    assert add_up(np.array([3.0, 4.0]), 2.0) == 3.5


@pytest.mark.compiled
def test_one_thread_has_a_kernel_of_its_own(monkeypatch):
    """What is called depends on the threads in use: one takes the version without a pool, two the other."""
    called = []
    call = compiled._by_threads(lambda x: called.append(("alone", x)), lambda x: called.append(("together", x)))
    call(1)
    with monkeypatch.context() as patch:
        patch.setattr(compiled._use, "threads", 2)
        call(2)
    call(3)
    assert called == [("alone", 1), ("together", 2), ("alone", 3)]


class Pair(NamedTuple):
    """Two columns."""

    a: np.ndarray
    b: np.ndarray


@pytest.mark.compiled
@pytest.mark.parametrize("threads", [1, 2])
def test_named_tuples_arrive_as_plain_ones(monkeypatch, threads):
    """Of (1, 2) and (3, 4) as a named tuple, a kernel that takes plain tuples gets one, and names it again: 1 + 4."""
    got = []
    call = compiled._by_threads(got.append, got.append, plain=True)
    monkeypatch.setattr(compiled._use, "threads", threads)
    call(Pair(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    assert type(got[0]) is tuple

    @compiled.kernel(inline=True, parallel=True, plain=True)
    def ends(pair):
        pair = Pair(*pair)
        total = 0.0
        for i in numba.prange(1):
            total += pair.a[i] + pair.b[i + 1]
        return total

    monkeypatch.setattr(compiled._use, "threads", 1)
    assert ends(Pair(np.array([1.0, 2.0]), np.array([3.0, 4.0]))) == 5.0


@pytest.mark.compiled
def test_division_by_zero_follows_numpy():
    """Compiled kernels give infinity where numpy does, they do not raise."""

    @compiled.kernel(inline=True)
    def ratio(a, b):
        return a / b

    assert ratio(1.0, 0.0) == float("inf")


@pytest.mark.compiled
def test_kernels_are_kept_in_the_folder_of_their_sources():
    """Numba writes to the folder that carries the hash of the kernel's module, not beside the sources."""
    expected = compiled.cache_folder() / compiled.sources_hash(Path(price_grid.__file__).resolve())
    assert Path(price_grid._cross_ticks._cache.cache_path).is_relative_to(expected)


@pytest.mark.parametrize("threads", [0, -1, numba.config.NUMBA_NUM_THREADS + 1])
def test_threads_that_the_machine_lacks_are_refused(threads):
    """The message names what was given and what is allowed."""
    most = numba.config.NUMBA_NUM_THREADS
    with pytest.raises(ValueError, match=f"^threads: given {threads}; allowed 1 to {most} on this machine; lower"):
        compiled.use_threads(threads)


def test_one_thread_is_always_allowed():
    """A single thread is within every machine's range and leaves nothing behind."""
    assert compiled.use_threads(1) is None


@pytest.mark.compiled
def test_threads_are_set():
    """Numba runs on as many threads as the machine has when they are asked for."""
    most = numba.config.NUMBA_NUM_THREADS
    try:
        compiled.use_threads(most)
        assert numba.get_num_threads() == most
    finally:
        compiled.use_threads(1)
