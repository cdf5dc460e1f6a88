"""Diagrams of mediation show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import FancyArrowPatch

import gridagora as ga
from gridagora.scenarios.mediation import MediationResult, natural_effects
from gridagora.sim.path_models import path_model
from gridagora.sim.report.figures import BLUE, GREY, RED
from gridagora.sim.report.mediation_figures import mediation


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    """Return a path model of two groups: the mediator falls with x, the outcome rises with it; past it x is idle."""
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"seed": np.repeat(np.arange(30), 4), "homes.pv_share": [0.0, 1.0] * 60})
    frame["volatility"] = ["low", "low", "high", "high"] * 30
    frame["mean_price"] = 5 - frame["homes.pv_share"] + 0.1 * rng.normal(size=120)
    frame["one"], frame["two"] = rng.integers(0, 2, (2, 120))
    frame["bill"] = 3 * frame["mean_price"] + 0.1 * rng.normal(size=120)
    frame["peak"] = -frame["bill"]
    options = {"groups": "volatility", "covariates": ["one", "two"], "resamples": 200}
    return path_model(frame, "homes.pv_share", "mean_price", ["bill", "peak"], **options)


def result(shift=0.0):
    """Return natural effects of two seeds."""
    frame = natural_effects(np.array([[[1.0, 2.0], [5.0, 9.0]], [[1.0, 3.0], [5.2, 9.3]]]) * (1 - shift))
    frame = frame.assign(outcome="bill", unit="CNY")
    return MediationResult("homes.pv_share: 0.0 → 0.4", "pool_price", ("bill",), 0.95, frame, pd.DataFrame())


def written(ax):
    """Return all texts of a figure."""
    return [text.get_text() for text in ax.texts]


def arrows(ax):
    """Return colour, line style and width of each arrow."""
    found = [each for each in ax.patches if isinstance(each, FancyArrowPatch)]
    return [
        (plt.matplotlib.colors.to_hex(each.get_edgecolor()), each.get_linestyle(), each.get_linewidth())
        for each in found
    ]


def test_path_model(model):
    """Boxes have the names, arrows the coefficients; a lowers (dashed), b raises, c' may be nothing (dotted)."""
    ax = mediation(model)
    texts = written(ax)
    assert texts[:3] == ["homes.\npv share", "mean price", "bill"]
    rows = model.paths[model.paths["group"] == "low"].set_index(["equation", "path"])
    for text, place in zip(texts[3:6], [("mean_price", "a"), ("bill", "b"), ("bill", "c'")], strict=True):
        estimate, low, high = rows.loc[[place], ["estimate", "low", "high"]].to_numpy()[0]
        assert text == f"{place[1]} = {estimate:.3g} [{low:.3g}, {high:.3g}]"
    looks = arrows(ax)
    assert [look[0].lower() for look in looks] == [RED.lower(), BLUE.lower(), GREY.lower()]
    assert [look[1] for look in looks] == ["--", "-", ":"]
    assert looks[0][2] > looks[2][2]
    effect = model.frame.set_index(["group", "outcome", "effect"]).loc[("low", "bill", "indirect")]
    assert f"indirect {effect['estimate']:.3g} [{effect['bca_low']:.3g}, {effect['bca_high']:.3g}]" in texts[6]
    assert "pv_share from 0 to 1, volatility = low" in texts[6]
    assert "60 runs" in texts[6]


def test_another_outcome_and_group(model):
    """The outcome and the group that are asked for are drawn, on axes that are given."""
    own = plt.figure().add_subplot()
    assert mediation(model, "peak", "high", own) is own
    assert written(own)[2] == "peak"
    assert "volatility = high" in written(own)[6]
    with pytest.raises(ValueError, match="outcome: given 'price'; allowed: bill, peak"):
        mediation(model, "price")
    with pytest.raises(ValueError, match="group: given 'middle'; allowed: low, high"):
        mediation(model, group="middle")


def test_natural_effects():
    """NDE of 4.1 and NIE of 4.05 are written, the total and the share below; unsure ones are dotted."""
    ax = ga.plot.mediation(result())
    texts = written(ax)
    assert texts[0] == "homes.\npv share: 0.0 → 0.4"
    assert texts[3].startswith("indirect (NIE)\n4.05 [")
    assert texts[4] == ""
    assert texts[5].startswith("direct (NDE)\n4.1 [")
    assert texts[5].endswith("] CNY")
    assert texts[6].startswith("Total 8.15 [")
    assert "of which 50 % through the mediator" in texts[6]
    assert [look[1] for look in arrows(ax)] == ["-", "-", "-"]


def test_no_effect_at_all():
    """Without a total there is no share, and arrows are thin and dotted."""
    ax = mediation(result(shift=1.0))
    assert "through the mediator" not in written(ax)[6]
    assert {look[1:] for look in arrows(ax)} == {(":", 1.0)}
