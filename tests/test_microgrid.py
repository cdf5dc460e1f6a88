"""Terms of a microgrid: its flows and values by hand, its lines of service, its prices inside, its site."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER
from gridagora.agents.business_models.life import Partners, life, net, values, worth
from gridagora.agents.business_models.microgrid import Microgrid
from gridagora.agents.business_models.microgrid_terms import LINES, ServiceLine
from gridagora.agents.microgrid_site import YEAR_DAYS, cold_shape, heat_shape
from gridagora.markets.community.cooperative import in_core, least_core
from gridagora.markets.community.internal_tariff import Metered, internal_payments, share_gain
from gridagora.scenarios.testing import BusinessModelContract

IDLE = {name: ServiceLine() for name in LINES}
#: 100 kWp at 400 a kWp and nothing else.
PLAIN = {
    "pv": {"kwp": 100, "capex_per_kwp": 400, "upkeep_share": 0.0},
    "battery": {"kwh": 0},
    "heat": {"kw": 0},
    "cold": {"kw": 0, "tank_kwh": 0},
    "services": IDLE,
    "staff": {"number": 0},
    "connection": {"standby_per_kw_month": 0, "capacity_per_kw_month": 0},
    "finance": {"discount_rate": 0.1},
    "term_years": 3,
    "life_years": 3,
}


def microgrid(**terms):
    """Plain terms with others in places."""
    return Microgrid.model_validate({**PLAIN, **terms})


YEAR = {"members": 10, "withdrawn_kwh": 40_000, "market_supplier": 30_000, "internal": 27_000, "pcc_energy": 10_000}


class TestMicrogrid(BusinessModelContract):
    """The contract of business models."""

    business_model = Microgrid(term_years=3, life_years=5)


def quantities(**more):
    """Quantities of one microgrid, shape (1,)."""
    given_ = {"operators": 1, **YEAR, **more}
    return Microgrid.quantities(**{name: np.array([float(value)]) for name, value in given_.items()})


def test_cash_flow_by_hand():
    """40,000 invested; a year gives back 30,000, leaves members 3,000 and costs 10,000: 17,000, NPV 2,276.48."""
    terms = microgrid()
    flows = life(terms, quantities(capex=40_000), Partners())
    assert net(flows, PROVIDER)[0] == pytest.approx([-40_000, 17_000, 17_000, 17_000])
    assert net(flows, CUSTOMER)[0] == pytest.approx([0, 3_000, 3_000, 3_000])
    assert net(flows, "supplier")[0] == pytest.approx([0, -20_000, -20_000, -20_000])
    found = worth(net(flows, PROVIDER)[0], 0.1)
    assert found.npv == pytest.approx(-40_000 + 17_000 * 2.4868519910, abs=1e-4)
    # 17,000 a(3, r) = 40,000 at r = 13.2054 %: 0.883350 + 0.780307 + 0.689285 = 2.352942.
    assert found.irr == pytest.approx(0.132054, abs=1e-6)
    assert values(terms, flows, CUSTOMER)[0] == pytest.approx(3_000 * 2.4868519910, abs=1e-4)


def test_nothing_is_left_after_the_term():
    """In a life of five years with a term of three the last two are empty."""
    flows = life(microgrid(life_years=5), quantities(capex=40_000), Partners())
    assert net(flows, PROVIDER)[0][4:].tolist() == [0, 0]


def test_lines_of_service_by_hand():
    """Fees, investment, upkeep and other costs of a line with 10 members and 40 MWh, and its accounts."""
    line = ServiceLine(
        fee_per_member_month=2,
        fee_per_kwh=0.01,
        capex=1_000,
        capex_per_member=50,
        upkeep_share=0.1,
        cost_per_year=300,
        cost_per_member_year=7,
    )
    for name in LINES:
        terms = microgrid(services={**IDLE, name: line})
        q = quantities()
        assert terms.line_fees(q)[name][0] == pytest.approx(2 * 12 * 10 + 400)
        assert terms.line_costs(q)[name][0] == pytest.approx(0.1 * 1_500 + 300 + 70)
        plant = 40_000 if name == "generation_assets" else 0
        assert terms.investment(q, name)[0] == plant + 1_500
        posted = [(f.payer, f.payee, float(f.amount[0])) for f in terms.yearly(q, 0) if f.account == name]
        assert posted == [(CUSTOMER, PROVIDER, pytest.approx(640)), (PROVIDER, "outside", pytest.approx(520))]


def test_all_nine_lines_are_used():
    """By default every line of service earns or costs something; members' fees alone do not pay for them."""
    q = quantities()
    fees, costs = Microgrid().line_fees(q), Microgrid().line_costs(q)
    assert len(LINES) == 9
    assert all(costs[name][0] > 0 for name in LINES)
    assert sum(fees[name][0] > 0 for name in LINES) == 7


