"""Business models in a run: offers, contracts, postings and effects, by a rental whose numbers are plain."""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import pytest

import gridagora as ga
from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.catalogue import BUSINESS_MODELS
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, BusinessModel, Flow
from gridagora.agents.business_models.terms import Money, Share
from gridagora.scenarios.business_offers import within_budget
from gridagora.scenarios.business_rounds import BusinessRounds, operations_of
from gridagora.scenarios.load import ScenarioError
from gridagora.scenarios.registry import REGISTERED, rebuild
from gridagora.scenarios.schema import N_DAYS
from gridagora.scenarios.simulation import Simulation
from gridagora.scenarios.testing import BusinessModelContract


class Saver(BusinessModel):
    """A box that saves a tenth, for a rent; it costs 100 and is worth 30 at the end."""

    canvas: ClassVar = Canvas(
        partners={"maker": "vendor"},
        activities=("rent out boxes",),
        resources={"boxes": "capex"},
        value=("less consumption",),
        relationship={"years": "term_years"},
        channels={"door": "channel.reach_share"},
        segments={"large ones": "segment.annual_kwh_min"},
        costs=(
            Entry("boxes bought", ("investment", "replacement")),
            Entry("capital", ("debt_service", "insurance_premium")),
            Entry("tax", ("tax",)),
        ),
        revenues=(
            Entry("rent", ("rent",)),
            Entry("rest", ("residual",)),
            Entry("money", ("loan", "subsidy", "insurance_claim", "tax")),
        ),
    )
    risk_bearers: ClassVar = {"performance": CUSTOMER, "credit": PROVIDER}
    asset: ClassVar = "box"
    kind: Literal["saver"] = "saver"
    rent_per_year: Money = 24.0
    """Rent [currency/a]."""
    saves: Share = 0.1
    """Share of consumption [1]."""

    def expected(self, customers):
        """One box each."""
        n = len(customers)
        return {
            "capex": np.full(n, 100.0),
            "saved_kwh": self.saves * customers.annual_kwh,
            "price": customers.price_per_kwh,
        }

    def upfront(self, q):
        """Buy the box."""
        return [Flow(PROVIDER, "vendor", "investment", q["capex"])]

    def yearly(self, q, age):
        """Rent, and what is saved, during the term."""
        in_term = np.asarray(age) < self.term_years
        return [
            Flow(CUSTOMER, PROVIDER, "rent", np.full(q["capex"].size, self.rent_per_year) * in_term),
            Flow("supplier", CUSTOMER, "retail", q["saved_kwh"] * q["price"] * in_term, metered=True),
        ]

    def at_end(self, q):
        """Sell the box."""
        return [Flow("outside", PROVIDER, "residual", 0.3 * q["capex"])]

    def effect(self, q, age):
        """Save."""
        return {"saved_share": np.where(age < self.term_years, self.saves, 0.0)}

    def realised(self, q, meters, age):
        """What is not withdrawn, by what is."""
        saved = meters.withdrawn_kwh * meters.saved_share / (1 - meters.saved_share)
        return {**q, "saved_kwh": saved, "price": meters.price_per_kwh}


class TestSaver(BusinessModelContract):
    """The rental keeps what business models must."""

    business_model = Saver()


@pytest.fixture(scope="module", autouse=True)
def registered():
    """Register the rental, and leave other modules a package without it."""
    before = dict(BUSINESS_MODELS), dict(REGISTERED)
    ga.register(Saver)
    yield
    for table, kept in zip((BUSINESS_MODELS, REGISTERED), before, strict=True):
        table.clear()
        table.update(kept)
    rebuild()


def test_a_canvas_that_maps_to_no_account_is_refused():
    """A revenue on an account that nothing is booked on is refused when the class is registered, with the account."""

    class Dreamer(Saver):
        """Sells data that nobody buys."""

        kind: Literal["dreamer"] = "dreamer"
        canvas: ClassVar = replace(Saver.canvas, revenues=(*Saver.canvas.revenues, Entry("data", ("data_sales",))))

    with pytest.raises(ValueError, match=r"R\$ 'data': books on data_sales"):
        ga.register(Dreamer)


def test_a_class_without_what_it_needs_is_refused():
    """A business model needs a kind, and what the frame asks for."""

    class Nameless(BusinessModel):
        """Nothing."""

    with pytest.raises(ValueError, match="no key `kind`"):
        ga.register(Nameless)

    class Bare(BusinessModel):
        """A name alone."""

        kind: Literal["bare"] = "bare"

    with pytest.raises(ValueError, match="no canvas, risk_bearers, asset"):
        ga.register(Bare)


