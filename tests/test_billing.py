"""A run's bills, from registers and lines, against the same tariff read off the member's whole meter."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from gridagora.agents.billing import Billing
from gridagora.agents.columns import ENERGY_ROWS
from gridagora.agents.metering import Metering
from gridagora.agents.settling import settle
from gridagora.agents.ticks import Gate
from gridagora.markets.settlement import PeerTerms
from gridagora.markets.tariffs import Flat, Offer, RealTimePrices, SeasonalTimeOfUse, TimeOfUse
from gridagora.markets.tariffs.blocks import IncreasingBlocks
from gridagora.markets.tariffs.bundle import Bundle
from gridagora.markets.tariffs.combined import CombinedTariff
from gridagora.markets.tariffs.demand_charge import CapacityCharge, DemandCharge
from gridagora.markets.tariffs.lines import Period, explain
from gridagora.markets.tariffs.metered import Context, Meter, total
from gridagora.markets.tariffs.package import Package
from gridagora.markets.tariffs.parts import ContractedCapacity, Service
from gridagora.markets.tariffs.payment import Payment
from gridagora.markets.tariffs.real_time import RealTime
from gridagora.markets.tariffs.rebate import Baseline, PeakTimeRebate
from gridagora.markets.tariffs.reliability import PriorityService, PriorityTariff
from gridagora.markets.tariffs.seasonal import ScheduledTariff, Season
from gridagora.sim.clock import Calendar

HOURLY = 60
NONE = np.zeros(0)
NOBODY = (2**31 - 1, 0, 1, -1, 0, 1)
TOU = {
    "energy_per_kwh": {"peak": 0.5, "valley": 0.2},
    "windows": {"peak": ["08:00-22:00"], "valley": ["22:00-08:00"]},
    "standing_per_day": 0.1,
}


class World:
    """Two members whose meters are given, billed as a run bills them.

    Parameters
    ----------
    tariffs : list of Tariff
        Offers.
    use : ndarray, shape (days * periods, 2)
        Withdrawals [kWh].
    """

    def __init__(self, tariffs, use, start=date(2025, 1, 20), minutes=HOURLY, offer=(0, 0), pool=None):
        self.calendar = Calendar(start, len(use) * minutes // 1440, minutes)
        periods = self.calendar.periods_per_day
        self.offers = tuple(Offer(f"offer {number}", tariff) for number, tariff in enumerate(tariffs))
        self.use, self.pool = np.asarray(use, np.float64), np.zeros(len(use)) if pool is None else pool
        annual = np.array([3000.0, 4000.0], np.float32)
        zeros = np.zeros(2, np.uint8)
        self.members = SimpleNamespace()
        from gridagora.agents.columns import Members, State, Today

        values = dict.fromkeys(Members._fields, zeros)
        values |= {"number": np.arange(2, dtype=np.uint32), "annual_kwh": annual, "offer": np.array(offer, np.uint8)}
        values |= {name: np.zeros(2, np.float32) for name in ("pv_annual_kwh", "battery_kwh", "battery_flow")}
        self.members = Members(**values)
        empty = {name: np.zeros(2, np.float32) for name in State._fields}
        self.state = State(**(empty | {name: np.zeros(2, np.int64) for name in ("planned", "net")}))
        self.today = Today(*(np.zeros(2, np.uint16) for _ in Today._fields))
        self.billing = Billing(
            self.offers, PeerTerms(0.0, 0.0, 0.0, 0.0), annual, self.members.offer, start, self.calendar.days, 1
        )
        self.metering = Metering(self.billing, self.members, periods, 1)
        self.profile = np.full((periods, 1), 1 / 8760 * 24 / periods)
        self.paid = np.zeros(2, np.int64)
        self.issued = []

    def run(self, shed=None):
        """Bill all days; return what each member paid [1e-6 currency]."""
        periods = self.calendar.periods_per_day
        for index in range(self.calendar.days):
            day = self.calendar.day(index)
            pool = self.pool[index * periods : (index + 1) * periods]
            classes = np.stack([offer.tariff.class_on(day, periods) for offer in self.offers])
            prices = np.stack([offer.tariff.energy_on(day, periods, pool) for offer in self.offers])
            for period in range(periods):
                self.state.net[:] = np.rint(self.use[index * periods + period] * 1e6)
                if shed is not None:
                    shed(self, index, period)
                self.settle(classes[:, period])
                at = zip(self.offers, classes[:, period], strict=True)
                base = np.array([offer.tariff.energy_prices[c] for offer, c in at])
                follows = [offer.tariff.follows_pool for offer in self.offers]
                premium = np.where(follows, prices[:, period] - base, 0.0)
                system = int(self.state.net.sum())
                codes = np.zeros(2, np.uint16)
                now = (classes[:, period], premium, self.profile[period], system)
                self.metering.period(day, period, self.state, codes, *now)
            self.billing.to_date(day.date)
            if day.is_month_end:
                self.paid += self.billing.bills
                self.issued += self.billing.close()
                self.metering.open_month()
        return self.paid

    def settle(self, classes):
        """Settle a period without any online trade."""
        nothing = np.full(len(self.offers), -1.0)
        gate = Gate(nothing, nothing + 100, np.zeros(1), 98)
        least = (self.members, self.today, self.state, self.billing.accounts, self.billing.n_classes, classes)
        settle(*least, gate, NOBODY, (0.0, 0.0, 0.0), (0.0, 0.0), 1, NONE, 1)

    def meter(self, member):
        """Return the whole meter of a member."""
        return Meter(self.calendar, self.use[:, member])


@pytest.fixture
def use():
    """Draw 45 days of two members, rounded to quanta, from 20 January."""
    return np.round(np.random.default_rng(5).gamma(2.0, 0.25, (45 * 24, 2)), 6)


def agree(world, parts, member=0, context=None, within=40):
    """Compare with the library's tariff; every line of a month is rounded once in either."""
    combined = parts if isinstance(parts, CombinedTariff) else CombinedTariff(parts=tuple(parts))
    exact = total(combined.bill(world.meter(member), context or Context()))
    assert world.run()[member] == pytest.approx(exact * 1e6, abs=within)


