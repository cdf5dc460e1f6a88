"""Key figures of a run, computed from its tables alone.

A metric is a function of a run's record: the result tables by name and, under ``"meta"``, a mapping with currency,
hours_per_period [h], days, value_of_lost_load_per_kwh [currency/kWh], grid_factor_kg_per_kwh [kg/kWh] and members
(number by population). It returns rows, each with its unit. To add one: ``METRICS["my_metric"] = my_function``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.sim.business_metrics import business_models, microgrids, own_generation
from gridagora.sim.equity import dispersion, gini, unit_prices
from gridagora.sim.kpi import SYSTEM, Kpi, Record
from gridagora.sim.ledger import role_of
from gridagora.sim.run_record import column_of, rows_of

if TYPE_CHECKING:
    import pandas as pd

DAYS_PER_MONTH = 365.25 / 12

Metric = Callable[[Record], list[Kpi]]


def kpis(record: Record, names: Iterable[str] | None = None) -> pd.DataFrame:
    """Compute key figures.

    Parameters
    ----------
    record : mapping
        Tables of a run by name, and ``"meta"``.
    names : iterable of str, optional
        Metrics to compute, all of `METRICS` by default.

    Returns
    -------
    pandas.DataFrame
        Columns kpi, scope, value, unit; nan where a figure does not exist, such as a mean price without trade.

    Raises
    ------
    KeyError
        If a metric is unknown, or the record lacks a table that it needs.
    """
    import pandas as pd  # half a second that the command line's help does not need

    return pd.DataFrame(figures(record, names), columns=list(Kpi._fields))


def figures(record: Record, names: Iterable[str] | None = None) -> list[Kpi]:
    """Return key figures as they are, the rows of :func:`kpis`; parameters and errors are the same."""
    chosen = list(METRICS) if names is None else list(names)
    if unknown := [name for name in chosen if name not in METRICS]:
        raise KeyError(f"metrics: given {', '.join(unknown)}; allowed: {', '.join(METRICS)}")
    return [row for name in chosen for row in METRICS[name](record)]


def consumption(record: Record) -> list[Kpi]:
    """Energy consumed, after shedding [kWh]."""
    return [Kpi("consumption", SYSTEM, _energy(record, "consumption_kwh"), "kWh")]


def peak_load(record: Record) -> list[Kpi]:
    """Highest mean power consumed in a settlement period, over all areas [kW]."""
    return [Kpi("peak_load", SYSTEM, float(_load_kw(record).max()), "kW")]


def load_factor(record: Record) -> list[Kpi]:
    """Mean over highest power consumed [-]."""
    load = _load_kw(record)
    return [Kpi("load_factor", SYSTEM, _ratio(load.mean(), load.max()), "1")]


def mean_pool_price(record: Record) -> list[Kpi]:
    """Pool price, weighted by the volume of the pool [currency/kWh]."""
    return [_mean_price(record, "pool")]


def mean_auction_price(record: Record) -> list[Kpi]:
    """Price of the online auction, weighted by its volume [currency/kWh]."""
    return [_mean_price(record, "auction")]


def auction_volume(record: Record) -> list[Kpi]:
    """Energy traded in the online auction [kWh]."""
    return [Kpi("auction_volume", SYSTEM, _energy(record, "auction_volume_kwh"), "kWh")]


def surplus_sold_online(record: Record) -> list[Kpi]:
    """Share of the members' injection that an online award covers: 1 - energy fed in / injection [-]."""
    injection, fed_in = _energy(record, "injection_kwh"), 0.0
    if "bills" in record:
        fed_in = _total(column_of(record, "bills", "quantity")[column_of(record, "bills", "line") == "feed-in"])
    sold = round(injection - fed_in, 6)  # of sums of whole quanta, 1e-6 kWh
    return [Kpi("surplus_sold_online", SYSTEM, _ratio(sold, injection), "1")]


def cost_of_supply(record: Record) -> list[Kpi]:
    """Fuel of the plants and price of the imports, as booked on the account `fuel` [currency]."""
    return [Kpi("cost_of_supply", SYSTEM, _paid(record, account="fuel"), _currency(record))]