SURE = {"trust": 100.0}
SMALL = {
    "households.count": 12,
    "firms.count": 3,
    "farms": None,
    "time.period_minutes": 60,
    "time.days": 30,
    "time.start": "2016-06-10",
    "outputs.members": 2,
}
ALL = {"channel": {"first_month": 0, "reach_share": 1.0}, "acceptance": SURE, "risk": {"default_per_year": 0.0}}


def world(model=None, **more):
    """A month and a bit of a few households, with the rental."""
    values = {**SMALL, **more}
    if model is not None:
        values["business_models"] = [{"kind": "saver", **model}]
    return ga.load("quickstart").override(values)


def finished(scenario, block=None):
    """Return the model after its last day."""
    model = Simulation(scenario, block=block)
    while model.running:
        model.step()
    return model


@pytest.fixture(scope="module")
def all_sign():
    """A run in which everybody signs before the first day, and its result."""
    return ga.run(world(ALL))


def test_everybody_is_posted_what_was_agreed(all_sign):
    """Twelve rentals of 24 a year over 30 of 366 days: each box is bought, each rent is posted to the micro-unit."""
    ledger = all_sign["ledger"]
    own = ledger[ledger["business_model"] == "saver"].groupby(["payer", "payee", "account"])["amount"].sum()
    rent = 12 * round(24.0 * 30 / N_DAYS, 6)
    assert own["grid_company", "vendor", "investment"] == pytest.approx(1200.0, abs=1e-9)
    assert own["vendor", "outside", "cost_of_sales"] == pytest.approx(0.85 * 1200.0, abs=1e-9)
    assert own["households", "grid_company", "rent"] == pytest.approx(rent, abs=1e-9)
    assert len(own) == 3  # what is metered is in the bills already


def test_contracts_say_what_was_paid(all_sign):
    """One row a contract: its customers have paid what the ledger says, and supply contracts are still there."""
    contracts = all_sign["contracts"]
    own = contracts[contracts["business_model"] == "saver"]
    assert own["party"].tolist() == [
        f"households:{number}" for number in own["party"].str.split(":").str[1].astype(int)
    ]
    assert (own["status"] == "running").all()
    assert (own["first_day"] == 0).all()
    assert own["paid"].sum() == pytest.approx(12 * round(24.0 * 30 / N_DAYS, 6), abs=1e-9)
    assert "supply" in contracts["kind"].tolist()


def test_the_box_saves_a_tenth(all_sign):
    """From the first day on households use nine tenths of what they would have used."""
    without = ga.run(world())
    before, after = (
        run["members"].query("population == 'households'")["load_kwh"].sum() for run in (without, all_sign)
    )
    assert after == pytest.approx(0.9 * before, rel=1e-6)


def test_the_canvas_is_filled_from_the_books(all_sign):
    """The canvas has the rent received and the boxes paid; all that is posted has an entry."""
    canvas = all_sign["canvas"].set_index("entry")["amount"]
    assert canvas["boxes bought"] == pytest.approx(1200.0)
    assert canvas["rent"] == pytest.approx(12 * round(24.0 * 30 / N_DAYS, 6))
    assert np.isnan(canvas["less consumption"])


def test_agreed_worth_by_hand(all_sign):
    """Five rents of 24 and a rest of 30 for a box of 100 are (-100, 24, 24, 24, 24, 54): NPV at 7 % and IRR."""
    worth = all_sign["business_worth"].query("party == 'provider' and basis == 'agreed'").iloc[0]
    flows = np.array([-100.0, 24, 24, 24, 24, 54])
    assert worth["npv"] == pytest.approx(12 * (flows / 1.07 ** np.arange(6)).sum(), rel=1e-12)
    assert worth["npv"] / 12 == pytest.approx(19.794324, abs=1e-6)
    assert ((flows / (1 + worth["irr"]) ** np.arange(6)).sum()) == pytest.approx(0.0, abs=1e-9)
    customer = all_sign["business_worth"].query("party == 'customer' and basis == 'agreed'").iloc[0]
    assert np.isnan(customer["irr"])
    assert "no sign change" in customer["irr_note"]


def test_who_pays_whom_closes(all_sign):
    """Who paid whom holds every posting of the ledger once."""
    assert all_sign["stakeholders"]["amount"].sum() == pytest.approx(all_sign["ledger"]["amount"].sum(), abs=1e-6)


