"""Business models whose terms are drawn at random: whatever the schema allows runs to the end, and its books close."""

import random
import types
import warnings
from typing import Annotated, Literal, Union, get_args, get_origin

import numpy as np
import pytest
from pydantic import BaseModel

import gridagora as ga
from gridagora.agents.business_models.catalogue import BUSINESS_MODELS

#: Bounds beyond this are there for sums of money, and no value that anybody would try.
FAR = 1e6
#: Not drawn: what a business model is, and for whom.
FIXED = {"kind", "name", "provider", "population", "populations"}


def town():
    """Return 20 homes, 3 firms and 2 farms over 40 days of hours, with all companies, a bank and an insurer."""
    usual = {model.usual_provider for model in BUSINESS_MODELS.values()}
    return ga.load(
        "quickstart",
        {
            **{"time.start": "2016-01-01", "time.days": 40, "time.period_minutes": 60},
            **{"households.count": 20, "households.pv_share": 0.3, "firms.count": 3, "farms.count": 2},
            "counterparties.companies": sorted(usual - {"supplier", "grid_company", "platform"}),
            "counterparties.bank": {"rate_per_year": 0.05, "tenor_years": 5},
            "counterparties.insurer": {},
        },
    )


def number(kind, limits, usual, draw):
    """Draw a bound, or the usual value times or over up to ten."""
    found = {}
    for limit in limits:
        for side in ("ge", "gt", "le", "lt"):
            if getattr(limit, side, None) is not None:
                found[side] = getattr(limit, side)
    usual = usual if isinstance(usual, int | float) and not isinstance(usual, bool) else 1.0
    low, high = found.get("ge", found.get("gt", 0) + 1e-6), found.get("le", found.get("lt", FAR) - 1e-6)
    ends = [end for end in (found.get("ge"), found.get("le")) if end is not None and abs(end) <= FAR]
    value = draw.choice(ends) if ends and draw.random() < 0.35 else usual * 10 ** draw.uniform(-1, 1)
    return kind(round(min(max(value, low), high)) if kind is int else min(max(value, low), high))


def drawn(annotation, limits, usual, draw):
    """Draw a value of a field; TypeError for texts and mappings, which keep theirs."""
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return drawn(inside[0], [*inside[1:], *limits], usual, draw)
    if origin in (Union, types.UnionType):
        chosen = draw.choice(inside)
        return None if chosen is type(None) else drawn(chosen, limits, usual, draw)
    if origin is Literal:
        return draw.choice(inside)
    if annotation is bool:
        return draw.random() < 0.5
    if annotation in (int, float):
        bounds = [each for limit in limits for each in (limit, *getattr(limit, "metadata", ()))]
        return number(annotation, bounds, usual, draw)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return section(annotation, draw)
    raise TypeError(annotation)


def section(model, draw):
    """Draw a third of the keys of a section."""
    found = {}
    for name, field in model.model_fields.items():
        if name not in FIXED and draw.random() < 1 / 3:
            try:
                found[name] = drawn(field.annotation, field.metadata, field.default, draw)
            except TypeError:
                continue
    return found


def offered(base, kind, draw):
    """Return a scenario with a business model more, on terms that it takes without a warning."""
    model = BUSINESS_MODELS[kind]
    before = [{"kind": each.kind, **each.model_dump(exclude_unset=True)} for each in base.business_models]
    for _ in range(200):
        terms = {"kind": kind, "provider": model.usual_provider, **section(model, draw)}
        terms.setdefault("channel", {"first_month": 0, "reach_share": 1.0})
        try:
            scenario = base.override({"business_models": [*before, terms]})
        except ga.ScenarioError:
            continue
        if not scenario.warnings:
            return scenario
    raise AssertionError(f"{kind}: none of 200 draws is allowed")


@pytest.mark.slow
@pytest.mark.parametrize("kind", BUSINESS_MODELS)
def test_terms_drawn_at_random_run_to_the_end(kind):
    """A kind on terms drawn four times, alone or beside another: the books close, and canvas amounts are numbers."""
    for seed in range(4):
        draw = random.Random(f"{kind} {seed}")
        scenario = offered(town().override({"seed": seed}), kind, draw)
        if seed % 2:
            scenario = offered(scenario, draw.choice([other for other in BUSINESS_MODELS if other != kind]), draw)
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            result = ga.run(scenario)
        canvas = result["canvas"]
        assert np.isfinite(canvas["amount"][canvas["block"].isin(["C$", "R$"])]).all(), seed
        assert result["profit"]["result"].sum() == pytest.approx(0, abs=1e-3), seed
