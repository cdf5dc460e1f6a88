"""Built-in and own mediators: what they record, that imposing it repeats a run, and that it holds in another one."""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

import gridagora as ga
from gridagora.scenarios.mediation import mediation
from gridagora.scenarios.mediators import MEDIATORS, Ownership, PoolPrice, RetailPrices, TariffChoice, alike
from gridagora.scenarios.registry import REGISTERED
from gridagora.scenarios.run import key_figures

TOWN = {
    **{"households.count": 12, "firms": None, "farms": None, "time.days": 2, "time.period_minutes": 60},
    **{"outputs.members": 0, "generators.blocks": 6, "market.online": False},
}
#: The last two days of June and the first of July.
TURN = {**TOWN, "time.start": "2016-06-29", "time.days": 3}
SPREAD = {
    **{**TURN, "households.pv_share": 0.2, "households.storage_share": 0.5},
    "adoption": {
        "pv": {"model": "bass", "innovation": 10.0},
        "storage": {"model": "npv_logit", "constant": 9.0, "consider_per_year": 10.0},
    },
}
MENU = {
    "kind": "menu",
    "outside": "dear",
    "options": {"dear": {"kind": "flat", "energy_per_kwh": 0.6}, "cheap": {"kind": "flat", "energy_per_kwh": 0.3}},
}
CHOICE = {
    "tariffs.residential": MENU,
    "households.choice": {
        **{"consider_per_month": 1.0, "switching_cost": 0.0, "default_bonus": 0.0, "bill_weight": 300.0},
    },
}


def live(scenario, mediator, imposed=None):
    """Return what a mediator records in a run, and all key figures."""
    seen = {}

    def days(model):
        for number in model.calendar.simulated:
            day = model.calendar.day(number)
            if imposed is not None:
                mediator.impose(model, day, imposed[number])
            if mediator.before:
                seen[number] = mediator.record(model, day)
            model.step()
            if not mediator.before:
                seen[number] = mediator.record(model, day)

    figures = {(row.kpi, row.scope): row.value for row in key_figures(scenario, days)}
    return seen, figures


def repeats(scenario, mediator, but=()):
    """Assert that a run with its own values imposed is the same run, and return them."""
    seen, figures = live(scenario, mediator)
    again, clamped = live(scenario, mediator, seen)
    assert alike(seen, again)
    for name in figures:
        if name[0] not in but:
            assert clamped[name] == pytest.approx(figures[name], rel=1e-6, abs=1e-5, nan_ok=True), name
    return seen


def test_pool_price():
    """The day's prices are those of the table of intervals; imposed on itself nothing changes but micro-units."""
    scenario = ga.load("rtp", TOWN)
    seen = repeats(scenario, PoolPrice())
    prices = ga.run(scenario)["intervals"]["pool_price"].to_numpy()
    assert np.concatenate([seen[0], seen[1]]).tolist() == prices.tolist()


def test_pool_price_reaches_real_time_tariffs():
    """Higher pool prices by 0.2 raise a real-time bill by 0.2 a kWh."""
    stiff = {
        "households.own_elasticity": 0.0,
        "households.cross_elasticity": 0.0,
        **{"tariffs.residential.cap_per_kwh": 5.0, "households.pv_share": 0.0},
    }
    scenario = ga.load("rtp", {**TOWN, **stiff})
    seen, figures = live(scenario, PoolPrice())
    _, raised = live(scenario, PoolPrice(), {day: price + 0.2 for day, price in seen.items()})
    more = raised["bill", "system"] - figures["bill", "system"]
    assert more == pytest.approx(0.2 * figures["consumption", "system"], rel=1e-6)
    assert raised["consumption", "system"] == figures["consumption", "system"]


def test_pool_price_where_it_is_not_one():
    """Areas with prices of their own are refused, and regulated prices do not hold what is imposed."""
    areas = SimpleNamespace(scenario=SimpleNamespace(network=SimpleNamespace(kind="dc")))
    with pytest.raises(ValueError, match="given network dc, whose areas have prices of their own"):
        PoolPrice().record(areas, None)
    scenario = ga.load("quickstart", {**TOWN, "time.days": 1, "market.pool_rule": "regulated"})
    with pytest.raises(ValueError, match="what was imposed did not hold on day 0"):
        mediation(scenario, {"households.pv_share": (0.0, 0.8)}, "pool_price", "bill", seeds=2)


