"""Pictures of the report: figures as SVG text that stands alone in the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import StringIO
from typing import Any

from gridagora.sim.report.figures import styled


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the report: heading, what it shows, SVG or HTML text."""

    title: str
    caption: str
    svg: str


@styled
def inline_svg(figure: Any, prefix: str, title: str) -> str:
    """Turn a figure into inline SVG without dates, with names that are unique in the page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What was drawn; it is closed.
    prefix : str
        Beginning of the names, its own for each picture of a page.
    title : str
        What it is called for those who do not see it.
    """
    import matplotlib.pyplot as plt

    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    plt.close(figure)
    body = text.getvalue()
    body = body[body.index("<svg") :]
    body = re.sub(r' (width|height)="[\d.]+pt"', "", body, count=2)
    body = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{prefix}-", body)
    return body.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
