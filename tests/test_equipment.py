"""Rented, financed and bought equipment by hand: cash of every party, credit loss, wrong machines (D3)."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.agents.business_models import life as frame
from gridagora.agents.business_models.contracts import Contracts
from gridagora.agents.business_models.equipment import EquipmentInstalment, EquipmentPurchase, EquipmentRental
from gridagora.agents.business_models.equipment_credit import (
    balance_after,
    covering_interest,
    expected_loss,
    lifetime_loss,
    monthly_payment,
)
from gridagora.agents.business_models.equipment_machine import Stages
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, Customers, Meters
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.agents.business_models.life import Partners
from gridagora.agents.business_models.terms import Finance
from gridagora.markets.strategies.draws import Draws

MODELS = (EquipmentRental, EquipmentInstalment, EquipmentPurchase)
#: A machine of 1 kW for 1,000, 1,150 with its stages; 1,000 kWh a year that cost 0.70 and earn 0.95 each.
MACHINE = {"kw_to_mean": 1.0, "price_per_kw": 1000.0, "hours_per_year": 1000.0, "obsolete_per_year": 0.1}
FINANCE = Finance(discount_rate=0.10)
RENTAL = EquipmentRental(**MACHINE, term_years=2, life_years=2, margin_share=0.0, finance=FINANCE)
PURCHASE = EquipmentPurchase(**MACHINE, term_years=2, life_years=2, finance=FINANCE)
INSTALMENT = EquipmentInstalment(
    **MACHINE, term_years=1, life_years=2, instalments=12, interest_per_year=0.12, finance=FINANCE
)


def people(n=1, annual=8760.0):
    """Return firms of 1 kW on average."""
    ones, numbers = np.ones(n), np.arange(n)
    return Customers(
        population="firms", row=numbers, number=numbers, annual_kwh=annual * ones, withdrawn_kwh=annual * ones,
        price_per_kwh=0.7 * ones, feed_in_per_kwh=0.36, income=9000 * ones, default_per_year=0.02 * ones,
        credit_score=0 * ones, profile=np.full(n, "G0"), pv_kwh=0 * ones, battery_kwh=0 * ones, owns={},
        satisfaction=0 * ones, draws=Draws(1, "firms"), vendor_price=1.0,
        meter=lambda pv, battery: (annual * ones - pv, battery),
    )  # fmt: skip


def cash(model, role, **changed):
    """Return the cash of a role under one contract, with quantities changed."""
    q = {**model.expected(people()), **{name: np.array([value]) for name, value in changed.items()}}
    return frame.net(frame.life(model, q, Partners()), role)[0]


def signed(model, n=2):
    """Return contracts signed on day 0."""
    contracts, customers = Contracts(), people(n)
    agreed = model.expected(customers)
    contracts.sign(customers.row, customers.number, 0, agreed, model.truth(customers, agreed))
    contracts.age += 1
    return contracts


def test_rent_by_hand():
    """Rent = (1150 - 165.8 / 1.1^2) x 0.5761905 + 30 = 613.666667, and covers all but wrong machines."""
    q = RENTAL.expected(people())
    assert q["residual"][0] == pytest.approx(1000 * (0.02 + 0.18 * 0.81))
    assert q["rent"][0] == pytest.approx(613.6666667)
    assert cash(RENTAL, CUSTOMER) == pytest.approx([0, 250 - 613.6666667, 250 - 613.6666667])
    assert cash(RENTAL, PROVIDER) == pytest.approx([-1150, 583.6666667 - 0.15 * 0.12 * 1150, 583.6666667 + 165.8])
    assert cash(RENTAL, "vendor") == pytest.approx([1000, 0, 0])
    assert cash(RENTAL, "supplier") == pytest.approx([0, 700, 700])
    assert cash(RENTAL, "outside") == pytest.approx([150, 30 + 20.7 - 950, 30 - 950 - 165.8])
    found = frame.worth(cash(RENTAL, PROVIDER), 0.10)
    assert found.npv == pytest.approx(-20.7 / 1.1)
    assert frame.worth(cash(RENTAL, PROVIDER, wrong=0.0), 0.10).irr == pytest.approx(0.10)


def test_the_margin_is_what_the_lessor_earns():
    """A margin of a tenth of the rent at cost, 61.37 a year, is worth 61.37 x 1.7355 to the provider."""
    with_margin = RENTAL.model_copy(update={"margin_share": 0.1})
    more = frame.worth(cash(with_margin, PROVIDER), 0.1).npv - frame.worth(cash(RENTAL, PROVIDER), 0.1).npv
    assert more == pytest.approx(61.36666667 * (1 / 1.1 + 1 / 1.21))


def test_instalments_by_hand():
    """A cash price of 1242, a deposit of 248.40 and twelve times 88.280156 at 1 % a month; 15 % wrong machines."""
    q = INSTALMENT.expected(people())
    assert (q["deposit"][0], q["owed"][0]) == pytest.approx((248.4, 993.6))
    assert q["instalment"][0] == pytest.approx(993.6 * 0.01 / (1 - 1.01**-12))
    assert q["instalment"][0] == pytest.approx(88.280156, abs=1e-5)
    year = 950 * 0.9625 - 700 * 1.015 - 30
    paid = 12 * 993.6 * 0.01 / (1 - 1.01**-12)
    assert cash(INSTALMENT, CUSTOMER) == pytest.approx([-248.4, year - paid, year + 165.8])
    assert cash(INSTALMENT, PROVIDER) == pytest.approx([248.4 - 1150, paid, 0])
    assert frame.worth(cash(INSTALMENT, PROVIDER), 0.1).irr == pytest.approx(paid / 901.6 - 1)


def test_purchase_by_hand():
    """All is paid at once: 1242; the seller keeps 92, and the buyer has output, energy, upkeep and what is left."""
    year = 950 * 0.9625 - 700 * 1.015 - 30
    assert cash(PURCHASE, CUSTOMER) == pytest.approx([-1242, year, year + 165.8])
    assert cash(PURCHASE, PROVIDER) == pytest.approx([92, 0, 0])
    assert PURCHASE.at_end(PURCHASE.expected(people())) == []


def test_what_waiting_is_worth():
    """At a shadow price of capital of 10 % a year's instalments of 1059.36 for 993.60 gain 30.54; at 5 % they cost."""
    q = INSTALMENT.expected(people())
    paid = 12 * q["instalment"][0]
    assert INSTALMENT.liquidity_benefit(q)[0] == pytest.approx(993.6 - paid / 1.1)
    cheap = INSTALMENT.model_copy(
        update={"acceptance": INSTALMENT.acceptance.model_copy(update={"discount_rate": 0.05})}
    )
    assert cheap.liquidity_benefit(q)[0] == pytest.approx(993.6 - paid / 1.05)
    assert cheap.liquidity_benefit(q)[0] < 0 < INSTALMENT.liquidity_benefit(q)[0]


