"""One direction of import, and packages that are complete."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "sim": {"sim"},
    "markets": {"sim", "markets"},
    "agents": {"sim", "markets", "agents"},
    "scenarios": {"sim", "markets", "agents", "scenarios"},
}
#: Third-party packages that only some places may import.
ONLY_IN = {
    "pyomo": ("markets/", "agents/hems.py", "agents/home_community.py", "agents/production.py"),
    "highspy": ("markets/", "agents/hems.py", "agents/home_community.py", "agents/production.py"),
    "mesa": ("agents/", "scenarios/"),
    "pyarrow": ("sim/results.py", "sim/arrow_tables.py", "scenarios/inputs.py"),
    **dict.fromkeys(("dask", "distributed", "dask_jobqueue"), ("scenarios/sweep_",)),
}
FILES = [path for folder in ALLOWED for path in sorted((ROOT / folder).rglob("*.py"))]


def imported(path):
    """Names of all modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_layers(path):
    """Each package imports only what lies below it, and heavy libraries only where they belong."""
    place = path.relative_to(ROOT).as_posix()
    for name in imported(path):
        head, *rest = name.split(".")
        if head == "gridagora":
            assert rest, f"{place} imports the face of the package"
            assert rest[0] in ALLOWED[place.split("/")[0]], f"{place} imports {name}"
        assert head not in ALLOWED, f"{place} imports {name}: write gridagora.{name}"
        if head in ONLY_IN:
            assert place.startswith(ONLY_IN[head]), f"{place} imports {name}"


def test_every_folder_is_packaged():
    """The list of packages in pyproject.toml is that of the folders with an __init__.py."""
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    found = {"gridagora"} | {
        "gridagora." + path.parent.relative_to(ROOT).as_posix().replace("/", ".")
        for folder in ALLOWED
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert listed == found


def test_no_second_copy_of_a_package(monkeypatch):
    """Importing a folder by its bare name is refused: its classes would exist twice."""
    monkeypatch.syspath_prepend(str(ROOT))
    for folder in ALLOWED:
        with pytest.raises(ImportError, match=f"import gridagora.{folder}, not {folder}"):
            __import__(folder)


def test_files_stay_small():
    """No file passes 400 lines, and none is called by a name that says nothing."""
    for path in FILES:
        assert len(path.read_text().splitlines()) <= 400, path
        assert path.stem not in {"utils", "common", "base", "core", "helpers", "manager"}, path