def test_nobody_signs_nothing_changes():
    """Where nobody accepts, every table of the markets is the same, byte for byte."""
    refused = {"channel": {"first_month": 0, "reach_share": 1.0}, "acceptance": {"trust": -100.0}}
    with_model, without = ga.run(world(refused)), ga.run(world())
    for name in without:
        pd.testing.assert_frame_equal(with_model[name], without[name], check_exact=True)
    assert with_model["business_months"]["signed"].sum() == 0


def test_blocks_and_threads_do_not_matter():
    """Contracts and postings do not depend on how members are cut into blocks."""
    scenario = world({**ALL, "acceptance": {}, "risk": {"default_per_year": 0.5}})
    one, other = finished(scenario), finished(scenario, block=5)
    pd.testing.assert_frame_equal(one.ledger.frame(), other.ledger.frame(), check_exact=True)
    assert operations_of(one)[0].contracts.number.tolist() == operations_of(other)[0].contracts.number.tolist()


def test_a_subsidy_ends_with_its_budget():
    """A budget of 45 pays four boxes of twelve at a tenth of their cost, and never more."""
    model = {**ALL, "finance": {"subsidy_share": 0.1}, "channel": {"first_month": 1, "reach_share": 1.0}}
    run = ga.run(world(model, **{"government.subsidy_budget": 45.0}))
    ledger = run["ledger"]
    assert ledger[ledger["account"] == "subsidy"]["amount"].sum() == pytest.approx(40.0)
    assert run["business_months"]["signed"].tolist() == [4, 0]
    numbers = [int(party.split(":")[1]) for party in run["contracts"].query("kind == 'saver'")["party"]]
    assert sorted(numbers) == [0, 1, 2, 3]  # first come, first served


def test_first_come_first_served():
    """Support is paid in order until the budget is spent; who needs none is always served."""
    paid = within_budget(np.array([5.0, 0.0, 3.0, 4.0]), np.array([2, 0, 3, 1]), 8.0)
    assert paid.tolist() == [True, True, True, False]


YEARS = {"time.representative_days": {"count": 2, "years": 3, "each_year": True}}


def test_contracts_end_and_are_signed_again():
    """A term of one year ends in each of three years; the rest of the box is paid, and who is free may sign again."""
    run = ga.run(world({**ALL, "term_years": 1, "life_years": 1}, **YEARS))
    months = run["business_months"]
    assert months["ended"].sum() == 36
    assert months["signed"].sum() + 12 >= 24  # those before the first day are reported with the first bill
    ledger = run["ledger"]
    own = ledger[ledger["business_model"] == "saver"]
    rent = (own["amount"] * own["weight"])[own["account"] == "rent"].sum()
    assert rent == pytest.approx(3 * 12 * 24.0, rel=1e-3)
    rest = (own["amount"] * own["weight"])[own["account"] == "residual"].sum()
    assert rest == pytest.approx(36 * 30.0, rel=1e-6)


def test_who_defaults_pays_no_more():
    """With a hazard near 1 all have defaulted after a year: their rents stop, debt service to the bank goes on."""
    model = {**ALL, "finance": {"debt_share": 0.5}, "risk": {"default_per_year": 1.0}, "term_years": 3, "life_years": 3}
    model["rent_per_year"] = 60.0
    run = ga.run(world(model, **YEARS))
    status = run["contracts"].query("kind == 'saver'")["status"]
    assert (status == "defaulted").sum() >= 6
    ledger = run["ledger"]
    late = ledger[(ledger["business_model"] == "saver") & (ledger["year"] == 3)]
    to_the_end = int((status == "ended").sum())
    assert late[late["account"] == "debt_service"]["amount"].sum() > 0
    rent = (late["amount"] * late["weight"])[late["account"] == "rent"].sum()
    assert rent == pytest.approx(60.0 * to_the_end, abs=1e-3)


def test_who_lost_may_leave():
    """A rent above what is saved makes all leave after their first year, if they look back on it."""
    model = {**ALL, "rent_per_year": 500.0, "risk": {"default_per_year": 0.0, "exit_share": 1.0}}
    model["channel"] = {"first_month": 0, "reach_share": 1.0, "every_months": 120}
    model["acceptance"] = {"trust": 100.0, "capital_months": 1000.0}
    run = ga.run(world(model, **YEARS))
    assert run["business_months"]["left"].sum() == 12
    assert (run["contracts"].query("kind == 'saver'")["status"] == "left").all()
    assert run["business_months"]["running"].iloc[-1] == 0