@pytest.mark.parametrize(
    ("section", "but"),
    [
        ({"tariff_rounds": {"every": "month", "network": {"requirement": {"opex_per_year": 4000.0}}}}, ""),
        ({"pricing": {"kind": "linear_bandit", "every": "day"}}, "pricing_regret"),
    ],
    ids=["rounds", "trials"],
)
def test_retail_prices(section, but):
    """Prices that change in the run are recorded day by day; imposed, they come on the same days without rounds."""
    scenario = ga.load("quickstart", {**TURN, **section})
    seen = repeats(scenario, RetailPrices(), [but])
    of_days = [seen[day]["households"][0] for day in range(3)]
    assert of_days[0] != of_days[2]


def test_retail_prices_carry_the_spiral():
    """PV makes the grid company ask for more a kWh, and members pay it: an indirect effect against the direct one."""
    rounds = {"every": "month", "network": {"requirement": {"opex_per_year": 4000.0}}}
    scenario = ga.load("quickstart", {**TURN, "tariff_rounds": rounds})
    found = mediation(scenario, {"households.pv_share": (0.0, 0.8)}, "retail_prices", "bill", seeds=2)
    effect = found.frame.set_index("effect")["value"]
    assert effect["NDE"] < 0 < effect["NIE"]


def test_tariff_choice():
    """Offers by member are recorded at the start of each day; imposed on itself the run is the same but for counts."""
    scenario = ga.load("quickstart", {**TURN, **CHOICE})
    seen = repeats(scenario, TariffChoice(), but=("switching", "choice_surplus"))
    assert set(seen[0]["households"]) == {"dear"}
    assert "cheap" in seen[2]["households"]


def test_tariff_choice_in_another_run():
    """Members keep their offers of the other run, from the month on in which they took them there."""
    first = ga.load("quickstart", {**TURN, **CHOICE})
    seen, _ = live(first, TariffChoice())
    dearer = first.override({"tariffs.residential.options.cheap.energy_per_kwh": 0.9})
    own, _ = live(dearer, TariffChoice())
    again, figures = live(dearer, TariffChoice(), seen)
    assert not alike(own, seen)
    assert alike(again, seen)
    assert figures["bill", "system"] == figures["bill", "households"]


def test_tariff_choice_while_a_bill_is_open():
    """Who is moved within a month is billed first: imposed on the second day of two, bills still match the ledger."""
    scenario = ga.load("quickstart", {**TURN, **CHOICE, "farms": {"count": 1}})
    names = {"households": np.array(["dear"] * 12)}
    moved = {"households": np.array(["dear", "cheap"] * 6)}
    _, figures = live(scenario, TariffChoice(), {day: moved if day == 1 else names for day in scenario_days(scenario)})
    assert figures["bill", "households"] > 0


def scenario_days(scenario):
    """Return the days of a scenario."""
    return range(scenario.time.days)


def test_a_choice_with_exit_fees_is_refused():
    """Fees that members pay for leaving are not those of the clamped run: its bill would be another one."""
    fee = {"fee_per_month": 5.0, "included_kwh": 0.0, "term_months": 12, "exit_fee": 30.0}
    options = {**MENU["options"], "dear": {"kind": "flat", "energy_per_kwh": 2.0, "package": fee}}
    menu = {**MENU, "outside": "cheap", "options": options}
    choice = {**CHOICE["households.choice"], "default_offer": "dear"}
    scenario = ga.load("quickstart", {**TURN, "tariffs.residential": menu, "households.choice": choice})
    with pytest.raises(ValueError, match="a run with its own values imposed has bill"):
        mediation(scenario, {"households.pv_share": (0.0, 0.8)}, "tariff_choice", "bill", seeds=2)


def test_ownership():
    """What members own spreads, and is recorded by member; imposed, it spreads on the same days without payments."""
    seen = repeats(ga.load("quickstart", {**SPREAD, "households.count": 30}), Ownership())
    pv = [int((each["households"][0] > 0).sum()) for each in seen.values()]
    assert pv == sorted(pv)
    assert pv[-1] > pv[0]