def test_time_of_use_with_a_ladder_on_top(use):
    """Energy by class, standing charge, network, levy and block adders add up to the bill of the whole meter."""
    blocks = IncreasingBlocks(limits_kwh=(100.0, 200.0), prices_per_kwh=(0.0, 0.05, 0.3), free_kwh=15.0)
    prices = TimeOfUse(**TOU)
    agree(World([TimeOfUse(**TOU, blocks=blocks)], use), [ScheduledTariff(prices=prices), blocks])


def test_a_ladder_of_the_year_goes_on_where_the_month_ended(use):
    """Blocks of a year count what earlier months used, and begin anew in January."""
    blocks = IncreasingBlocks(limits_kwh=(300.0, 400.0), prices_per_kwh=(0.0, 0.05, 0.3), accumulate="year")
    world = World([Flat(blocks=blocks)], use, start=date(2024, 11, 20))
    agree(world, [ScheduledTariff(prices=Flat()), blocks])
    beyond = [issued.quantity for issued in world.issued if issued.line.name == "block 3"]
    assert [round(quantity) for quantity in beyond][::2] == [0, 0]
    assert beyond[1] > 0


def test_beijing_ladder_by_hand():
    """A month of 320 and 500 kWh costs 160.256 and 282.15 (O37: NDRC press reports of 2012)."""
    blocks = IncreasingBlocks()
    prices = Flat(energy_per_kwh=0.0, network_per_kwh=0.0, levy_per_kwh=0.0, reference_per_kwh=0.5, blocks=blocks)
    month = np.tile([320.0 / 744, 500.0 / 744], (744, 1))
    paid = World([prices], month, start=date(2025, 1, 1)).run()
    assert paid.tolist() == pytest.approx([160.256e6, 282.15e6], abs=800)


@pytest.mark.parametrize("minutes", [15, 60])
def test_demand_charge_and_contracted_capacity(minutes):
    """The own peak of each month, and capacity within and beyond the contract, pro rata by days."""
    periods = 45 * 1440 // minutes
    series = np.round(np.random.default_rng(6).gamma(2.0, 0.25, (periods, 2)), 6)
    demand, capacity = DemandCharge(window_minutes=60), CapacityCharge(window_minutes=60)
    ours = ContractedCapacity(window_minutes=60, contracted_to_mean=5.0)
    world = World([Flat(demand=demand, capacity=ours)], series, minutes=minutes)
    context = Context(contracted_kva=round(3000.0 / 8760 * 5.0, 6))
    agree(world, [ScheduledTariff(prices=Flat()), demand, capacity], context=context, within=100)


def test_coincident_peak(use):
    """The member's power while both members together peak in the month."""
    demand = DemandCharge(basis="coincident_peak", window_minutes=60)
    context = Context(system_load_kwh=use.sum(axis=1))
    agree(World([Flat(demand=demand)], use), [ScheduledTariff(prices=Flat()), demand], context=context)


def test_package(use):
    """Fee, included energy before all other, unit prices beyond, green energy; network and levy on every kWh."""
    terms = {"fee_per_month": 30.0, "included_kwh": 120.0, "green_share": 0.5, "term_months": 0}
    world = World([TimeOfUse(**TOU, package=Bundle(**terms))], use)
    agree(world, [Package(prices=TimeOfUse(**TOU), **terms)])


def test_payment_by_direct_debit(use):
    """The discount is on all lines."""
    payment = Payment(method="direct_debit", direct_debit_discount=0.1)
    world = World([Flat(payment=payment)], use)
    agree(world, CombinedTariff(parts=(ScheduledTariff(prices=Flat()),), payment=payment))


