"""Rows of the result tables that a day adds, and their units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import (
    DRIVEN,
    HEAT_PUMP,
    HELD,
    P_BID,
    P_INJECTION,
    P_OFFER,
    P_WITHDRAWAL,
    PUBLIC,
    T_BOUGHT,
    T_BUYERS,
    T_CURTAILED,
    T_INJECTION,
    T_SELLERS,
    T_SHED,
    T_SOLD,
    T_WITHDRAWAL,
    VEHICLE,
)
from gridagora.scenarios.postings import supplier_imbalance

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord, PopulationDay
    from gridagora.scenarios.simulation import Simulation

Columns = dict[str, Any]

#: Units of result columns by ending; everything else has no unit.
_UNITS = {
    "_kwh": "kWh",
    "_kw": "kW",
    "_kg": "kg",
    "temperature": "degC",
    "irradiance": "W/m2",
    "mean_payback": "a",
    "income": "currency/month",
    "_minutes": "min",
    "price": "currency/kWh",
    "cost_per_kwh": "currency/kWh",
    "_per_certificate": "currency/certificate",
    "payback_years": "a",
}
_MONEY = (
    "mean_npv",
    "amount",
    "payment",
    "revenue",
    "cost",
    "result",
    "low",
    "high",
    "auction_surplus",
    "auction_max_surplus",
    "requirement",
    "profit",
    "bill",
    "pool_cost",
    *("exit_fees", "surplus", "billed", "lent", "settled", "bad_debt", "owed", "reward"),
    *("investment", "due"),
    *("outage_load", "outage_shed", "retail_bill", "internal_bill", "paid_to_operator", "fees", "costs"),
    *("alone", "gain", "least_core", "internal"),
    *("paid", "received", "npv", "npv_sd", "npv_mean", "value_at_risk_5", "cvar_5", "through_bills"),
    *("p5", "p25", "p50", "p75", "p95"),
)


def units_of(columns: Columns, currency: str) -> dict[str, str]:
    """Return the unit of each column of a result table.

    Parameters
    ----------
    columns : dict
        Columns by name.
    currency : str
        Currency of the scenario.

    Returns
    -------
    dict
        Unit by column for all columns of numbers; ``"1"`` where there is none.
    """
    units = {}
    for name, values in columns.items():
        if np.asarray(values).dtype.kind != "f":
            continue
        unit = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "1")
        if unit == "1" and "price" in name:
            unit = "currency/kWh"
        if name in _MONEY:
            unit = "currency"
        units[name] = unit.replace("currency", currency)
    return units


def kwh(quanta: NDArray[Any]) -> NDArray[np.float64]:
    """Return energy in kWh from quanta of 1e-6 kWh."""
    return quanta / 1e6


def interval_rows(model: Simulation, record: DayRecord) -> Columns:
    """Return one row a period and area: energy by kind, prices, auction and balancing."""
    auctions, pool = record.auctions, record.pool
    day, periods = record.day.index, record.losses.size
    area = model.parts.area.area
    own = {fuel for entry in record.populations for fuel in getattr(entry.population, "fuels", ())}
    energy = {
        f"{kind}_kwh": kwh(model.energy.quanta(day, area, kind))
        for kind in (
            *("consumption", "losses", "export", "import", "storage_charge", "storage_discharge"),
            *sorted(f"generation_{fuel}" for fuel in {*(u.fuel for u in model.parts.units), *own, "pv"} - {"import"}),
        )
    }
    online, market_scarcity = model.scenario.market.online, model.scenario.market.scarcity
    gate = kwh(record.gate(P_WITHDRAWAL) - record.gate(P_INJECTION)) if online else np.full(periods, np.nan)
    supplier = supplier_imbalance(record)
    surplus, most = auction_surplus(record, model)
    return {
        "day": np.full(periods, day),
        "period": np.arange(periods),
        "time": model.calendar.times(day),
        "area": [area] * periods,
        **energy,
        "shed_kwh": kwh(record.settled(T_SHED)),
        "curtailed_kwh": kwh(record.settled(T_CURTAILED)),
        "withdrawal_kwh": kwh(record.settled(T_WITHDRAWAL)),
        "injection_kwh": kwh(record.settled(T_INJECTION)),
        "forecast_day_ahead_kwh": kwh(record.planned(P_WITHDRAWAL) - record.planned(P_INJECTION)),
        "forecast_gate_kwh": gate,
        "activation_up_kwh": kwh(np.maximum(record.activated, 0).sum(axis=1)),
        "activation_down_kwh": kwh(np.maximum(-record.activated, 0).sum(axis=1)),
        "pool_price": pool.price,
        "pool_price_low": pool.price_low,
        "pool_price_high": pool.price_high,
        "pool_volume_kwh": kwh(
            pool.schedule_quanta.sum(axis=1) + pool.surplus_quanta.sum(axis=0) + pool.discharge_quanta.sum(axis=1)
        ),
        "pool_unserved_kwh": kwh(pool.unserved_quanta),
        "imbalance_price_short": record.short_price,
        "imbalance_price_long": record.long_price,
        "supplier_imbalance_kwh": kwh(supplier),
        "stranded_hedge_kwh": kwh(np.minimum(np.maximum(supplier, 0), auctions.unit_sold.sum(axis=1))),
        "auction_price": auctions.price,
        "auction_price_low": auctions.low,
        "auction_price_high": auctions.high,
        "auction_volume_kwh": kwh(auctions.volume),
        "auction_bid_kwh": kwh(record.gate(P_BID) + auctions.supplier_bid),
        "auction_offer_kwh": kwh(record.gate(P_OFFER) + auctions.unit_offer.sum(axis=1) + auctions.supplier_offer),
        "auction_surplus": surplus,
        "auction_max_surplus": most,
        **({} if market_scarcity is None else {"scarcity_adder_price": record.announced_price - pool.price}),
        **_storage_columns(model, record),
        **_device_columns(record),
        **_weather_columns(model, day),
    }


def _storage_columns(model: Simulation, record: DayRecord) -> Columns:
    """Return what the pool's storages charged, discharged and hold at the end of each period; empty without any."""
    if not len(model.parts.pool.storages):
        return {}
    return {
        "pool_storage_charge_kwh": kwh(record.charge.sum(axis=1)),
        "pool_storage_discharge_kwh": kwh(record.discharge.sum(axis=1)),
        "pool_storage_held_kwh": kwh(record.held.sum(axis=1)),
    }


