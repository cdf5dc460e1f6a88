"""Members choose among offers at month ends: logit shares, defaults, terms, suppliers, debts."""

import numpy as np
import pytest

from gridagora.agents.choice import DEFAULT_RATIO, default_bonus
from gridagora.scenarios.load import load
from gridagora.scenarios.record import Recorder
from gridagora.scenarios.simulation import Simulation

#: 30 June ends a month, and 1 July is the last day of the run.
FREE = {"consider_per_month": 1.0, "switching_cost": 0.0, "default_bonus": 0.0}
BASE = {
    "time.start": "2016-06-30",
    "time.days": 1,
    "time.period_minutes": 60,
    "market.online": False,
    "households.count": 300,
    "households.pv_share": 0.0,
    "firms": None,
    "farms": None,
}


def flat(price, **parts):
    """Return a flat tariff."""
    return {"kind": "flat", "energy_per_kwh": price, **parts}


def run(options, choice=None, block=None, **changed):
    """Return a finished run with a menu of `options`, the first one outside."""
    menu = {"kind": "menu", "outside": next(iter(options)), "options": options}
    terms = {**BASE, "tariffs.residential": menu, "households.choice": {**FREE, **(choice or {})}, **changed}
    model = Simulation(load("quickstart", terms), Recorder(), block)
    while model.running:
        model.step()
    return model


def choices(model):
    """Return the table of choices by offer, of the last month."""
    table = model.recorder.frame("choices")
    return table[table["month"] == table["month"].max()].set_index("offer")


def test_opt_out_enrols_three_to_five_times_as_many():
    """Where a tariff that costs the same must be asked for, a fifth has it; where one gets it, four fifths (O31)."""
    options, bonus = {"flat": flat(0.5), "dynamic": flat(0.5)}, default_bonus(0.2, 4.0)
    opt_in = choices(run(options, {"default_bonus": bonus}))["members"]["dynamic"]
    opt_out = choices(run(options, {"default_bonus": bonus, "default_offer": "dynamic"}))["members"]["dynamic"]
    assert opt_in / 300 == pytest.approx(0.2, abs=0.07)
    assert opt_out / 300 == pytest.approx(0.8, abs=0.07)
    assert DEFAULT_RATIO[0] <= opt_out / opt_in <= DEFAULT_RATIO[1]


def test_shares_are_those_of_logit():
    """Of two prices the lower one gets 1 / (1 + exp(-20 saving / income)) of those who look around."""
    model = run({"dear": flat(0.6), "cheap": flat(0.3)}, {"bill_weight": 200.0})
    homes, round_ = model.households, model.parts.rounds[0]
    saving = homes.billing.last_bills / 1e6 * 0.3 / 0.797 * 365.25 / 12  # of e + n + g = 0.6 + 0.17 + 0.027
    expected = (1 / (1 + np.exp(-200.0 * saving / round_.income))).mean()
    rows = choices(model)
    assert rows["members"]["cheap"] / 300 == pytest.approx(expected, abs=0.06)
    assert rows["considered"].tolist() == [300, 0]
    assert rows["switched_in"].tolist() == [0, rows["members"]["cheap"]]
    assert rows["switched_out"].tolist() == [rows["members"]["cheap"], 0]
    assert rows["surplus"]["dear"] > 0


def test_amounts_of_nobody_are_amounts():
    """Of a month in which nobody looks around, exit fees and surplus are decimal numbers with a unit like any other."""
    options = {"dear": flat(0.6), "cheap": flat(0.3)}
    rows = choices(run(options, {"consider_per_month": 0.0}))
    assert rows["considered"].sum() == 0
    assert rows[["exit_fees", "surplus"]].dtypes.tolist() == [np.float64, np.float64]


def test_inertia():
    """Only who looks around moves, and a high cost of switching keeps all."""
    options = {"dear": flat(0.6), "cheap": flat(0.3)}
    few = choices(run(options, {"consider_per_month": 0.2, "constants": {"cheap": 30.0}}))
    assert few["considered"].sum() == few["switched_in"].sum()
    assert few["considered"].sum() / 300 == pytest.approx(0.2, abs=0.07)
    assert choices(run(options, {"switching_cost": 500.0}))["switched_in"].sum() == 0


def test_like_offers_take_from_each_other():
    """Of three equal offers the two in a nest of scale 0.5 get 2^0.5 / (1 + 2^0.5) = 0.5858, not two thirds."""
    options = {"flat": flat(0.5), "one": flat(0.5), "two": flat(0.5)}
    rows = choices(run(options, {"nest": ["one", "two"], "nest_scale": 0.5}, **{"households.count": 600}))
    assert rows["members"]["flat"] / 600 == pytest.approx(1 - 0.5858, abs=0.05)