def test_ownership_is_all_that_shares_are():
    """Who starts with PV and batteries matters through what is owned alone: nothing goes past it."""
    scenario = ga.load("quickstart", {**SPREAD, "adoption": None})
    factor = {"households.pv_share": (0.1, 0.9), "households.storage_share": (0.0, 0.9)}
    found = mediation(scenario, factor, "ownership", "bill", seeds=2).frame.set_index("effect")
    assert found.loc["NDE", "value"] == pytest.approx(0, abs=1e-6)
    assert found.loc["TDE", "value"] == pytest.approx(0, abs=1e-6)
    assert found.loc["NIE", "value"] < 0


def test_ownership_of_other_devices_is_refused():
    """Cars that spread cannot be taken back, and managed homes plan with what they own."""
    terms = SimpleNamespace(technologies={"pv": None, "vehicle": None})
    with pytest.raises(ValueError, match="given adoption of vehicle; allowed pv and storage"):
        Ownership().record(SimpleNamespace(scenario=SimpleNamespace(adoption=terms)), None)
    homes = [SimpleNamespace(name="homes", managed=3)]
    model = SimpleNamespace(scenario=SimpleNamespace(adoption=None), populations=homes)
    with pytest.raises(ValueError, match="given managed homes among homes"):
        Ownership().record(model, None)


def test_forecast_quality():
    """Deviations of the four forecasts are recorded; with those of another run imposed only the rest is direct."""
    scenario = ga.load("quickstart", TOWN)
    seen = repeats(scenario, MEDIATORS["forecast_quality"]())
    assert set(seen[0]) == {"gate_load", "gate_pv", "day_ahead_load", "day_ahead_pv"}
    factor = {"forecasts.day_ahead_sigma": (0.02, 0.3)}
    found = mediation(scenario, factor, "forecast_quality", "imbalance_volume", seeds=2).frame.set_index("effect")
    assert found.loc["NDE", "value"] == 0
    assert found.loc["NIE", "value"] == found.loc["total", "value"] != 0


class Losses:
    """A mediator of one's own: the loss rate of the grid."""

    before: ClassVar[bool] = True

    def record(self, model, day):
        """Return the rate."""
        return model.parts.grid_company.loss_rate

    def impose(self, model, day, value):
        """Set the rate."""
        model.parts.grid_company.loss_rate = value


@pytest.fixture
def _forget():
    yield
    MEDIATORS.pop("Losses", None)
    MEDIATORS.pop("grid_losses", None)


@pytest.mark.usefixtures("_forget")
def test_a_mediator_of_ones_own():
    """Registered under a name or given as an object it is the same; scenarios and sweeps do not know it."""
    before = dict(REGISTERED)
    assert ga.register(Losses) is Losses
    ga.register(Losses, "grid_losses")
    ga.register(Losses, "grid_losses")
    assert before == REGISTERED
    scenario = ga.load("quickstart", {**TOWN, "time.days": 1})
    factor = {"network.loss_rate": (0.02, 0.08)}
    frames = [mediation(scenario, factor, each, "losses", seeds=2).frame for each in ("grid_losses", Losses())]
    assert frames[0]["value"].tolist() == frames[1]["value"].tolist()
    effect = frames[0].set_index("effect")["value"]
    assert effect["NDE"] == 0 < effect["NIE"]


@pytest.mark.usefixtures("_forget")
def test_what_is_no_mediator():
    """A name that is taken, and a class without `record`, are refused."""
    with pytest.raises(ValueError, match=r"'pool_price' is taken by gridagora\.scenarios\.mediators:PoolPrice"):
        ga.register(Losses, "pool_price")
    half = type("Half", (), {"impose": Losses.impose})
    with pytest.raises(ValueError, match="mediator Half: no before, record"):
        ga.register(half)


def test_alike():
    """Arrays count by value, nan as equal; dicts and tuples part by part."""
    one = {"a": (np.array([1.0, np.nan]), "x"), "b": 2}
    assert alike(one, {"a": (np.array([1.0, np.nan]), "x"), "b": 2.0})
    assert not alike(one, {"a": (np.array([1.0, 0.0]), "x"), "b": 2})
    assert not alike(one, {"a": (np.array([1.0, np.nan]),), "b": 2})
    assert not alike(one, {"b": 2})
    assert not alike(np.array(["a", "b"]), np.array(["a", "c"]))