def bills(record: Record) -> list[Kpi]:
    """Paid less received by members outside business models [currency], and per member and month of 30.4 days."""
    months = record["meta"]["days"] / DAYS_PER_MONTH
    members: Mapping[str, int] = record["meta"]["members"]
    totals = {
        name: _paid(record, payer=name, business_model="") - _paid(record, payee=name, business_model="")
        for name in members
    }
    unit = _currency(record)
    rows = [Kpi("bill", SYSTEM, sum(totals.values()), unit)]
    for name, total in totals.items():
        rows.append(Kpi("bill", name, total, unit))
        rows.append(Kpi("bill_per_member_month", name, _ratio(total, members[name] * months), unit))
    return rows


def pv_income(record: Record) -> list[Kpi]:
    """Received by members for energy fed in and sold online [currency]."""
    names = record["meta"]["members"]
    incomes = {n: _paid(record, payee=n, account="feed_in") + _paid(record, payee=n, account="auction") for n in names}
    unit = _currency(record)
    rows = [Kpi("pv_income", name, income, unit) for name, income in incomes.items()]
    return [Kpi("pv_income", SYSTEM, sum(incomes.values()), unit), *rows]


def self_consumption(record: Record) -> list[Kpi]:
    """Share of the members' generation that stays behind their meters: 1 - injection / generation [-]."""
    generation = own_generation(record)
    used = generation - _energy(record, "injection_kwh")
    return [Kpi("self_consumption", SYSTEM, _ratio(used, generation), "1")]


def self_sufficiency(record: Record) -> list[Kpi]:
    """Share of consumption that does not pass a meter from the network: 1 - withdrawal / consumption [-]."""
    consumed = _energy(record, "consumption_kwh")
    own = consumed - _energy(record, "withdrawal_kwh")
    return [Kpi("self_sufficiency", SYSTEM, _ratio(own, consumed), "1")]


def losses(record: Record) -> list[Kpi]:
    """Network losses [kWh], and as a share of the energy that entered the network [-] (model F1)."""
    lost = _energy(record, "losses_kwh")
    entered = lost + _energy(record, "withdrawal_kwh") + _energy(record, "export_kwh")
    return [Kpi("losses", SYSTEM, lost, "kWh"), Kpi("loss_rate", SYSTEM, _ratio(lost, entered), "1")]


def co2(record: Record) -> list[Kpi]:
    """Emissions of plants and imports by their own factors, and by the average factor of the grid [kg]."""
    generation, factor = (column_of(record, "plants", name) for name in ("generation_kwh", "co2_kg_per_kwh"))
    average = _total(generation) * float(record["meta"]["grid_factor_kg_per_kwh"])
    return [
        Kpi("co2", SYSTEM, _total(generation * factor), "kg"),
        Kpi("co2_average_factor", SYSTEM, average, "kg"),
    ]


def welfare(record: Record) -> list[Kpi]:
    """Gains of the online auction at true limits, and cost of supply plus shed load at its value [currency]."""
    unit = _currency(record)
    shed = _energy(record, "shed_kwh") * float(record["meta"]["value_of_lost_load_per_kwh"])
    return [
        Kpi("auction_gains", SYSTEM, _energy(record, "auction_surplus"), unit),
        Kpi("cost_of_supply_and_shed_load", SYSTEM, _paid(record, account="fuel") + shed, unit),
    ]


def auction_efficiency(record: Record) -> list[Kpi]:
    """Gains of the online auction over the most that its orders allowed [-]; nan if nothing could be gained."""
    gains, most = _energy(record, "auction_surplus"), _energy(record, "auction_max_surplus")
    return [Kpi("auction_efficiency", SYSTEM, _ratio(gains, most), "1")]


def shed_load(record: Record) -> list[Kpi]:
    """Demand that was not served [kWh]."""
    return [Kpi("shed_load", SYSTEM, _energy(record, "shed_kwh"), "kWh")]


def curtailed(record: Record) -> list[Kpi]:
    """Energy that members could have generated and were not allowed to [kWh]."""
    return [Kpi("curtailed", SYSTEM, _energy(record, "curtailed_kwh"), "kWh")]


def imbalance(record: Record) -> list[Kpi]:
    """Energy activated for balancing, up and down [kWh]; net payments for imbalance and for activation [currency].

    The imbalance of the system is what was activated, the other way round. Its cost is what the parties paid to the
    grid company less what they received from it; the cost of activation is what it paid less what it received.
    """
    unit, grid = _currency(record), "grid_company"
    activated = _energy(record, "activation_up_kwh") + _energy(record, "activation_down_kwh")
    paid = _paid(record, payee=grid, account="imbalance") - _paid(record, payer=grid, account="imbalance")
    cost = _paid(record, payer=grid, account="balancing") - _paid(record, payee=grid, account="balancing")
    return [
        Kpi("imbalance_volume", SYSTEM, activated, "kWh"),
        Kpi("imbalance_cost", SYSTEM, paid, unit),
        Kpi("balancing_cost", SYSTEM, cost, unit),
    ]