def test_staff_is_shared_by_hours_and_bought_outside_above_its_capacity():
    """One of 100 h at 5,000 and 300 h of work, 200 h of them at 40: 13,000, a third of it for 100 h."""
    lines = {
        **IDLE,
        "marketing": ServiceLine(hours_per_year=100),
        "intelligent_it": ServiceLine(hours_per_member_year=20),
    }
    staff = {"number": 1, "hours_per_year": 100, "cost_per_year": 5_000, "outside_per_hour": 40}
    terms = microgrid(services=lines, staff=staff)
    found = terms.staff_costs(quantities())
    assert found["marketing"][0] == pytest.approx(13_000 / 3)
    assert found["intelligent_it"][0] == pytest.approx(26_000 / 3)
    idle = microgrid(staff=staff).staff_costs(quantities())
    assert [idle[name][0] for name in LINES] == pytest.approx([5_000 / 9] * 9)


def test_charge_on_power():
    """Without a contract the peak is charged; with one what is contracted, and twice the price above."""
    peak = np.array([50.0, 120.0])
    assert microgrid(connection={"capacity_per_kw_month": 10}).capacity_charge(peak).tolist() == [500, 1200]
    contracted = microgrid(connection={"capacity_per_kw_month": 10, "contracted_kw": 100, "excess_factor": 2})
    assert contracted.capacity_charge(peak).tolist() == [1000, 1400]


def test_standby_is_charged_on_rated_power():
    """100 kWp, 20 kW of wind and 30 kW of cogeneration at 2 a month: 3,600 a year."""
    terms = microgrid(wind={"kw": 20}, heat={"kw": 30}, connection={"standby_per_kw_month": 2})
    standby = [float(f.amount[0]) for f in terms.yearly(quantities(), 0) if f.account == "standby_charge"]
    assert standby == [3_600]


def test_heat_and_cold_are_sold():
    """Members pay 0.3 in place of 0.4 for heat, 0.15 in place of 0.2 for cold."""
    terms = microgrid(
        heat={"kw": 0, "price_per_kwh": 0.3, "own_cost_per_kwh": 0.4},
        cold={"kw": 0, "tank_kwh": 0, "price_per_kwh": 0.15, "own_cost_per_kwh": 0.2},
    )
    flows = terms.member_flows(quantities(heat_kwh=1_000, cold_kwh=2_000))
    assert net(flows, CUSTOMER)[0] == pytest.approx(3_000 + 100 + 100)
    assert net(flows, CUSTOMER, metered=False)[0] == pytest.approx(3_000 - 300 - 300)


def test_levelised_cost_by_hand():
    """40,000 over three years at 10 % is 16,084.59 a year; with 1,000 of fuel for 50 MWh 0.341692 a kWh."""
    terms = microgrid()
    assert terms.levelised_cost(quantities(own_kwh=50_000, fuel=1_000)) == pytest.approx(0.341692, abs=1e-6)
    # Heat that the boiler would have made for 900 of fuel comes off.
    heated = quantities(own_kwh=50_000, fuel=1_000, heat_kwh=900 / 0.28 * 0.9)
    assert terms.levelised_cost(heated) == pytest.approx(0.323692, abs=1e-6)
    assert np.isnan(terms.levelised_cost(quantities()))


def test_bounds_are_kept():
    """Negative sizes, shares above one, no populations and unknown rules are refused."""
    for terms in (
        {"pv": {"kwp": -1}},
        {"tariff": {"discount_share": 1.2}},
        {"populations": []},
        {"tariff": {"rule": "lottery"}},
        {"island": {"hours": 25}},
        {"connection": {"kw": 0}},
    ):
        with pytest.raises(ValueError):
            microgrid(**terms)


METERED = Metered(
    withdrawn=np.array([[3.0, 4.0], [0.0, 1.0]]),
    injected=np.array([[0.0, 0.0], [2.0, 0.0]]),
    plant=np.array([-2.0, 1.0]),
    buy=np.array([0.6, 0.8]),
    sell=np.array([0.2, 0.2]),
)
NOTHING = np.zeros(2)


def test_discount_by_hand():
    """A tenth off charges of 5 and 2, and a twentieth on feed-in of 1."""
    paid = internal_payments("discount", METERED, np.array([5.0, 2.0]), np.array([0.0, 1.0]), 0.1, 0.05, np.arange(2))
    assert paid == pytest.approx([4.5, 1.8 - 1.05])


@pytest.mark.parametrize(
    ("rule", "first_hour"),
    # First hour: exports 4, imports 3. Mid-market 0.4 for importers, (3 x 0.4 + 0.2) / 4 = 0.35 for exporters.
    [("mid_market", [1.2, -0.7]), ("supply_demand_ratio", [0.6, -0.4]), ("bill_sharing", [0.0, -0.1])],
)
def test_prices_of_a_community_by_hand(rule, first_hour):
    """In the second hour nobody exports, and all pay 0.8."""
    paid = internal_payments(rule, METERED, NOTHING, NOTHING, 0.0, 0.0, np.arange(2))
    assert paid == pytest.approx([first_hour[0] + 3.2, first_hour[1] + 0.8])