def test_who_rents_avoids_the_wrong_machine():
    """A wrong machine costs its owner 237.50 of output and 70 of energy a year, and the lessor 138 once."""
    wrong, right = cash(PURCHASE, CUSTOMER, wrong=1.0), cash(PURCHASE, CUSTOMER, wrong=0.0)
    assert wrong - right == pytest.approx([0, -237.5 - 70, -237.5 - 70])
    assert cash(RENTAL, CUSTOMER, wrong=1.0).tolist() == cash(RENTAL, CUSTOMER, wrong=0.0).tolist()
    lost = cash(RENTAL, PROVIDER, wrong=1.0) - cash(RENTAL, PROVIDER, wrong=0.0)
    assert lost == pytest.approx([0, -138, 0])
    q = {**PURCHASE.expected(people()), "wrong": np.ones(1)}
    assert PURCHASE.effect(q, np.array([0.5]))["added_kwh"] == pytest.approx([1100])
    assert RENTAL.effect(q, np.array([0.5]))["added_kwh"] == pytest.approx([1000])
    assert RENTAL.effect(q, np.array([2.0]))["added_kwh"].tolist() == [0]


def test_who_bears_obsolescence():
    """A machine that is worth scrap costs the lessor 145.80 at the end, and an owner as much."""
    assert cash(RENTAL, PROVIDER, residual=20.0)[2] - cash(RENTAL, PROVIDER)[2] == pytest.approx(-145.8)
    assert cash(RENTAL, CUSTOMER, residual=20.0).tolist() == cash(RENTAL, CUSTOMER).tolist()
    assert cash(INSTALMENT, CUSTOMER, residual=20.0)[2] - cash(INSTALMENT, CUSTOMER)[2] == pytest.approx(-145.8)