@pytest.mark.parametrize("two_part", [False, True])
def test_real_time_prices(use, two_part):
    """Pool price plus margin within a collar, on all energy or on what departs from the contracted profile."""
    pool = np.random.default_rng(7).normal(0.3, 0.3, len(use))
    terms = {"margin_per_kwh": 0.03, "floor_per_kwh": -0.1, "cap_per_kwh": 0.8}
    contract = TimeOfUse(**TOU | {"standing_per_day": 0.0}, network_per_kwh=0.0, levy_per_kwh=0.0)
    contract = contract if two_part else None
    prices = RealTimePrices(**terms, contract=contract, standing_per_day=0.0)
    fixed = Flat(energy_per_kwh=0.0, standing_per_day=0.0)
    context = Context(pool_price=pool, baseline_kwh=np.full(len(use), 3000.0 / 8760))
    parts = [ScheduledTariff(prices=fixed), RealTime(**terms, contract=contract)]
    agree(World([prices], use, pool=pool), parts, context=context, within=300)


def test_rebate_below_the_baseline(use):
    """What is below the mean of past like days, shifted by the morning, earns the rebate in events."""
    terms = PeakTimeRebate(
        rebate_per_kwh=2.0,
        event_days=(date(2025, 2, 20), date(2025, 2, 23), date(2025, 2, 26)),
        event_windows=["17:00-20:00"],
        baseline=Baseline(days=4, adjustment_windows=["10:00-13:00"], adjustment_cap=0.2),
    )
    agree(World([Flat(rebate=terms)], use), [ScheduledTariff(prices=Flat()), terms], within=100)


def test_service_charge_and_refund(use):
    """Subscribed power is charged by month, energy not served refunded."""
    terms = Service(reliability=0.9, charge_per_kw=8.0, subscribed_to_mean=3.0, compensation_per_kwh=5.0)

    def shed(world, day, period):
        if (day, period) == (3, 12):
            world.billing.accounts.energy[world.billing.row("unserved")] += 250_000

    world = World([Flat(service=terms)], use)
    menu = PriorityService(classes={"basic": {"reliability": 0.9, "charge_per_kw": 8.0}}, compensation_per_kwh=5.0)
    unserved = np.zeros(len(use))
    unserved[3 * 24 + 12] = 0.25
    kw = round(3000.0 / 8760 * 3.0, 6)
    parts = CombinedTariff(
        parts=(ScheduledTariff(prices=Flat()), PriorityTariff(menu=menu, choice="basic", subscribed_kw=kw))
    )
    exact = total(parts.bill(world.meter(0), Context(unserved_kwh=unserved)))
    assert world.run(shed)[0] == pytest.approx(exact * 1e6, abs=60)


def test_two_offers_side_by_side(use):
    """Each member is billed by its own tariff, of another number of classes, and switches after a bill."""
    tou = TimeOfUse(**TOU)
    both = World([Flat(), tou], use, offer=(1, 0))
    paid = both.run()
    alone = World([tou], use).run()[0], World([Flat()], use).run()[1]
    assert paid.tolist() == list(alone)
    names = {issued.offer for issued in both.issued if issued.amount}
    assert names == {"offer 0", "offer 1"}


def test_seasons_by_the_date():
    """January is billed by winter prices and July by summer prices."""
    season = {"windows": {"all": ["00:00-24:00"]}}
    prices = SeasonalTimeOfUse(
        seasons={
            "winter": Season(months=(1, 2, 3, 10, 11, 12), energy_per_kwh={"all": 0.6}, **season),
            "summer": Season(months=tuple(range(4, 10)), energy_per_kwh={"all": 0.2}, **season),
        },
        network_per_kwh=0.0,
        levy_per_kwh=0.0,
    )
    one = np.ones((24, 2))
    assert World([prices], one, start=date(2025, 1, 15)).run().tolist() == [14_400_000] * 2
    assert World([prices], one, start=date(2025, 7, 15)).run().tolist() == [4_800_000] * 2


def test_a_bill_explains_itself_as_the_kernel_bills(use):
    """The lines in words sum to the bill of the loop, to the micro-unit."""
    terms = {"fee_per_month": 30.0, "included_kwh": 20.0, "term_months": 0}
    blocks = IncreasingBlocks(limits_kwh=(20.0, 60.0), prices_per_kwh=(0.0, 0.05, 0.3))
    demand = DemandCharge(window_minutes=60)
    capacity = ContractedCapacity(window_minutes=60)
    tariff = TimeOfUse(
        **TOU,
        blocks=blocks,
        demand=demand,
        capacity=capacity,
        package=Bundle(**terms),
        payment=Payment(method="prepayment"),
    )
    world = World([tariff], use[: 10 * 24], start=date(2025, 1, 10))
    billing = world.billing
    billing.close = list  # the bill stays open
    world.run()
    energy = billing.accounts.energy[:, 0]
    registers = {name: float(energy[billing.row(name)]) for name in billing.registers}
    own = energy[: billing.n_classes + ENERGY_ROWS]
    lines = explain(billing.lines_of(0), own, billing.accounts.money[:, 0], Period(10, billing.share, registers))
    assert sum(round(line.amount * 1e6) for line in lines) == billing.bills[0]
    units = {line.line: line.unit for line in lines}
    assert (units["own peak"], units["package fee"], units["prepayment premium"]) == ("kW month", "month", "currency")
