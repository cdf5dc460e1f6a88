"""Checks of tariffs against the run: days, settlement periods, what a month must hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.markets.tariffs.offers import offers_of
from gridagora.markets.tariffs.windows import in_windows
from gridagora.sim.clock import Calendar, Day

if TYPE_CHECKING:
    from gridagora.markets.tariffs import Tariff
    from gridagora.scenarios.plausible import Fault
    from gridagora.scenarios.schema import ScenarioModel

GROUPS = ("residential", "commercial", "agricultural")


def tariffs_of(scenario: ScenarioModel, population: Any) -> tuple[Tariff, ...]:
    """Return the tariffs that a population's members may have."""
    return tuple(offer.tariff for offer in offers_of(getattr(scenario.tariffs, population.tariff)))


def paths_of(scenario: ScenarioModel, population: Any) -> list[tuple[tuple[str, ...], Tariff]]:
    """Return a population's tariffs with their place in the scenario."""
    return _named(scenario, population.tariff)


def _named(scenario: ScenarioModel, group: str) -> list[tuple[tuple[str, ...], Tariff]]:
    entry = getattr(scenario.tariffs, group)
    if entry.kind != "menu":
        return [(("tariffs", group), entry)]
    return [(("tariffs", group, "options", name), tariff) for name, tariff in entry.options.items()]


def days_of(scenario: ScenarioModel) -> list[Day]:
    """Return the days of the run, or one of each kind where it has many: prices repeat by month and kind of day."""
    calendar = Calendar(*scenario.time.span, scenario.time.period_minutes)
    days = [calendar.day(index) for index in range(calendar.days)]
    first = {(day.date.month, day.day_type): day for day in reversed(days)}
    events = {called for group in GROUPS for _, tariff in _named(scenario, group) for called in event_days(tariff)}
    return [*first.values(), *(day for day in days if day.date in events)]


def event_days(tariff: Tariff) -> tuple[Any, ...]:
    """Return the days that a tariff calls, by itself or by its rebate."""
    called = tuple(getattr(tariff, "event_days", ()))
    return called + (tariff.rebate.event_days if tariff.rebate is not None else ())


def highest_energy(tariff: Tariff) -> float:
    """Return the highest energy part that a tariff is expected to have [currency/kWh]."""
    blocks = tariff.blocks.prices_per_kwh[-1] if tariff.blocks is not None else 0.0
    expected = getattr(tariff, "expected_per_kwh", 0.0)
    return max(float(tariff.energy_prices.max()), float(expected)) + blocks


def rebate_columns(tariff: Tariff, period_minutes: int) -> int:
    """Return the columns of 8 bytes that the baseline of a tariff's rebate keeps."""
    if tariff.rebate is None:
        return 0
    windows = [*tariff.rebate.event_windows, *tariff.rebate.baseline.adjustment_windows]
    return int(in_windows(windows, 1440 // period_minutes).sum()) * tariff.rebate.baseline.days + 3


def tariff_faults(scenario: ScenarioModel) -> list[Fault]:
    """Return the reasons to refuse a scenario for its tariffs.

    Parameters
    ----------
    scenario : ScenarioModel
        Scenario whose sections are valid on their own.
    """
    periods = 24 * 60 // scenario.time.period_minutes
    found: list[Fault] = []
    days = days_of(scenario)
    for group in GROUPS:
        rebates = [tariff.rebate for _, tariff in _named(scenario, group) if tariff.rebate is not None]
        if any(rebate != rebates[0] for rebate in rebates):
            message = "given several rebates; allowed one for all options: meters keep one baseline"
            found.append((("tariffs", group, "options"), message))
        for path, tariff in _named(scenario, group):
            found += [((*path, *key), message) for key, message in _faults(scenario, tariff, days, periods)]
    return found


def _faults(
    scenario: ScenarioModel, tariff: Tariff, days: list[Day], periods: int
) -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    try:
        for day in days:
            tariff.class_on(day, periods)
        if tariff.rebate is not None:
            in_windows(tariff.rebate.event_windows, periods)
            in_windows(tariff.rebate.baseline.adjustment_windows, periods)
    except ValueError as error:
        return [(("windows",) if hasattr(tariff, "windows") else (), str(error))]
    few = scenario.time.representative_days is not None
    if few and tariff.monthly:
        parts = [name for name in ("blocks", "demand", "capacity", "package", "service") if getattr(tariff, name)]
        message = (
            "given with representative days, which do not tell a month's total or peak; allowed with days in a row"
        )
        found += [((name,), message) for name in parts]
    if few and tariff.rebate is not None:
        found.append((("rebate",), "given with representative days; allowed with days in a row, which have a baseline"))
    for name in ("demand", "capacity"):
        part = getattr(tariff, name)
        if part is not None and part.window_minutes > scenario.time.period_minutes > 15:
            message = f"given {part.window_minutes}; allowed whole settlement periods of {scenario.time.period_minutes}"
            found += [((name, "window_minutes"), message)] if part.window_minutes % scenario.time.period_minutes else []
    if tariff.demand is not None and tariff.demand.system_peaks > 1:
        message = f"given {tariff.demand.system_peaks}; allowed 1 in a run: meters keep one peak"
        found.append((("demand", "system_peaks"), message))
    reserved = {
        "households",
        "firms",
        "farms",
        "grid_company",
        "platform",
        "government",
        "imports",
        "outside",
        "system",
    }
    if tariff.supplier in reserved | set(scenario.groups):
        found.append((("supplier",), f"given {tariff.supplier}; allowed a name that no other party has"))
    return found + _rebate(scenario, tariff)


def _rebate(scenario: ScenarioModel, tariff: Tariff) -> list[tuple[tuple[str, ...], str]]:
    """Refuse events with too few like days before them for a baseline, and adjustment after the event."""
    if tariff.rebate is None or scenario.time.representative_days is not None:
        return []
    terms = tariff.rebate
    found: list[tuple[tuple[str, ...], str]] = []
    event, before = (in_windows(w, 288) for w in (terms.event_windows, terms.baseline.adjustment_windows))
    if before.any() and np.flatnonzero(before)[-1] > np.flatnonzero(event)[0]:
        message = f"given {terms.baseline.adjustment_windows}; allowed before the event begins in {terms.event_windows}"
        found.append((("rebate", "baseline", "adjustment_windows"), message))
    calendar = Calendar(*scenario.time.span, scenario.time.period_minutes)
    days = [calendar.day(index) for index in range(calendar.days)]
    for called in terms.event_days:
        here = [day for day in days if day.date == called]
        if not here:
            continue
        works = here[0].day_type == "workday"
        like = [d for d in days if d.date < called and (d.day_type == "workday") == works]
        like = [d for d in like if d.date not in terms.event_days]
        if len(like) < terms.baseline.days:
            message = (
                f"given {called}, with {len(like)} like days of the run before it; its baseline needs "
                f"{terms.baseline.days}: start earlier, or lower rebate.baseline.days"
            )
            found.append((("rebate", "event_days"), message))
    return found