def test_what_is_drawn_agrees_with_what_is_expected():
    """Of 20,000 customers 15 % choose wrongly and 81 % keep a machine that is worth its residual."""
    customers = people(20_000)
    agreed = INSTALMENT.expected(customers)
    true = INSTALMENT.truth(customers, agreed)
    assert true["wrong"].mean() == pytest.approx(0.15, abs=0.01)
    assert set(true["residual"].tolist()) == {200.0, 20.0}
    assert true["residual"].mean() == pytest.approx(165.8, abs=2)
    assert true["instalment"] is agreed["instalment"]


@pytest.mark.parametrize("kind", MODELS)
def test_every_flow_has_two_sides_and_the_canvas_maps(kind):
    """With loan, tax, insurance, damage and subsidy the parties' cash sums to nothing in each year."""
    finance = Finance(
        debt_share=0.5, subsidy_share=0.1, insured=True, damage_per_year=0.05, tax_rate=0.25, inflation=0.02
    )
    model = kind(finance=finance)
    q = model.expected(people(3))
    q["debt"] = 0.45 * q["capex"]
    flows = frame.life(model, q, Partners(Bank(), Insurer()))
    cash_of = frame.per_party(flows)
    assert sum(cash_of.values()) == pytest.approx(np.zeros(9), abs=1e-9)
    assert set(cash_of) == {
        CUSTOMER, PROVIDER, "bank", "government", "insurer", "outside", "supplier", "vendor"
    }  # fmt: skip
    accounts = {flow.account for flow in flows}
    assert model.canvas.faults(model, accounts, cash_of, q) == []
    own = {f.account for f in flows if PROVIDER in (f.payer, f.payee)}
    covered = {account for entry in (*model.canvas.costs, *model.canvas.revenues) for account in entry.accounts}
    assert own <= covered


@given(
    omega=st.floats(0, 1), residual=st.floats(0.02, 1), rate=st.floats(0, 0.3), months=st.integers(25, 36),
    maintenance=st.floats(0, 0.2),
)  # fmt: skip
def test_money_is_conserved_under_any_terms(omega, residual, rate, months, maintenance):
    """Whatever the terms, what one party pays another receives."""
    shared = {"wrong_share": omega, "residual_share": residual, "maintenance_share": maintenance}
    for model in (
        EquipmentRental(**shared),
        EquipmentInstalment(**shared, interest_per_year=rate, instalments=months),
        EquipmentPurchase(**shared),
    ):
        flows = frame.life(model, model.expected(people()), Partners())
        assert sum(frame.per_party(flows).values()) == pytest.approx(np.zeros(9), abs=1e-8)


def test_expected_loss_is_probability_times_severity_times_exposure():
    """0.02 x 0.45 x 1000 = 9; over two months 0.45 x (0.1 x 100 + 0.9 x 0.1 x 50) = 6.525."""
    assert expected_loss(0.02, 0.45, 1000.0) == pytest.approx(9.0)
    yearly = np.array([1 - 0.9**12])
    assert lifetime_loss(np.array([100.0]), 0.0, 2, yearly, 0.45) == pytest.approx([6.525])
    assert monthly_payment(np.array([100.0]), 0.0, 2) == pytest.approx([50.0])
    assert balance_after(np.full(4, 100.0), 0.0, 2, np.array([0.0, 1, 2, 9])).tolist() == [100, 50, 0, 0]
    q = INSTALMENT.expected(people())
    exposures = balance_after(np.full(12, 993.6), 0.12, 12, np.arange(12.0))
    default = 0.98 ** (np.arange(12) / 12) - 0.98 ** (np.arange(1, 13) / 12)
    assert INSTALMENT.expected_loss(q)[0] == pytest.approx(0.45 * default @ exposures)


def test_interest_that_covers_the_credit_loss():
    """With a tenth defaulting a month and half of it lost, 1 / 0.95 - 1 a month covers a loan for free money."""
    assert covering_interest(0.0, 1 - 0.9**12, 0.5) == pytest.approx(12 * (1 / 0.95 - 1))
    assert covering_interest(0.06, 0.0, 0.5) == pytest.approx(0.06)
    rate = covering_interest(0.06, 0.2, 0.45)
    payment = float(monthly_payment(np.ones(1), rate, 24)[0])
    alive, worth, owed = 1.0, 0.0, 1.0
    stay = 0.8 ** (1 / 12)
    for month in range(1, 25):
        due = owed * (1 + rate / 12)
        worth += alive * (stay * payment + (1 - stay) * 0.55 * due) / 1.005**month
        # Who pays owes the rest; a claim in default is settled, so its lost part is that of the whole claim.
        alive, owed = alive * stay, due - payment
    assert worth == pytest.approx(1.0)


