"""Plans that are made again and again."""

import numpy as np
import pytest

from gridagora.agents.devices import Appliance, Battery, Building, Cogeneration, Connection, HeatPump, Home, Vehicle
from gridagora.agents.home_outlook import HomeState, Outlook, Window
from gridagora.agents.home_plan import Decisions, uncontrolled, violations
from gridagora.agents.home_planner import HomePlanner
from gridagora.agents.home_rolling import outlook_from, plan_rolling
from gridagora.agents.vehicle_trips import Stay

BATTERY = Battery(1.0, 1.0, 1.0, 1.0, 1.0, wear_cost=0.0)


def world(jobs=True):
    """Return a home with everything, jobs if wanted, over 16 hours."""
    rng = np.random.default_rng(5)
    home = Home(
        Connection(demand_charge=0.05),
        Battery(4.0, 2.0, 2.0),
        Vehicle(20.0, 4.0, 3.0),
        HeatPump(2.0),
        Building(),
        Cogeneration(0.0, 1.0, 5.0, tank_kwh=2.0, tank_loss_per_hour=0.01),
        (Appliance("washer", 1.5, 3), Appliance("dryer", 1.0, 2)) if jobs else (),
    )
    buy = rng.uniform(0.1, 0.5, 16)
    outlook = Outlook(
        home,
        1.0,
        buy,
        0.3 * buy,
        rng.uniform(0, 1, 16),
        pv_kwh=rng.uniform(0, 2, 16),
        outdoor_c=rng.uniform(-5, 10, 16),
        heat_kwh=rng.uniform(0, 3, 16),
        fuel_price=0.06,
        stays=[Stay(0, 3, 18.0), Stay(8, 12, 15.0, 6.0), Stay(14, 16, 12.0, 6.0)],
        windows=[Window(1, 8), Window(9, 16)] if jobs else None,
        state=HomeState(2.0, 5.0, 1.0, 21.0, 1.0),
    )
    return home, outlook


def test_a_horizon_that_sees_less_saves_less():
    """Prices 0.3, 0.1, 0.5, 0.2: seeing two hours the battery stays out at 0.3 and saves 0.4; 0.1 + 0.2 are paid."""
    home = Home(battery=BATTERY)
    outlook = Outlook(home, 1.0, [0.3, 0.1, 0.5, 0.2], [0.0] * 4, [0.0, 0.0, 1.0, 1.0])
    found = plan_rolling(home, outlook, horizon=2, commit=1)
    assert found.decisions.battery_charge_kwh.tolist() == pytest.approx([0, 1, 0, 0], abs=1e-9)
    assert found.cost.total == pytest.approx(0.3)
    short = Outlook(home, 1.0, [0.1, 0.2, 0.5, 0.2], [0.0] * 4, [0.0, 0.0, 1.0, 1.0])
    assert plan_rolling(home, short, 4, 4).cost.total == pytest.approx(0.1 + 0.2)
    assert plan_rolling(home, short, 2, 1).cost.total == pytest.approx(0.2 + 0.2)


@pytest.mark.parametrize(("horizon", "commit"), [(4, 2), (8, 1), (8, 4), (8, 8)])
def test_foresight_bounds_what_rolling_costs(horizon, commit):
    """All limits hold over the whole time, services are met, and knowing everything costs no more."""
    home, outlook = world(jobs=commit < horizon)
    found = plan_rolling(home, outlook, horizon, commit)
    best = HomePlanner(home, 16, 1.0).plan(outlook)
    assert max(violations(home, outlook, found).values()) <= 1e-6
    assert found.cost.total >= best.cost.total - 1e-4
    assert found.cost.total <= uncontrolled(home, outlook).cost.total
    assert None not in found.decisions.starts
    assert (found.departure_kwh + found.shortfall_kwh[[3, 12, 16]]).tolist() == pytest.approx(
        np.maximum(found.departure_kwh, [18.0, 15.0, 12.0]).tolist()
    )


def test_a_horizon_of_everything_is_the_plan():
    """One horizon over the whole time gives the cost of the plan itself."""
    home, outlook = world()
    assert plan_rolling(home, outlook, 16, 16).cost.total == pytest.approx(
        HomePlanner(home, 16, 1.0).plan(outlook).cost.total, abs=1e-4
    )


def test_what_is_known_after_some_hours():
    """From hour 2: a begun job of 3 kWh a period is load, the other's window moves, the stay goes on with 5 + 4 kWh."""
    home = Home(vehicle=Vehicle(20.0, 4.0, 0.0, 1.0), appliances=(Appliance("a", 3.0, 3), Appliance("b", 1.0, 1)))
    outlook = Outlook(
        home,
        1.0,
        np.full(8, 0.1),
        np.zeros(8),
        np.ones(8),
        stays=[Stay(1, 4, 9.0, 2.0), Stay(6, 8, 5.0, 3.0)],
        windows=[Window(0, 4), Window(1, 5)],
        state=HomeState(vehicle_kwh=7.0, peak_kw=2.0),
    )
    done = Decisions.none(8)
    done.vehicle_charge_kwh[1] = 4.0
    done.starts = (1, None)
    seen = outlook_from(home, outlook, done, 2, 4)
    assert seen.base_kwh.tolist() == [4.0, 4.0, 1.0, 1.0]
    assert seen.windows == (None, Window(0, 3))
    assert seen.stays == (Stay(0, 2, 9.0),)
    assert seen.state == HomeState(vehicle_kwh=9.0, peak_kw=8.0)
    assert outlook_from(home, outlook, done, 2, 2).windows == (None, None)
    assert outlook_from(home, outlook, done, 1, 6).stays == (Stay(0, 3, 9.0), Stay(5, 7, 5.0, 3.0))


@pytest.mark.parametrize(("horizon", "commit"), [(4, 0), (4, 5), (17, 1), (6, 4), (4, 3)])
def test_horizons_that_do_not_fit_are_refused(horizon, commit):
    """Commitments fill the time up to the last horizon, which never misses a job of 3."""
    home, outlook = world()
    with pytest.raises(ValueError, match=f"rolling: horizon {horizon}, commit {commit}, 16 periods; the periods must"):
        plan_rolling(home, outlook, horizon, commit)