def congestion_rent(record: Record) -> list[Kpi]:
    """Rent that the grid company keeps: paid by buyers on a grid less received by sellers [currency]; none without one.

    It includes the share of the grid company's own purchase for losses.
    """
    account, grid = "congestion_rent", "grid_company"
    if not (column_of(record, "ledger", "account") == account).any():
        return []
    back = _paid(record, payer=grid, account=account) - _paid(record, payer=grid, payee=grid, account=account)
    rent = _paid(record, payee=grid, account=account)
    return [Kpi("congestion_rent", SYSTEM, round(rent - back, 6), _currency(record))]


def supplier_profit(record: Record) -> list[Kpi]:
    """Received less paid by the suppliers [currency]."""
    return [Kpi("supplier_profit", SYSTEM, _result(record, {"supplier", "suppliers"}), _currency(record))]


def grid_company_result(record: Record) -> list[Kpi]:
    """Received less paid by the grid company [currency]."""
    return [Kpi("grid_company_result", SYSTEM, _result(record, {"grid_company"}), _currency(record))]


def stranded_hedge(record: Record) -> list[Kpi]:
    """Energy bought ahead by suppliers whose customers then bought it elsewhere [kWh]."""
    return [Kpi("stranded_hedge", SYSTEM, _energy(record, "stranded_hedge_kwh"), "kWh")]


def choice_surplus(record: Record) -> list[Kpi]:
    """Return what having a choice is worth to members who look around [currency/month], by the log sum of their offers.

    Expected utility of the best offer less that of the present one, over the marginal utility of money; none without
    tariff choice.
    """
    rows, unit = record.get("choices"), f"{_currency(record)}/month"
    return [
        Kpi("choice_surplus", name, _ratio(theirs["surplus"].sum(), theirs["considered"].sum()), unit)
        for name, theirs in (() if rows is None else rows.groupby("population", sort=False))
    ]


def switching(record: Record) -> list[Kpi]:
    """Share of members that take another offer in a month [-]; none without tariff choice."""
    rows = record.get("choices")
    return [
        Kpi("switching", name, _ratio(theirs["switched_in"].sum(), theirs["members"].sum()), "1")
        for name, theirs in (() if rows is None else rows.groupby("population", sort=False))
    ]


def bad_debt(record: Record) -> list[Kpi]:
    """Bills that suppliers write off [currency]; none where everybody pays."""
    if not (column_of(record, "ledger", "account") == "arrears").any():
        return []
    return [Kpi("bad_debt", SYSTEM, _paid(record, account="bad_debt"), _currency(record))]


def pricing_regret(record: Record) -> list[Kpi]:
    """Mean profit a day of the best level of prices tried, over all days, less what trying earned [currency].

    It rests on the trials alone; none without a supplier that learns.
    """
    if "pricing" not in record:
        return []
    rows = record["pricing"]
    by_level = rows.groupby("factor")[["profit", "days"]].sum()
    best = float((by_level["profit"] / by_level["days"]).max())
    missed = best * float(rows["days"].sum()) - float(rows["profit"].sum())
    return [Kpi("pricing_regret", SYSTEM, missed, _currency(record))]


def demand_response(record: Record) -> list[Kpi]:
    """Return what a demand response programme pays, and how much of it for no curtailment [currency], if it has events.

    The second is the rebates less what the energy that firms planned to curtail is worth at the same price: errors of
    the baseline, and its gaming.
    """
    rows, unit = record.get("demand_response"), _currency(record)
    return [
        Kpi(kpi, str(name), float(theirs[column].sum()), unit)
        for name, theirs in (() if rows is None else rows.groupby("population", sort=False))
        for kpi, column in (("demand_response", "amount"), ("demand_response_overpaid", "overpaid_amount"))
    ]


