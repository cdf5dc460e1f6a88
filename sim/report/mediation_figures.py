"""Figures of mediation: from x through a mediator and past it to an outcome (model.md F)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from textwrap import fill
from typing import TYPE_CHECKING, Any, Protocol

from gridagora.sim.path_models import PathModel
from gridagora.sim.report.figures import BLUE, DARK, GREY, RED, axes_of, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["mediation"]

#: Places of x, mediator and outcome, and half the size of a box.
PLACES = {"x": (0.15, 0.22), "m": (0.5, 0.83), "y": (0.85, 0.22)}
HALF_WIDTH, HALF_HEIGHT = 0.14, 0.12
#: Line widths of the weakest and the strongest arrow [pt].
THIN, THICK = 1.0, 4.0
KEY = "Solid: positive. Dashed: negative. Dotted: the interval covers 0."


class Effects(Protocol):
    """Natural effects, as `gridagora.mediation` returns them."""

    @property
    def factor(self) -> str:
        """What was changed."""
        ...

    @property
    def mediator(self) -> str:
        """What was clamped."""
        ...

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Key figures."""
        ...

    @property
    def confidence(self) -> float:
        """Confidence level of the intervals [1]."""
        ...

    @property
    def frame(self) -> pd.DataFrame:
        """One row an effect: outcome, effect, value, low, high, share, unit."""
        ...


@dataclass(frozen=True, slots=True)
class _Arrow:
    """From where to where, what is written on it, and how strong it is, 0 to 1."""

    start: str
    end: str
    text: str
    low: float
    high: float
    strength: float


@styled
def mediation(
    found: PathModel | Effects, outcome: str | None = None, group: Any = None, ax: Axes | None = None
) -> Axes:
    """Draw the diagram of a path model, or of natural effects: arrows with coefficients and their intervals.

    Positive effects are solid and blue, negative ones dashed and red, those whose interval covers 0 dotted and grey.
    The thicker the arrow, the stronger the effect.

    Parameters
    ----------
    found : PathModel or MediationResult
        What `gridagora.path_model` or `gridagora.mediation` returned.
    outcome : str, optional
        Which outcome; the first by default.
    group : optional
        Which group of a path model; the first by default.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is no such outcome or group.
    """
    chosen = found.outcomes[0] if outcome is None else outcome
    if chosen not in found.outcomes:
        raise ValueError(f"outcome: given {chosen!r}; allowed: {', '.join(found.outcomes)}")
    if isinstance(found, PathModel):
        source, (arrows, caption) = found.x, _of_paths(found, chosen, group)
    else:
        source, (arrows, caption) = found.factor, _of_effects(found, chosen)
    ax = axes_of(ax, (6.6, 4.0))
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.set_axis_off()
    for place, name in {"x": source, "m": found.mediator, "y": chosen}.items():
        _box(ax, PLACES[place], name)
    for arrow in arrows:
        _draw(ax, arrow)
    ax.text(0.5, -0.01, caption, ha="center", va="top", fontsize=8.5, color=DARK, transform=ax.transAxes)
    return ax


def _of_paths(model: PathModel, outcome: str, group: Any) -> tuple[list[_Arrow], str]:
    """Return arrows and caption of a path model."""
    groups = list(dict.fromkeys(model.frame["group"]))
    chosen = groups[0] if group is None else group
    if chosen not in groups:
        raise ValueError(f"group: given {chosen!r}; allowed: {', '.join(map(str, groups))}")
    paths = model.paths[model.paths["group"] == chosen]
    parts = {"a": ("x", "m", model.mediator), "b": ("m", "y", outcome), "c'": ("x", "y", outcome)}
    arrows = []
    for name, (start, end, equation) in parts.items():
        row = paths[(paths["equation"] == equation) & (paths["path"] == name)].iloc[0]
        text = f"{name} = {_told(row['estimate'], row['low'], row['high'])}"
        arrows.append(_Arrow(start, end, text, row["low"], row["high"], min(abs(float(row["standardised"])), 1.0)))
    rows = model.frame[(model.frame["group"] == chosen) & (model.frame["outcome"] == outcome)].set_index("effect")
    effects = rows[["estimate", "bca_low", "bca_high"]]
    low, high = model.contrast
    title = "" if model.groups is None else f", {model.groups} = {chosen}"
    n = int(paths["rows"].iloc[0])
    caption = (
        f"{model.x.rpartition('.')[2]} from {low:g} to {high:g}{title}: indirect {_told(*effects.loc['indirect'])},\n"
        f"direct {_told(*effects.loc['direct'])}, total {_told(*effects.loc['total'])}.\n"
        f"{n} runs, least squares; intervals of {100 * model.confidence:g} %: of coefficients by HC3, "
        f"of effects by bootstrap (BCa).\n{KEY}"
    )
    return arrows, caption