def test_damage_is_replaced_and_insured():
    """With damage every year the vendor replaces boxes, and the insurer pays its part of each."""
    finance = {"damage_per_year": 0.9, "insured": True}
    run = ga.run(world({**ALL, "finance": finance}, **YEARS))
    own = run["ledger"][run["ledger"]["business_model"] == "saver"]
    total = (own["amount"] * own["weight"]).groupby(own["account"]).sum()
    assert total["replacement"] % 100.0 == pytest.approx(0.0, abs=0.01) or total["replacement"] % 100.0 > 99.99
    assert total["insurance_claim"] == pytest.approx(0.8 * total["replacement"], rel=1e-6)
    assert total["insurance_premium"] == pytest.approx(3 * 12 * 0.9 * 0.8 * 1.3 * 100.0, rel=1e-3)


def test_the_bank_lends_only_where_debt_is_covered():
    """A rent of 24 covers the service of a loan of 10, and not of one of 90."""
    for share, lent in ((0.1, 12 * 10.0), (0.9, 0.0)):
        run = ga.run(world({**ALL, "finance": {"debt_share": share}}, **{"time.days": 2}))
        ledger = run["ledger"]
        assert ledger[ledger["account"] == "loan"]["amount"].sum() == pytest.approx(lent)


@pytest.mark.parametrize(
    ("months", "first", "every", "due"),
    [
        ([0, 1, 2, 3, 4], 1, 1, [False, True, True, True, True]),
        ([0, 1, 2, 3, 4], 2, 2, [False, False, True, False, True]),
    ],
)
def test_rounds_of_offers_come_in_time(months, first, every, due):
    """Offers begin at the end of a month and come every so many months."""
    terms = Saver(channel={"first_month": first, "every_months": every})
    rounds = BusinessRounds.__new__(BusinessRounds)
    found, before = [], 0
    for month in months:
        rounds.months = month
        found.append(rounds._due(terms, before) if month else False)
        before = month
    assert found == due


def refusal(model, **more):
    """What a scenario with such a rental is told."""
    with pytest.raises(ScenarioError) as caught:
        world(model, **more)
    return str(caught.value)


def test_refusals_name_the_remedy():
    """Parties that do not exist, shares above one, negative terms: each is named with what is allowed."""
    assert "nearest 'grid_company'" in refusal({"provider": "grid_compani"})
    assert "counterparties.companies" in refusal({"provider": "esco"})
    assert "unknown population 'house'" in refusal({"population": "house"})
    assert "saves: given 1.2" in refusal({"saves": 1.2})
    assert "rent_per_year: given -1" in refusal({"rent_per_year": -1.0})
    assert "nearest 'rent_per_year'" in refusal({"rent_per_years": 1.0})
    assert "lender" in refusal({"finance": {"debt_share": 0.5}}, **{"counterparties.bank": None})
    assert "insurer" in refusal({"finance": {"insured": True}}, **{"counterparties.insurer": None})
    assert "each_year" in refusal({}, **{"time.representative_days": {"count": 2, "years": 2}})
    assert "term_years" in refusal({"term_years": 12})


def test_two_models_of_one_name_are_refused():
    """Two business models need two names, and companies cannot be called like another party."""
    with pytest.raises(ScenarioError, match="own `name`"):
        ga.load("quickstart").override({**SMALL, "business_models": [{"kind": "saver"}, {"kind": "saver"}]})
    with pytest.raises(ScenarioError, match="none of"):
        world({}, **{"counterparties.companies": ["bank"]})


def test_two_contracts_on_one_asset_are_refused():
    """Energy services and the firms' own retrofit change the same asset: one of the two."""
    values = {"firms.retrofit": {}, "business_models": [{"kind": "shared_savings", "population": "firms"}]}
    with pytest.raises(ScenarioError, match="two exclusive contracts on one asset"):
        ga.load("quickstart").override({**values, "time.days": 100})


def test_results_are_read_back(tmp_path, all_sign):
    """Written and read again the tables of the business models are the same."""
    ga.run(world(ALL), out=tmp_path / "run")
    again = ga.read(tmp_path / "run")
    for name in ("business_cash", "business_worth", "business_risk", "business_fan", "canvas", "stakeholders"):
        pd.testing.assert_frame_equal(again[name], all_sign[name], check_dtype=False)
    assert (tmp_path / "run" / "stakeholders.csv").read_text().startswith("payer,payee,business_model,amount")
