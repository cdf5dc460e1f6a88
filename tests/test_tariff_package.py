"""Packages, combined tariffs, eligibility, ways to pay, and menus."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.markets.tariffs.blocks import IncreasingBlocks
from gridagora.markets.tariffs.combined import CombinedTariff, Eligibility, Menu
from gridagora.markets.tariffs.flat import Flat
from gridagora.markets.tariffs.metered import Context, Customer, Meter
from gridagora.markets.tariffs.package import Package
from gridagora.markets.tariffs.payment import Payment, prepaid
from gridagora.markets.tariffs.seasonal import ScheduledTariff
from gridagora.markets.tariffs.time_of_use import TimeOfUse
from gridagora.sim.clock import Calendar

APRIL = Calendar(date(2025, 4, 1), 30, 60)
DAY_NIGHT = TimeOfUse(
    energy_per_kwh={"day": 0.5, "night": 0.2},
    windows={"day": ["08:00-20:00"], "night": ["20:00-08:00"]},
    network_per_kwh=0.1,
    levy_per_kwh=0.0,
    standing_per_day=0.2,
)
FLAT = Flat(energy_per_kwh=0.4, network_per_kwh=0.1, levy_per_kwh=0.0)


def april(kwh_noon, kwh_night=0.0):
    """Return a meter of April that uses so much at noon of each day and at 22:00."""
    hours = np.zeros((30, 24))
    hours[:, 12], hours[:, 22] = kwh_noon, kwh_night
    return Meter(APRIL, hours.ravel())


def package(**changed):
    """Return a package of 20 a month with 45 kWh, 12 months and an exit fee of 50, a fifth green at 0.03."""
    values = {"prices": DAY_NIGHT, "fee_per_month": 20.0, "included_kwh": 45.0, "exit_fee": 50.0, "green_share": 0.2}
    return Package(**{**values, **changed})


def shown(bill):
    """Return name, quantity, price and amount of each line."""
    return [(line.line, pytest.approx(line.quantity), line.price, line.amount) for line in bill]


def test_package_by_hand():
    """2 kWh at noon and 1 at night: the 45 included are used up on the 15th; 30 by day and 15 at night are charged."""
    assert shown(package().bill(april(2.0, 1.0))) == [
        ("fee, 2025-04", 1.0, 20.0, 20.0),
        ("included energy, 2025-04", 45.0, 0.0, 0.0),
        ("energy day, 2025-04", 30.0, 0.5, 15.0),
        ("energy night, 2025-04", 15.0, 0.2, 3.0),
        ("green energy", 18.0, 0.03, 0.54),
        ("standing charge", 30.0, 0.2, 6.0),
        ("network", 90.0, 0.1, 9.0),
    ]


def test_price_within_a_package():
    """Until 22:00 of the 15th one more kWh displaces one then, at 0.2; after it each hour has its own price."""
    price = package().marginal_price(april(2.0, 1.0)) - 0.106
    out = 14 * 24 + 22
    assert price[: out + 1] == pytest.approx(np.full(out + 1, 0.2))
    assert price[out + 14] == pytest.approx(0.5)
    assert package().marginal_price(april(1.0)) == pytest.approx(np.full(720, 0.106))
    assert package(included_kwh=0.0).marginal_price(april(0.0))[[0, 12]] == pytest.approx([0.306, 0.606])


def test_leaving():
    """After 5 of 12 months 50 are due, after 12 nothing."""
    (line,) = package().leave(5)
    assert (line.line, line.unit, line.amount) == ("exit fee after 5 of 12 months", "fee", 50.0)
    assert package().leave(12) == []
    with pytest.raises(ValueError, match="months_served: given -1; allowed at least 0"):
        package().leave(-1)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"term_months": 0}, "exit_fee: given 50 without a term; allowed 0, or give term_months"),
        ({"term_months": 121}, "term_months"),
        ({"fee_per_month": -1.0}, "fee_per_month"),
        ({"green_share": 1.2}, "green_share"),
        ({"fee_per_month": float("nan")}, "finite"),
    ],
)
def test_terms_out_of_range(values, text):
    """Fees without a term, terms too long, negative fees and shares above 1 are refused."""
    with pytest.raises(ValidationError, match=text):
        package(**values)


def combined(**changed):
    """Return a flat tariff of 0.5 a kWh."""
    return CombinedTariff(**{"parts": (ScheduledTariff(prices=FLAT),), **changed})


def test_ways_to_pay():
    """100 kWh at 0.5: 50 on the bill, 48.50 by direct debit, 52.50 in advance."""
    meter = april(100 / 30)
    due = {}
    for method in ("on_bill", "direct_debit", "prepayment"):
        tariff = combined(payment=Payment(method=method))
        due[method] = sum(line.amount for line in tariff.bill(meter))
        assert tariff.marginal_price(meter)[0] == pytest.approx(due[method] / 100)
        assert tariff.average_price(meter) == pytest.approx(due[method] / 100)
    assert due == pytest.approx({"on_bill": 50.0, "direct_debit": 48.5, "prepayment": 52.5})
    line = combined(payment=Payment(method="direct_debit")).bill(meter)[-1]
    assert (line.line, line.quantity, line.unit, line.price, line.amount) == (
        "direct debit discount",
        50.0,
        "currency",
        -0.03,
        -1.5,
    )
    assert combined(payment=Payment(method="prepayment")).bill(meter)[-1].line == "prepayment premium"


def test_revenue_by_account():
    """100 kWh bring the supplier 40 and the grid company 10; who uses nothing has no average price."""
    assert combined().revenue(april(100 / 30)) == {"retail": 40.0, "network": 10.0}
    with pytest.raises(ValueError, match="average price: given a meter without withdrawal"):
        combined().average_price(april(0.0))


def test_prepayment_meter():
    """2 a day from 3, a top-up of 4 on the fourth day and 1 of emergency credit: the third day is without power."""
    account = prepaid([2, 2, 2, 2], [0, 0, 0, 4], opening=3.0, emergency_credit=1.0)
    assert account.balance.tolist() == [1.0, -1.0, -1.0, 1.0]
    assert account.connected.tolist() == [True, True, False, True]
    with pytest.raises(ValueError, match=r"top_ups: given shape \(2,\); allowed that of cost_per_day, \(1,\)"):
        prepaid([1], [1, 2])
    with pytest.raises(ValueError, match="prepaid amounts: given -1 as lowest"):
        prepaid([1], [-1])


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=20), st.floats(0, 5))
def test_prepaid_account_adds_up(days, emergency):
    """Balance is what was paid in less what served days cost, and never below the emergency credit."""
    cost, paid = np.array(days).T
    account = prepaid(cost, paid, 1.0, emergency)
    assert account.balance[-1] == pytest.approx(1.0 + paid.sum() - cost[account.connected].sum())
    assert account.balance.min() >= -emergency - 1e-9


@pytest.mark.parametrize(
    ("condition", "customer", "missing"),
    [
        ({"all_electric": True}, Customer(all_electric=True), ("all_electric",)),
        ({"transport": True}, Customer(transport=True), ("transport",)),
        ({"storage_air_conditioning": True}, Customer(storage_air_conditioning=True), ("storage_air_conditioning",)),
        ({"low_income": True}, Customer(low_income=True), ("low_income",)),
        ({"least_meters": 2}, Customer(meters=3), ("least_meters of 2",)),
    ],
)
def test_who_may_have_it(condition, customer, missing):
    """Each condition admits who meets it and names itself to who does not."""
    eligible = Eligibility(**condition)
    assert eligible.admits(customer)
    assert eligible.missing(Customer()) == missing
    special = combined(eligible=eligible)
    assert special.bill(april(1.0), Context(customer=customer))
    with pytest.raises(ValueError, match=f"^customer: does not meet {missing[0]}; allowed who does; pass Context"):
        special.bill(april(1.0))
    with pytest.raises(ValueError, match="customer: does not meet"):
        special.marginal_price(april(1.0))


def test_network_and_levy_are_charged_once():
    """Two parts with a network charge would charge it twice."""
    with pytest.raises(ValidationError, match=r"network_per_kwh: given \[0.1, 0.1\] in 2 parts; allowed in one"):
        CombinedTariff(parts=(ScheduledTariff(prices=FLAT), package()))
    with pytest.raises(ValidationError, match="parts"):
        CombinedTariff(parts=())


def menu(**changed):
    """Return a menu of a package, an all-electric rate and the flat tariff, which is the outside option."""
    cheap = Flat(energy_per_kwh=0.1, network_per_kwh=0.1, levy_per_kwh=0.0)
    options = {
        "package": CombinedTariff(parts=(package(),)),
        "all-electric": combined(parts=(ScheduledTariff(prices=cheap),), eligible=Eligibility(all_electric=True)),
        "standard": combined(),
    }
    return Menu(**{"options": options, "outside": "standard", **changed})


def test_menu_by_hand():
    """30 kWh cost 15 as standard and 29.18 in the package, 90 kWh 45 and 53.54; the all-electric home pays 6."""
    assert menu().bills(april(1.0)) == pytest.approx({"package": 29.18, "standard": 15.0})
    assert menu().bills(april(2.0, 1.0)) == pytest.approx({"package": 53.54, "standard": 45.0})
    home = Context(customer=Customer(all_electric=True))
    assert menu().bills(april(1.0), home)["all-electric"] == pytest.approx(6.0)
    assert menu().cheapest(april(1.0), home) == "all-electric"
    assert menu().cheapest(april(1.0)) == "standard"


def test_who_is_indifferent_stays():
    """Between equal bills the outside option decides."""
    twins = menu(options={"twin": combined(), "standard": combined()})
    assert twins.cheapest(april(1.0)) == "standard"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"outside": "none"}, "outside: given 'none'; allowed one of options: package, all-electric, standard"),
        ({"outside": "package"}, "outside: 'package' has a term or a condition; allowed open to everybody"),
        ({"outside": "all-electric"}, "outside: 'all-electric' has a term or a condition"),
        ({"options": {"standard": combined()}}, "at least 2"),
    ],
)
def test_a_menu_without_an_outside_option_is_refused(changed, text):
    """One option is open to everybody and free to leave."""
    with pytest.raises(ValidationError, match=text):
        menu(**changed)
    values = {"options": menu().options}
    with pytest.raises(ValidationError, match="outside"):
        Menu(**values)


def test_a_menu_survives_a_file():
    """Written and read again it is the same, whatever its parts."""
    whole = menu(options={**menu().options, "ladder": CombinedTariff(parts=(IncreasingBlocks(),))})
    assert Menu.model_validate(whole.model_dump(mode="json")) == whole
