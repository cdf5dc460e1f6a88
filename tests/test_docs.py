"""What the documentation shows holds: code runs, command lines and options exist, scenarios validate, links lead on.

How the fenced blocks of a page are read, from top to bottom, in one temporary folder a page:

* ``python`` runs, in one namespace a page;
* ``console`` runs line by line in a shell; what is not run stands in `ELSEWHERE` with the reason;
* ``yaml`` is a whole scenario, a sweep or the mapping of an own file, and validates;
* ``text`` and the other languages of `SHOWN` are only shown;
* after "Save as `NAME`" and a colon a block becomes that file, and Python runs by a later command only.
"""

import doctest
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
import typer
import yaml

import gridagora as ga
from gridagora.scenarios.cli import app
from gridagora.scenarios.own_data import DataFile
from gridagora.scenarios.schema import ScenarioModel
from gridagora.scenarios.sweep import make_plan
from gridagora.scenarios.sweep_file import load_sweep

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SHOWN = {"text", "csv", "json", "mermaid", "math", "bibtex"}
#: Beginnings of lines that are not run here, and why.
ELSEWHERE = {
    "make ": "makes an environment and installs the package; continuous integration runs these",
    "pip install": "installs",
    "python -m pip": "installs",
    "git ": "needs the network",
    "gridagora dashboard": "a server that runs until it is stopped",
}
#: Commands that simulate: pages that show them are slow.
HEAVY = re.compile(r"^\$? ?(python |gridagora (run|report|compare|sweep|sensitivity))", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: where it is, its language and text, and the file that it becomes."""

    place: str
    language: str
    text: str
    file: str | None


def blocks(page):
    """Return the fenced blocks of a page."""
    found, lines = [], page.read_text(encoding="utf-8").split("\n")
    numbers = iter(range(len(lines)))
    for number in numbers:
        fence = re.match(r"( *)```+(\w*)", lines[number])
        if not fence:
            continue
        inner = []
        for row in numbers:
            if lines[row].strip().startswith("```"):
                break
            inner.append(lines[row][len(fence[1]) :])
        before = " ".join(lines[max(0, number - 5) : number]).strip()
        saved = re.search(r"[Ss]ave (?:\w+ )?as `([\w./-]+)`[^`.]*:$", before)
        place = f"{page.relative_to(ROOT)}:{number + 1}"
        found.append(Block(place, fence[2], "\n".join(inner) + "\n", saved and saved[1]))
    return found


def lines_to_run(block):
    """Return the lines of a console block that are run here; where some have a prompt, the others are output."""
    lines = block.text.replace("\\\n", " ").splitlines()
    prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    return [line for line in prompted or lines if line.strip() and not line.startswith(("#", *ELSEWHERE))]


def street():
    """Write meters/street.csv, a year of two houses."""
    Path("meters").mkdir()
    times = pd.date_range("2016-01-01", "2017-01-01", freq="15min", inclusive="left", tz="Europe/Berlin")
    stamps = times.strftime("%Y-%m-%d %H:%M")  # as its clocks showed it: an hour missing in March, one twice in October
    load = 0.3 + 0.2 * np.sin(np.arange(len(stamps)) * np.pi / 48)
    pd.DataFrame({"time": stamps, "house_1": load, "house_7": load / 2}).to_csv("meters/street.csv", index=False)


#: What the reader of a page has already.
BROUGHT = {"own_data.md": street}


def run_python(block, module):
    """Run a block in the namespace of its page, from a file: who asks for the source finds it; compare sessions."""
    if ">>> " in block.text:
        session = doctest.DocTestParser().get_doctest(block.text, module.__dict__, block.place, block.place, 0)
        report = []
        result = doctest.DocTestRunner(verbose=False).run(session, out=report.append, clear_globs=False)
        assert result.failed == 0, "".join(report)
        module.__dict__.update(session.globs)
        return
    file = Path(f"block_{block.place.rpartition(':')[2]}.py").resolve()
    file.write_text(block.text, encoding="utf-8")
    exec(compile(block.text, file, "exec"), module.__dict__)


def run_console(block):
    """Run the lines of a console block with the command of this environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for line in lines_to_run(block):
        assert line.startswith(("gridagora ", "python ")), (
            f"{block.place}: {line!r}: say in ELSEWHERE why it is not run"
        )
        done = subprocess.run(
            line, shell=True, capture_output=True, text=True, timeout=300, check=False, env=os.environ | {"PATH": path}
        )
        assert done.returncode == 0, f"{block.place}: {line}: code {done.returncode}\n{done.stderr[-2000:]}"


def check_yaml(block):
    """Load a scenario, or validate the mapping of an own file."""
    tree = yaml.safe_load(block.text)
    if set(tree) <= {"base", *ScenarioModel.model_fields}:
        file = Path(block.file or "block.yaml")
        file.write_text(block.text, encoding="utf-8")
        ga.load(file)
    elif "factors" in tree:
        file = Path(block.file or "block.yaml")
        file.write_text(block.text, encoding="utf-8")
        make_plan(load_sweep(file))
    elif {"path", "kind"} <= set(tree):
        DataFile.model_validate(tree)
    else:
        pytest.fail(f"{block.place}: neither a whole scenario, a sweep nor a file's mapping; give it the language text")


def act(block, module):
    """Save, run or check a block."""
    if block.file:
        Path(block.file).parent.mkdir(parents=True, exist_ok=True)
        Path(block.file).write_text(block.text, encoding="utf-8")
    if block.language == "yaml":
        check_yaml(block)
    elif block.language == "console":
        run_console(block)
    elif block.language == "python" and not block.file:
        run_python(block, module)


def marks(page):
    """Pages that simulate from the command line are slow, others that run code need compiled kernels."""
    found = blocks(page)
    if any(HEAVY.search("\n".join(lines_to_run(block))) for block in found if block.language == "console"):
        return [pytest.mark.slow]
    return [pytest.mark.compiled] if any(block.language == "python" for block in found) else []


def run_page(page):
    """Act every block of a page in the working folder."""
    module = sys.modules[f"page_{page.stem}"] = ModuleType(f"page_{page.stem}")
    BROUGHT.get(page.name, lambda: None)()
    try:
        for block in blocks(page):
            act(block, module)
    finally:
        del sys.modules[module.__name__]


def registers(page):
    """Tell whether a page registers classes, which stay registered for the rest of the process."""
    return any(block.language == "python" and "register" in block.text for block in blocks(page))


@pytest.mark.parametrize("page", [pytest.param(page, marks=marks(page), id=page.stem) for page in PAGES])
def test_page(page, tmp_path, monkeypatch):
    """All blocks of the page do what they show."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    if not registers(page):
        run_page(page)
        return
    done = subprocess.run([sys.executable, __file__, page], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_has_a_language(page):
    """What is not run says so by its language."""
    for block in blocks(page):
        assert block.language in {"python", "console", "yaml", *SHOWN}, (
            f"{block.place}: language {block.language!r}; give python, console or yaml, or text for what is only shown"
        )


def commands(page):
    """Return place and words of each call of the command line that a page names, in blocks and within the text."""
    text = page.read_text(encoding="utf-8")
    inline = re.findall(r"(?<!`)`(gridagora [^`\n]+)`(?!`)", text)
    shown = [line for block in blocks(page) if block.language == "console" for line in block.text.splitlines()]
    calls = [*inline, *(line.removeprefix("$ ") for line in shown)]
    return [shlex.split(call, comments=True)[1:] for call in calls if call.removeprefix("$ ").startswith("gridagora ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_and_options_exist(page):
    """Every command and every option that a page names is there."""
    for words in commands(page):
        command, path = typer.main.get_command(app), []
        while hasattr(command, "commands") and words[len(path) :] and not words[len(path)].startswith("-"):
            name = words[len(path)]
            if name.isupper():  # a placeholder
                break
            assert name in command.commands, f"{page.name}: gridagora {' '.join(words)}: no command {name!r}"
            command = command.commands[name]
            path.append(name)
        options = {option for parameter in command.params for option in parameter.opts}
        given = {word.partition("=")[0] for word in words if re.match(r"-+[a-zA-Z]", word)}
        assert given <= options | {"--help", "-h"}, f"{page.name}: gridagora {' '.join(words)}: no such option"


def anchors(page):
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_on(page):
    """Every relative link leads to a file of the project, and to a heading where it names one."""
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), f"{page.name}: {target} leads nowhere"
        assert not anchor or anchor in anchors(file), f"{page.name}: {target}: no such heading"


def test_every_page_is_found_from_the_start():
    """README and the pages it links to lead to every page."""
    seen, waiting = set(), [PAGES[0]]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = re.findall(r"\]\(([^)\s#]+\.md)", page.read_text(encoding="utf-8"))
        waiting += [file for target in targets if (file := (page.parent / target).resolve()).exists()]
    assert set(PAGES) <= seen, f"no link leads to {', '.join(sorted(page.name for page in set(PAGES) - seen))}"


def test_blocks_are_read_as_written(tmp_path, monkeypatch):
    """Language, text, file and line of each block; prompts and continuation lines."""
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "Save as `a/b.yaml`:\n\n```yaml\nx: 1\n```\n"
        "* in a list\n\n  ```console\n  $ gridagora run \\\n  q\n  out\n  ```\n",
        encoding="utf-8",
    )
    first, second = blocks(page)
    assert first == Block("page.md:3", "yaml", "x: 1\n", "a/b.yaml")
    assert (second.place, second.file, second.text) == ("page.md:8", None, "$ gridagora run \\\nq\nout\n")
    assert lines_to_run(second) == ["gridagora run  q"]


if __name__ == "__main__":
    run_page(Path(sys.argv[1]))