def bill_equity(record: Record) -> list[Kpi]:
    """Variation of bills among the members of a population, and Gini coefficient of what their kWh cost [-]."""
    if "member_bills" not in record:
        return []
    whose, bill, use = (column_of(record, "member_bills", name) for name in ("population", "bill", "used_kwh"))
    found = []
    for name in record["meta"]["members"]:
        theirs = whose == name
        if not theirs.any():
            continue  # of a population too large to list without a sample
        paid, used = bill[theirs], use[theirs]
        prices = unit_prices(paid, used)
        found.append(Kpi("bill_variation", name, dispersion(paid), "1"))
        unlike = gini(prices, used[used > 0]) if prices.size else float("nan")
        found.append(Kpi("unit_price_gini", name, unlike, "1"))
    return found


def cross_subsidy(record: Record) -> list[Kpi]:
    """Payments of a population beyond what it causes [currency]; below 0 where others pay for it.

    It causes its net withdrawal at pool prices, its levies, and that part of all network charges that it has of the
    highest load. Those who pay for each other are named by :func:`gridagora.sim.equity.cross_subsidies`.
    """
    if "cost_causation" not in record:
        return []
    paid = {kpi.scope: kpi.value for kpi in bills(record) if kpi.kpi == "bill"}
    names = column_of(record, "cost_causation", "population").tolist()
    costs, parts = (_by_name(names, column_of(record, "cost_causation", name)) for name in ("pool_cost", "peak_kwh"))
    network = sum(_paid(record, payer=name, account="network") for name in parts)
    peak, found = _total(np.array(list(parts.values()))), []
    for name, part in parts.items():
        caused = costs[name] + _paid(record, payer=name, account="levy") + network * _ratio(part, peak)
        found.append(Kpi("cross_subsidy", name, paid[name] - caused, _currency(record)))
    return found


#: Metrics by name, in the order in which they are reported.
__all__ = ["METRICS", "SYSTEM", "Kpi", "Metric", "Record", "kpis"]

METRICS: dict[str, Metric] = {
    metric.__name__: metric
    for metric in (
        *(consumption, peak_load, load_factor, mean_pool_price, mean_auction_price, auction_volume),
        *(surplus_sold_online, self_consumption, self_sufficiency, bills, pv_income, supplier_profit),
        *(grid_company_result, cost_of_supply, welfare, auction_efficiency, stranded_hedge, imbalance),
        *(congestion_rent, losses, shed_load, curtailed, co2, pricing_regret, bill_equity, cross_subsidy),
        *(choice_surplus, switching, bad_debt, demand_response, business_models, microgrids),
    )
}


def _total(values: NDArray[Any]) -> float:
    """Sum of a column; nan, where nothing happened, counts as nothing."""
    return float(np.where(np.isnan(values), 0.0, values).sum())


def _energy(record: Record, name: str) -> float:
    return _total(column_of(record, "intervals", name))


def _by_name(names: list[str], values: NDArray[np.float64]) -> dict[str, float]:
    """Return sums by name in order of appearance, compensated for what each addition rounds away."""
    sums, lost = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for name, value in zip(names, values.tolist(), strict=True):
        added = value - lost[name]
        total = sums[name] + added
        lost[name], sums[name] = total - sums[name] - added, total
    return sums


def _load_kw(record: Record) -> NDArray[np.float64]:
    """Mean power consumed in all areas, by period of the run [kW]."""
    day, period, used = (column_of(record, "intervals", name) for name in ("day", "period", "consumption_kwh"))
    _, place = np.unique(day * (period.max() + 1) + period, return_inverse=True)
    return np.asarray(np.bincount(place, used) / record["meta"]["hours_per_period"])


def _mean_price(record: Record, market: str) -> Kpi:
    price, volume = (column_of(record, "intervals", f"{market}_{name}") for name in ("price", "volume_kwh"))
    mean = _ratio(_total(price * volume), _total(volume[~np.isnan(price)]))
    return Kpi(f"mean_{market}_price", SYSTEM, mean, f"{_currency(record)}/kWh")


def _paid(record: Record, **names: str) -> float:
    """Sum of the ledger's rows with these names [currency], exact to the micro-unit."""
    chosen = reduce(np.logical_and, (rows_of(record, "ledger", column, name) for column, name in names.items()))
    return round(float(column_of(record, "ledger", "amount")[chosen].sum()), 6)


def _result(record: Record, roles: set[str]) -> float:
    sides = [column_of(record, "ledger", side).tolist() for side in ("payer", "payee")]
    own = sorted(party for party in set().union(*sides) if role_of(party) in roles)
    return sum(_paid(record, payee=party) - _paid(record, payer=party) for party in own)


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")


def _currency(record: Record) -> str:
    return str(record["meta"]["currency"])
