"""Checkpoints on the command line: options of ``gridagora run``, and what it says about them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

Checkpoint = Annotated[
    int | None,
    typer.Option(metavar="DAYS", min=1, help="Save the run each time so many days are simulated; see --resume."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on from the folder's last checkpoint; begin anew if it has none.")
]


class _Echo(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        typer.echo(record.getMessage(), err=True)


@contextmanager
def told() -> Iterator[None]:
    """Say on the terminal from which day a run goes on, or why it begins anew."""
    log, echo = logging.getLogger("gridagora.scenarios.checkpoint"), _Echo()
    level, passed_on = log.level, log.propagate
    log.addHandler(echo)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(echo)
        log.setLevel(level)
        log.propagate = passed_on


def hint(folder: Path) -> str:
    """Return how a run that was stopped goes on, or nothing where it has no checkpoint."""
    from gridagora.sim.run_folder import checkpoints

    found = checkpoints(folder)
    return f"; go on from {found[0].name} with --resume" if found else ""
