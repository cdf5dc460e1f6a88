"""Every notebook runs from top to bottom."""

import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(notebook):
    """The notebook's cells run without an error."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbmake", "-q", "-p", "no:cacheprovider", str(notebook)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=notebook.parent,
    )
    assert done.returncode == 0, done.stdout[-3000:]
