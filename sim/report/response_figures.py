"""Figures of how members answer prices: the fall of the peak against the price ratio, beside published pilots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from gridagora.sim.report.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, TablesLike, axes_of, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["peak_fall", "peak_reduction"]

#: Intercept and slopes of Arcturus 2.0, without and with enabling technology (model.md A1.2 c).
ARCTURUS = {"without technology": (0.011, 0.065), "with technology": (0.011, 0.111)}
MARKS = (("o", BLUE), ("s", RED), ("^", GREEN), ("D", ORANGE), ("v", PURPLE))


def peak_fall(before: TablesLike, after: TablesLike, hours: tuple[float, float]) -> float:
    """Return by how much consumption in some hours of the day falls from one run to another, as a share [1].

    Parameters
    ----------
    before, after : mapping of str to DataFrame
        Tables of two runs of the same days; `intervals` is used.
    hours : tuple of float
        First hour of the day, and hour before which it ends [h].

    Raises
    ------
    ValueError
        If the first run uses nothing in these hours.
    """
    used = []
    for tables in (before, after):
        table = tables["intervals"]
        hour = table["time"].dt.hour + table["time"].dt.minute / 60
        used.append(float(table.loc[(hour >= hours[0]) & (hour < hours[1]), "consumption_kwh"].sum()))
    if used[0] <= 0:
        raise ValueError(f"hours: given {hours}, in which nothing is used; allowed hours with consumption")
    return 1 - used[1] / used[0]


@styled
def peak_reduction(results: Mapping[str, Mapping[float, float]], ax: Axes | None = None) -> Axes:
    """Draw peak reductions against the price ratio, beside the curves of Arcturus 2.0.

    Parameters
    ----------
    results : mapping of str to mapping of float to float
        By name of a model or a run: reduction of the peak [1] by ratio of peak to off-peak price.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If a ratio is below 1.
    """
    ratios = [ratio for by_ratio in results.values() for ratio in by_ratio]
    if min(ratios, default=1.0) < 1:
        raise ValueError(f"ratio: given {min(ratios):g}; allowed at least 1, peak price over off-peak price")
    ax = axes_of(ax)
    grid = np.linspace(1.0, max([8.0, *ratios]), 200)
    for (label, (intercept, slope)), line in zip(ARCTURUS.items(), ("-", "--"), strict=True):
        ax.plot(grid, 100 * (intercept + slope * np.log(grid)), line, color=GREY, label=f"Arcturus 2.0 {label}")
    for number, (label, by_ratio) in enumerate(results.items()):
        mark, colour = MARKS[number % len(MARKS)]
        at = sorted(by_ratio)
        ax.plot(at, [100 * by_ratio[ratio] for ratio in at], mark, color=colour, label=label)
    ax.set(xlabel="peak price over off-peak price [1]", ylabel="fall of the peak [%]", xlim=(1, None), ylim=(0, None))
    ax.legend(loc="upper left")
    return ax