def test_leaving_within_the_term_costs_the_exit_fee():
    """Whoever leaves a package of 12 months after one pays 40, to its supplier, as a line of the bill; books close."""
    bound = flat(0.5, supplier="north", package={"fee_per_month": 0.0, "term_months": 12, "exit_fee": 40.0})
    options = {"flat": flat(0.5), "bound": bound}
    terms = {"default_offer": "bound", "constants": {"flat": 2.0}, "exit_fee_months": 2}
    model = run(options, terms)
    rows = choices(model)
    left = rows["switched_out"]["bound"]
    assert 0 < left < 300
    assert rows["exit_fees"].tolist() == [0.0, 40.0 * left]
    ledger = model.ledger.frame()
    paid = ledger[ledger["account"] == "exit_fee"]
    assert paid[["payer", "payee"]].to_numpy().tolist() == [["households", "north"]]
    assert paid["amount_micro"].tolist() == [40_000_000 * left]
    assert sum(model.ledger.balances().values()) == 0
    assert model.recorder.bill_rows["households", "bound", "exit fee", "fee"] == [left, 40.0 * left]
    assert model.recorder.billed["households"].sum() == model.households.billed.sum() + 40_000_000 * left
    free = {**bound, "package": {**bound["package"], "term_months": 1}}
    over = choices(run({"flat": flat(0.5), "bound": free}, terms))
    assert over["exit_fees"].tolist() == [0.0, 0.0]
    assert over["switched_out"]["bound"] > left  # 40 over two months is 20 a month, of about 9,000


def test_dissatisfied_leave_the_supplier():
    """A rate to leave without bound makes all look around and take another supplier, of two where one is theirs."""
    options = {"flat": flat(0.5), "same": flat(0.5), "north": flat(0.5, supplier="north")}
    terms = {"consider_per_month": 0.0, "constants": {"flat": 9.0, "same": 9.0}}
    model = run(options, terms, **{"households.satisfaction": {"leave_per_month": 999.0}})
    rows = choices(model)
    assert rows["members"].tolist() == [0, 0, 300]
    assert rows["leaving"].tolist() == [300, 0, 0]
    assert model.parts.rounds[0].tenure.tolist() == [0] * 300
    alone = run({"flat": flat(0.5), "same": flat(0.5)}, **{"households.satisfaction": {"leave_per_month": 999.0}})
    assert choices(alone)["members"].sum() == 300


def test_who_owes_stays_with_its_supplier():
    """Members in arrears take another offer of their supplier, never one of another."""
    options = {"flat": flat(0.5), "same": flat(0.5), "north": flat(0.5, supplier="north")}
    model = run(options, {"constants": {"north": 9.0}}, **{"households.credit": {"unpaid_share": 0.5}})
    owes = model.parts.rounds[0].arrears > 0
    offer = model.households.members.offer
    assert 0.3 < owes.mean() < 0.7
    assert set(offer[owes].tolist()) == {0, 1}
    assert (offer[~owes] == 2).mean() > 0.9


def test_offers_are_only_for_those_they_are_open_to():
    """Without cars nobody begins with, or takes, a tariff for transport."""
    options = {"flat": flat(0.5), "car": flat(0.1, eligible={"transport": True})}
    rows = choices(run(options, {"default_offer": "car", "constants": {"car": 50.0}}))
    assert rows["members"].tolist() == [300, 0]


def test_green_and_reliable():
    """Tastes for green energy and for reliability work through what packages and services promise."""
    options = {
        "flat": flat(0.5),
        "green": flat(0.5, package={"fee_per_month": 0.0, "included_kwh": 0.0, "term_months": 0, "green_share": 1.0}),
        "weak": flat(0.5, service={"reliability": 0.5, "charge_per_kw": 0.0}),
    }
    rows = choices(run(options, {"green_weight": 30.0, "reliability_weight": 60.0}))
    assert rows["members"].tolist() == [0, 300, 0]


def test_risk_is_the_scatter_of_the_daily_cost():
    """Over two days, who shuns risk avoids the offer whose cost scatters most."""
    options = {"flat": flat(0.5), "standing": flat(0.2, standing_per_day=2.0)}
    bold = choices(run(options, **{"time.start": "2016-06-28", "time.days": 3}))
    shy = choices(run(options, {"risk_weight": 5.0}, **{"time.start": "2016-06-28", "time.days": 3}))
    assert shy["members"]["standing"] > bold["members"]["standing"]


def test_a_cost_of_nan_is_an_error():
    """A cost that is not a number stops the run: it never becomes an offer that nobody takes."""
    model = Simulation(
        load(
            "quickstart",
            {
                **BASE,
                "households.count": 3,
                "tariffs.residential": {
                    "kind": "menu",
                    "outside": "a",
                    "options": {"a": flat(0.5), "b": flat(0.4)},
                },
                "households.choice": FREE,
            },
        ),
        Recorder(),
    )
    model.parts.rounds[0].cohorts[0].trial._squares[:] = np.nan
    with pytest.raises(ValueError, match="deviation: given nan"):
        model.step()


def test_blocks_change_nothing():
    """Who chooses what does not depend on how many members a block has."""
    options = {"flat": flat(0.5), "evening": flat(0.2, standing_per_day=1.0)}
    changed = {"households.count": 40, "households.pv_share": 0.5, "time.days": 2}
    whole, parts = run(options, **changed), run(options, block=7, **changed)
    assert whole.recorder.frame("choices").equals(parts.recorder.frame("choices"))
    assert whole.ledger.frame().equals(parts.ledger.frame())


def test_members_compare_over_several_months():
    """With two months to compare, the first decision knows one month, the second two."""
    model = run({"flat": flat(0.5), "cheap": flat(0.4)}, {"compare_months": 2}, **{"households.count": 5})
    round_ = model.parts.rounds[0]
    assert [cohort.month for cohort in round_.cohorts] == [1]
    assert round_.cohorts[0].trial.days == 1
    bills = round_.cohorts[0].trial.bills()
    assert bills.shape == (5, 2)
    assert (bills > 0).all()
