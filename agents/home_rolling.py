"""Planning again and again: a home sees a horizon, keeps the first periods of its plan and plans anew (P5)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields

from gridagora.agents.devices import Floats, Home
from gridagora.agents.home_outlook import HomeState, Outlook, Window
from gridagora.agents.home_plan import Decisions, HomePlan, follow, job_load, refuse_broken
from gridagora.agents.home_planner import HomePlanner
from gridagora.agents.vehicle_trips import Stay


def plan_rolling(home: Home, outlook: Outlook, horizon: int, commit: int) -> HomePlan:
    """Return what a home does that plans over a horizon, keeps the first periods and plans again (P5).

    A job is placed once its deadline comes into sight; a stay of the car that goes on beyond the horizon counts as
    :func:`gridagora.agents.vehicle_trips.vehicle_use` says; the battery ends every horizon as it must end the last.

    Parameters
    ----------
    home : Home
        Devices.
    outlook : Outlook
        Data of the whole time, of which a plan sees its horizon.
    horizon, commit : int
        Periods that a plan sees, and those that it keeps; the last plan is kept as a whole.

    Raises
    ------
    ValueError
        If `commit` is below 1, `horizon` too short to commit without missing a job, or the time is not a horizon and
        a whole number of commitments.
    """
    longest = max((appliance.periods for appliance in home.appliances), default=0)
    rest = len(outlook) - horizon
    sight = commit + longest - 1 if longest and rest else commit
    if commit < 1 or horizon < sight or rest < 0 or rest % commit:
        raise ValueError(
            f"rolling: horizon {horizon}, commit {commit}, {len(outlook)} periods; the periods must be a horizon and a "
            f"whole number of commitments, and the horizon hold commit and all but one of a job's {longest} periods"
        )
    planner = HomePlanner(home, horizon, outlook.hours)
    done = Decisions.none(len(outlook))
    starts: list[int | None] = [None] * len(home.appliances)
    for first in range(0, rest + 1, commit):
        keep = horizon if first == rest else commit
        done.starts = tuple(starts)
        plan = planner.plan(outlook_from(home, outlook, done, first, horizon))
        for part in fields(done)[:-1]:
            getattr(done, part.name)[first : first + keep] = getattr(plan.decisions, part.name)[:keep]
        for j, start in enumerate(plan.decisions.starts):
            if start is not None and start < keep:
                starts[j] = first + start
    done.starts = tuple(starts)
    return refuse_broken(home, outlook, follow(home, outlook, done))


def outlook_from(home: Home, outlook: Outlook, done: Decisions, first: int, horizon: int) -> Outlook:
    """Return what a home knows at a period, after what it has done before.

    Parameters
    ----------
    home : Home
        Devices.
    outlook : Outlook
        Data of the whole time.
    done : Decisions
        What was done before `first`, over the whole time; left as it is.
    first, horizon : int
        First period and number of periods.
    """
    now = slice(first, first + horizon)

    def part(column: Floats) -> Floats:
        return column[now]

    begun = job_load(home, outlook, done.starts)
    windows = [
        None if window is None or start is not None else _window_from(window, first, horizon)
        for window, start in zip(outlook.windows, done.starts, strict=True)
    ]
    return Outlook(
        home,
        outlook.hours,
        part(outlook.buy),
        part(outlook.sell),
        part(outlook.base_kwh + begun),
        pv_kwh=part(outlook.pv_kwh),
        outdoor_c=part(outlook.outdoor_c),
        comfort_c=(part(outlook.comfort_low_c), part(outlook.comfort_high_c)),
        heat_kwh=part(outlook.heat_kwh),
        fuel_price=outlook.fuel_price,
        stays=[_stay_from(stay, first) for stay in outlook.stays if first < stay.depart and stay.arrive < now.stop],
        windows=windows,
        state=_state_at(home, outlook, done, first),
        battery_end_kwh=outlook.battery_end_kwh,
        battery_end_value=outlook.battery_end_value,
    )


def _window_from(window: Window, first: int, horizon: int) -> Window | None:
    if window.deadline > first + horizon:
        return None
    return Window(max(window.earliest - first, 0), window.deadline - first)


def _stay_from(stay: Stay, first: int) -> Stay:
    if stay.arrive < first:
        return Stay(0, stay.depart - first, stay.required_kwh)
    return Stay(
        stay.arrive - first, stay.depart - first, stay.required_kwh, stay.used_kwh if stay.arrive > first else 0.0
    )


def _state_at(home: Home, outlook: Outlook, done: Decisions, first: int) -> HomeState:
    """Return what devices hold at the start of a period, without the solver's rounding."""
    past = follow(home, outlook, deepcopy(done))
    state = {
        "battery_kwh": (past.battery_kwh[first], home.battery.capacity_kwh if home.battery else 0.0),
        "vehicle_kwh": (
            past.vehicle_kwh[first] + past.shortfall_kwh[first],
            home.vehicle.capacity_kwh if home.vehicle else 0.0,
        ),
        "tank_kwh": (past.tank_kwh[first], home.cogeneration.tank_kwh if home.cogeneration else 0.0),
    }
    stored = {name: min(max(float(held), 0.0), most) for name, (held, most) in state.items()}
    peak = float(past.import_kwh[:first].max(initial=0.0)) / outlook.hours
    return HomeState(**stored, indoor_c=float(past.indoor_c[first]), peak_kw=max(outlook.state.peak_kw, peak))
