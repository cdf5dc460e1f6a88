"""What ``gridagora doctor`` prints: whether the installation is whole."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*(?:;.*extra == [\"'](\w+)[\"'])?")


def diagnose() -> tuple[list[str], bool]:
    """Return what is installed, line by line, and whether everything that a run needs is there.

    Returns
    -------
    lines : list of str
        Versions, folder of compiled kernels, threads, extras.
    healthy : bool
        False if a core package is missing or the folder cannot be written.
    """
    from gridagora.sim.compiled import cache_folder

    core, extras = _requirements()
    lines = [f"gridagora {version('gridagora')}, Python {platform.python_version()}, {platform.platform()}"]
    missing = [name for name in core if _version(name) is None]
    lines += [f"  {name} {_version(name) or 'MISSING: pip install ' + name}" for name in core]
    try:
        lines.append(f"compiled kernels: {cache_folder()}")
        writable = True
    except OSError as error:
        lines.append(f"compiled kernels: {error}")
        writable = False
    lines.append(f"threads: {os.cpu_count()} processors")
    lines.append("extras (pip install 'gridagora[NAME]'):")
    for extra, names in extras.items():
        absent = [name for name in names if _version(name) is None]
        lines.append(f"  {extra}: " + (f"missing {', '.join(absent)}" if absent else "installed"))
    return lines, writable and not missing


def _requirements() -> tuple[list[str], dict[str, list[str]]]:
    core: list[str] = []
    extras: dict[str, list[str]] = {}
    for text in requires("gridagora") or []:
        match = _REQUIREMENT.match(text)
        if match:
            (extras.setdefault(match[2], []) if match[2] else core).append(match[1])
    return core, extras


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