def test_a_class_shares_its_saving_by_energy():
    """Two members of one class, 6 and 2 kWh metered: they net 2 kWh inside, and share by 3 to 1."""
    metered = Metered(
        np.array([[6.0], [0.0]]), np.array([[0.0], [2.0]]), np.array([0.0]), np.array([0.5]), np.array([0.1])
    )
    paid = internal_payments("shapley", metered, NOTHING, NOTHING, 0.0, 0.0, np.zeros(2, np.int64))
    # By themselves 3.0 and -0.2; together 4 kWh at 0.5: 0.8 is saved, 0.6 of it by the first.
    assert paid == pytest.approx([3.0 - 0.6, -0.2 - 0.2])
    assert paid.sum() == pytest.approx(2.0)


flows_of = st.lists(st.lists(st.floats(-20, 20), min_size=4, max_size=4), min_size=4, max_size=4)


@settings(max_examples=40)
@given(flows_of)
def test_shapley_values_sum_to_the_gain(net_load):
    """What is shared out is what is saved, nobody loses, and the core is not empty, though it may lie elsewhere."""
    load = np.array(net_load)
    buy, sell = np.array([0.6, 0.9, 0.4, 0.4]), np.full(4, 0.2)
    metered = Metered(np.maximum(load[:3], 0), np.maximum(-load[:3], 0), load[3], buy, sell)
    shared = share_gain(metered, np.arange(3), 3)
    joint = np.where(metered.outside > 0, metered.outside * buy, metered.outside * sell).sum()
    assert shared.gain.sum() == pytest.approx(shared.values[-1], abs=1e-9)
    assert shared.alone.sum() - shared.gain.sum() == pytest.approx(joint, abs=1e-9)
    assert (shared.gain >= -1e-9).all()
    assert least_core(shared.values).excess <= 1e-6
    paid = internal_payments("shapley", metered, np.zeros(3), np.zeros(3), 0.0, 0.0, np.arange(3))
    assert paid == pytest.approx((shared.alone - shared.gain)[:3], abs=1e-9)


def test_shapley_lies_in_the_core_of_one_importer_and_two_exporters():
    """With 2 kWh wanted and 1 kWh on offer from each of two, every coalition keeps what it could have.

    With 1 kWh wanted it is the game of gloves: 2/3, 1/6 and 1/6 of 0.4, which lie outside the core (O49).
    """
    metered = Metered(
        np.array([[2.0], [0.0]]), np.array([[0.0], [1.0]]), np.array([-1.0]), np.array([0.6]), np.array([0.2])
    )
    shared = share_gain(metered, np.arange(2), 2)
    assert shared.values.tolist() == pytest.approx([0, 0, 0, 0.4, 0, 0.4, 0, 0.8])
    assert shared.gain == pytest.approx([0.4, 0.2, 0.2])
    assert in_core(shared.gain, shared.values)
    gloves = share_gain(metered._replace(withdrawn=np.array([[1.0], [0.0]])), np.arange(2), 2)
    assert gloves.gain == pytest.approx([0.4 * 2 / 3, 0.4 / 6, 0.4 / 6])
    assert not in_core(gloves.gain, gloves.values)


@settings(max_examples=40)
@given(flows_of, st.sampled_from(["mid_market", "supply_demand_ratio", "bill_sharing", "shapley"]))
def test_members_and_plant_pay_the_bill_of_the_connection(net_load, rule):
    """What members pay by the rule, with the plant as one of them, is what crosses the connection at its prices."""
    load = np.array(net_load)
    buy, sell = np.array([0.6, 0.9, 0.4, 0.4]), np.full(4, 0.2)
    metered = Metered(np.maximum(load, 0), np.maximum(-load, 0), np.zeros(4), buy, sell)
    paid = internal_payments(rule, metered, np.zeros(4), np.zeros(4), 0.0, 0.0, np.arange(4))
    outside = np.where(metered.outside > 0, metered.outside * buy, metered.outside * sell).sum()
    assert paid.sum() == pytest.approx(outside, abs=1e-6)


@pytest.mark.parametrize("shape", [heat_shape, cold_shape])
def test_shapes_sum_to_a_year(shape):
    """Shares of all periods of a leap year sum to 1, and none is negative."""
    year = np.array([shape(day, 48) for day in range(YEAR_DAYS)])
    assert year.sum() == pytest.approx(1)
    assert year.min() > 0


def test_heat_is_for_winter_and_cold_for_summer():
    """The day with the most heat is in January, that with the most cold in July."""
    heat = [heat_shape(day, 24).sum() for day in range(YEAR_DAYS)]
    cold = [cold_shape(day, 24).sum() for day in range(YEAR_DAYS)]
    assert int(np.argmax(heat)) == 15
    assert int(np.argmax(cold)) == 197