def _device_columns(record: DayRecord) -> Columns:
    """Return what cars and heat pumps drew, a part of consumption, and what cars drove, charged in public and hold.

    Empty for devices that nobody has.
    """
    devices = [entry.population.devices for entry in record.populations]
    columns: Columns = {}
    if any(each.has_cars for each in devices):
        columns["consumption_vehicle_kwh"] = kwh(record.delivered(VEHICLE))
        columns["vehicle_driven_kwh"] = kwh(record.delivered(DRIVEN))
        columns["vehicle_public_kwh"] = kwh(record.delivered(PUBLIC))
        columns["vehicle_held_kwh"] = kwh(record.delivered(HELD))
    if any(each.has_pumps for each in devices):
        columns["consumption_heat_pump_kwh"] = kwh(record.delivered(HEAT_PUMP))
    return columns


def _weather_columns(model: Simulation, day: int) -> Columns:
    """Return temperature and irradiance of each period; empty where they are typical."""
    weather = model.parts.weather
    if weather is None:
        return {}
    number = day % model.calendar.days  # every year has the same weather
    return {"temperature": weather.temperature[number], "irradiance": weather.irradiance[number]}


def auction_surplus(record: DayRecord, model: Simulation) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return gains from trade at true limits, realised and the most there could be (C2, C13).

    The most is by duality min over p of sum max(v - p, 0) D + sum max(c - p, 0) S, reached at one of the limits.

    Returns
    -------
    realised, most : ndarray of float64, shape (periods,)
        [currency]
    """
    auctions, parts, market = record.auctions, model.parts, model.scenario.market
    periods = auctions.price.size
    one = np.ones(periods)
    buyers, sellers = [], []
    for entry in record.populations:
        for o in range(entry.gate.shape[1]):
            gate, settled, quotes = entry.gate[:, o], entry.settled[:, o], entry.quotes
            buyers.append((quotes.buy_limit[:, o], gate[:, P_BID], settled[:, T_BOUGHT]))
            sellers.append((quotes.sell_limit[:, o], gate[:, P_OFFER], settled[:, T_SOLD]))
    buyers.append((record.short_price - market.fee_buyer_per_kwh, auctions.supplier_bid, auctions.supplier_bought))
    sellers.append((record.long_price + market.fee_seller_per_kwh, auctions.supplier_offer, auctions.supplier_sold))
    if market.online_sellers == "all":
        for index, limit in enumerate(parts.unit_limits):
            sellers.append((limit * one, auctions.unit_offer[:, index], auctions.unit_sold[:, index]))
    realised = np.sum([v * kwh(q) for v, _, q in buyers], axis=0) - np.sum([c * kwh(q) for c, _, q in sellers], axis=0)
    value, cost = (np.stack([row[0] for row in rows], axis=1) for rows in (buyers, sellers))
    bid, offer = (np.stack([row[1] for row in rows], axis=1) for rows in (buyers, sellers))
    prices = np.concatenate([value, cost], axis=1)[:, :, None]
    gains = (np.maximum(value[:, None] - prices, 0) * kwh(bid)[:, None]).sum(axis=2)
    gains += (np.maximum(prices - cost[:, None], 0) * kwh(offer)[:, None]).sum(axis=2)
    return np.asarray(realised), gains.min(axis=1)


def member_rows(record: DayRecord, entry: PopulationDay) -> Columns:
    """Return one row a period and sampled member: meter, awards, load, generation, state of charge."""
    population, rows = entry.population, entry.rows
    members, today = population.members, population.today
    periods, n = entry.net.shape
    load = members.annual_kwh[rows] * entry.plan.load[:, today.load_code[rows]]
    load = load * population.load_noise[:, today.load_row[rows]] * record.errors["realised_load"][:, None]
    pv = members.pv_annual_kwh[rows] * entry.plan.pv[:, members.pv_profile[rows]]
    pv = pv * population.pv_noise[:, today.pv_row[rows]] * record.errors["realised_pv"][:, None]
    return {
        "population": [population.name] * (periods * n),
        "member": np.tile(entry.sample, periods),
        "day": np.full(periods * n, record.day.index),
        "period": np.repeat(np.arange(periods), n),
        "withdrawal_kwh": kwh(np.maximum(entry.net, 0)).ravel(),
        "injection_kwh": kwh(np.maximum(-entry.net, 0)).ravel(),
        "bought_kwh": kwh(np.maximum(entry.award, 0)).ravel(),
        "sold_kwh": kwh(np.maximum(-entry.award, 0)).ravel(),
        "load_kwh": kwh(np.rint(load * 1e6).astype(np.int64)).ravel(),
        "pv_kwh": kwh(np.rint(pv * 1e6).astype(np.int64)).ravel(),
        "soc_kwh": entry.stored.astype(np.float64).ravel(),
    }


def trade_rows(model: Simulation, record: DayRecord) -> Columns:
    """Return the awards of the day: sums of each population, sampled members, plants and supplier."""
    auctions = record.auctions
    parts: list[tuple[str, str, NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
    one = np.ones(auctions.price.size, np.int64)
    for entry in record.populations:
        name = entry.population.name
        sides = (("buy", T_BUYERS, T_BOUGHT), ("sell", T_SELLERS, T_SOLD))
        for (side, orders, column), mean in zip(sides, entry.mean_price.T, strict=True):
            settled = entry.settled.sum(axis=1)
            parts.append((name, side, settled[:, orders], settled[:, column], mean))
        for index, member in enumerate(entry.sample):
            award, own = entry.award[:, index], entry.award_price[:, index]
            parts.append((f"{name}:{member}", "buy", one, np.maximum(award, 0), own))
            parts.append((f"{name}:{member}", "sell", one, np.maximum(-award, 0), own))
    for unit, sold, own in zip(model.parts.units, auctions.unit_sold.T, auctions.unit_price.T, strict=True):
        parts.append((unit.name, "sell", one, sold, own))
    parts.append(("supplier", "buy", one, auctions.supplier_bought, auctions.supplier_bought_price))
    parts.append(("supplier", "sell", one, auctions.supplier_sold, auctions.supplier_sold_price))
    quantity = np.stack([part[3] for part in parts], axis=1)
    period, which = np.nonzero(quantity)
    places = which.tolist()
    count = np.stack([part[2] for part in parts], axis=1)
    price = np.stack([part[4] for part in parts], axis=1)[period, which]
    energy = kwh(quantity[period, which])
    sign = np.array([1.0 if part[1] == "buy" else -1.0 for part in parts])
    return {
        "day": np.full(period.size, record.day.index),
        "period": period,
        "party": [parts[i][0] for i in places],
        "members": count[period, which],
        "side": [parts[i][1] for i in places],
        "quantity_kwh": energy,
        "price": price,
        "payment": sign[which] * energy * price,
    }