def _of_effects(result: Effects, outcome: str) -> tuple[list[_Arrow], str]:
    """Return arrows and caption of natural effects; both arrows of the indirect one are alike."""
    rows: dict[Any, Any] = result.frame[result.frame["outcome"] == outcome].set_index("effect").to_dict("index")
    told = {name: _told(row["value"], row["low"], row["high"]) for name, row in rows.items()}
    unit, largest = rows["NDE"]["unit"], max(abs(rows[name]["value"]) for name in ("NDE", "NIE")) or 1.0
    arrows = []
    for name, words, ends in (("NIE", "indirect", (("x", "m"), ("m", "y"))), ("NDE", "direct", (("x", "y"),))):
        row = rows[name]
        text = f"{words} ({name})\n{told[name]} {unit}"
        for start, end in ends:
            strength = abs(row["value"]) / largest
            arrows.append(_Arrow(start, end, "" if start == "m" else text, row["low"], row["high"], strength))
    share = rows["NIE"]["share"]
    through = f", of which {100 * share:.0f} % through the mediator" if isfinite(share) else ""
    caption = (
        f"Total {told['total']} {unit}{through}.\n"
        f"Reversed: direct (TDE) {told['TDE']}, indirect (PIE) {told['PIE']}.\n"
        f"Mediator clamped seed by seed; intervals of {100 * result.confidence:g} % (Student's t).\n{KEY}"
    )
    return arrows, caption


def _told(value: float, low: float, high: float) -> str:
    """Write a number with its interval."""
    return f"{value:.3g} [{low:.3g}, {high:.3g}]"


def _box(ax: Axes, place: tuple[float, float], name: str) -> None:
    from matplotlib.patches import FancyBboxPatch

    corner = (place[0] - HALF_WIDTH, place[1] - HALF_HEIGHT)
    style = "round,pad=0,rounding_size=0.02"
    size = 2 * HALF_WIDTH, 2 * HALF_HEIGHT
    ax.add_patch(FancyBboxPatch(corner, *size, boxstyle=style, facecolor="#f4f4f4", edgecolor=DARK, linewidth=1.2))
    words = "\n".join(fill(part, 20) for part in re.sub(r"\.(?=[a-z])", ".\n", name.replace("_", " ")).split("\n"))
    ax.text(*place, words, ha="center", va="center", fontsize=9)


def _draw(ax: Axes, arrow: _Arrow) -> None:
    from matplotlib.patches import FancyArrowPatch

    (x0, y0), (x1, y1) = PLACES[arrow.start], PLACES[arrow.end]
    level = arrow.start == "x" and arrow.end == "y"
    if level:
        start, end = (x0 + HALF_WIDTH, y0), (x1 - HALF_WIDTH, y1)
    elif arrow.end == "m":
        start, end = (x0, y0 + HALF_HEIGHT), (x1 - HALF_WIDTH, y1)
    else:
        start, end = (x0 + HALF_WIDTH, y0), (x1, y1 + HALF_HEIGHT)
    colour, line = (GREY, ":") if arrow.low <= 0 <= arrow.high else (BLUE, "-") if arrow.low > 0 else (RED, "--")
    width = THIN + (THICK - THIN) * arrow.strength
    ax.add_patch(
        FancyArrowPatch(
            *(start, end), arrowstyle="-|>", mutation_scale=14 + 2 * width, shrinkA=2, shrinkB=2, color=colour,
            linewidth=width, linestyle=line,
        )
    )  # fmt: skip
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    side, shift = (
        ("center", (0.0, -0.035)) if level else ("right", (-0.03, 0.02)) if arrow.end == "m" else ("left", (0.03, 0.02))
    )
    ax.text(
        *(middle[0] + shift[0], middle[1] + shift[1], arrow.text),
        ha=side,
        va="top" if level else "bottom",
        fontsize=8.5,
    )