def test_default_leaves_a_used_machine():
    """Half a year in, the seller gets 55 % of what six instalments leave owed, the lessor of the book value."""
    q = INSTALMENT.expected(people())
    (sold,) = INSTALMENT.at_default(q, np.array([0.5]))
    assert sold.amount == pytest.approx(0.55 * balance_after(q["owed"], 0.12, 12, np.array([6.0])))
    (taken,) = RENTAL.at_default(RENTAL.expected(people()), np.array([0.5]))
    assert (taken.payer, taken.payee, taken.account) == ("outside", PROVIDER, "residual")
    assert taken.amount == pytest.approx([0.55 * (1150 - (1150 - 165.8) / 4)])


def test_a_drawn_default_sells_the_machine():
    """Where everybody defaults in the first year, the seller has the deposit and 55 % of 993.60, the buyer nothing."""
    drawn = frame.simulate(INSTALMENT, INSTALMENT.expected(people()), Partners(), 5, 1, default_per_year=1.0)
    assert drawn[PROVIDER] == pytest.approx(np.tile([248.4 - 1150, 0.55 * 993.6, 0.0], (5, 1)))
    assert drawn[CUSTOMER] == pytest.approx(np.tile([-248.4, 0.0, 0.0], (5, 1)))
    assert sum(drawn.values()) == pytest.approx(np.zeros((5, 3)), abs=1e-9)


def test_meters_tell_the_price_alone():
    """What a machine earns is known; what its energy costs is metered."""
    zero = np.zeros(1)
    meters = Meters(0.5, zero, zero, zero, zero, np.array([0.8]), zero, zero, zero)
    q = RENTAL.expected(people())
    assert RENTAL.realised(q, meters, np.array([0.5]))["price_per_kwh"].tolist() == [0.8]


def test_indicators_by_hand():
    """Two contracts of a year: 2 kW, 2,000 kWh or more, and the provider's cash."""
    books = pd.DataFrame(
        [("firms", "grid_company", "equipment_sale", 2484.0), ("grid_company", "vendor", "equipment", 2000.0)],
        columns=["payer", "payee", "account", "amount"],
    )
    contracts = signed(PURCHASE)
    found = {kpi.kpi: kpi.value for kpi in PURCHASE.indicators(books, contracts, 364)}
    assert found["equipment_kw"] == pytest.approx(2)
    assert found["equipment_provider_cash"] == 484
    assert found["equipment_added_energy"] == pytest.approx(2000 * (1 + 0.1 * found["equipment_wrong_share"]))
    assert PURCHASE.indicators(books, Contracts(), 364) == INSTALMENT.indicators(books, Contracts(), 364) == []
    lent = {kpi.kpi: kpi.value for kpi in INSTALMENT.indicators(books, signed(INSTALMENT), 364)}
    assert lent["instalment_lent"] == pytest.approx(2 * 993.6)
    assert lent["instalment_interest"] == pytest.approx(2 * (12 * 88.280156 - 993.6), abs=1e-3)
    assert 0 < lent["instalment_expected_loss"] < 2 * 993.6 * 0.02 * 0.45
    assert lent["instalment_liquidity_benefit"] > 0


def test_bad_terms_are_refused():
    """Shares above one, a residual below scrap, instalments outside the term."""
    with pytest.raises(ValidationError, match="wrong_share"):
        EquipmentRental(wrong_share=1.2)
    with pytest.raises(ValidationError, match="price_per_kw"):
        EquipmentRental(price_per_kw=-1)
    with pytest.raises(ValidationError, match=r"residual_share: given 0\.01; allowed at least scrap_share"):
        EquipmentRental(residual_share=0.01)
    with pytest.raises(ValidationError, match="instalments: given 37; allowed 25 to 36"):
        EquipmentInstalment(instalments=37)
    with pytest.raises(ValueError, match="loss_given_default"):
        expected_loss(0.1, 1.5, 1.0)
    assert Stages().total == pytest.approx(0.15)
