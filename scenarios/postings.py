"""One day in the books: who pays whom (market_day.md 4), and where the energy went."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import (
    CHARGE,
    DISCHARGE,
    LOAD,
    PV,
    T_BOUGHT,
    T_CURTAILED,
    T_FED_IN,
    T_RETAIL,
    T_SHED,
    T_SOLD,
)
from gridagora.markets.settlement import settle_columns, settle_vector
from gridagora.scenarios.day_record import BUYERS
from gridagora.scenarios.grid_pool import GridPoolResult

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord, PopulationDay, Quanta
    from gridagora.scenarios.simulation import Simulation


def book_energy(model: Simulation, record: DayRecord) -> None:
    """Enter the day into the energy book: sums over meters and units by kind (model.md 0.E).

    Parameters
    ----------
    model : Simulation
        The run.
    record : DayRecord
        The day, delivered and settled.
    """
    day, area = record.day.index, model.parts.area.area
    made, curtailed = record.delivered(PV), record.settled(T_CURTAILED)
    # Batteries and cars that feed in are curtailed too: what they have given by then, a resistor takes.
    burnt = np.maximum(curtailed - made, 0)
    kinds: dict[str, Quanta] = {
        "consumption": record.delivered(LOAD) - record.settled(T_SHED) + burnt,
        "losses": record.losses,
        "storage_charge": record.delivered(CHARGE) + record.charge.sum(axis=1),
        "storage_discharge": record.delivered(DISCHARGE) + record.discharge.sum(axis=1),
        "generation_pv": made - (curtailed - burnt),
        "export": np.zeros_like(record.losses),
    }
    generation = record.generation
    for unit, generated, total in zip(model.parts.units, generation.T, generation.sum(axis=0).tolist(), strict=True):
        kind = "import" if unit.fuel == "import" else f"generation_{unit.fuel}"
        kinds[kind] = kinds[kind] + generated if kind in kinds else generated
        unit.generated += total * record.weight
    for kind, quanta in kinds.items():
        model.energy.add(day, area, kind, quanta)


def supplier_imbalance(record: DayRecord) -> Quanta:
    """Return the supplier's imbalance, long positive (market_day.md 3), shape (periods,) [1e-6 kWh].

    Pool purchase + online purchases - online sales - (retail - fed in) of its customers.
    """
    auctions = record.auctions
    bought = record.purchased + auctions.supplier_bought - auctions.supplier_sold
    imbalance: Quanta = bought - (record.settled(T_RETAIL) - record.settled(T_FED_IN))
    return imbalance


def auctioneer_imbalance(record: DayRecord) -> Quanta:
    """Return what rounding of awards leaves with the auctioneer, long positive, shape (periods,) [1e-6 kWh]."""
    auctions = record.auctions
    sold = record.settled(T_SOLD) + auctions.supplier_sold + auctions.unit_sold.sum(axis=1)
    imbalance: Quanta = sold - record.settled(T_BOUGHT) - auctions.supplier_bought
    return imbalance


def storage_imbalance(record: DayRecord) -> Quanta:
    """Return the imbalance of each pool storage, long positive, shape (periods, n_storages) [1e-6 kWh].

    Bought less sold in the pool, less what its meter says.
    """
    imbalance: Quanta = record.pool.charge_quanta - record.pool.discharge_quanta - (record.charge - record.discharge)
    return imbalance


def post_day(model: Simulation, record: DayRecord) -> None:
    """Post the day's cash flows; every amount is computed once and has a payer and a payee.

    Parameters
    ----------
    model : Simulation
        The run.
    record : DayRecord
        The day, delivered, settled and activated.
    """
    _post_members(model, record)
    _post_pool(model, record)
    _post_online(model, record)
    _post_balancing(model, record)
    _post_generation(model, record)


def _pay(model: Simulation, record: DayRecord, payer: str, payee: str, account: str, amount: int) -> None:
    """Post a signed amount: a negative one is paid the other way round, of none there is no row."""
    if not amount:
        return
    if amount < 0:
        payer, payee, amount = payee, payer, -amount
    model.ledger.post(record.day.index, payer, payee, account, amount)


def _post_members(model: Simulation, record: DayRecord) -> None:
    for entry in record.populations:
        population = entry.population
        grown = population.bill_to_date(record.day)
        for (number, line), amount in zip(population.billing.lines, grown, strict=True):
            role = line.counterparty
            if role == "supplier" and line.account in ("retail", "reliability"):
                other = population.offers[number].supplier
            else:
                other = model.parts.auctioneer if role == "auctioneer" else role
            _pay(model, record, population.name, other, line.account, int(amount))
        _post_wholesale(model, record, entry)
    if model.scenario.tariffs.feed_in.fund == "levy":
        loss = model.scenario.tariffs.feed_in.price_per_kwh - record.pool.price
        amount = settle_vector(record.settled(T_FED_IN), loss)
        _pay(model, record, "government", "supplier", "feed_in", amount)


def _post_wholesale(model: Simulation, record: DayRecord, entry: PopulationDay) -> None:
    """Let other suppliers pay the supplier, who buys for all in the pool, for what their customers used (B10)."""
    price = record.pool.price + model.scenario.tariffs.wholesale_fee_per_kwh
    for number, offer in enumerate(entry.population.offers):
        if offer.supplier != "supplier":
            amount = settle_vector(entry.settled[:, number, T_RETAIL], price)
            _pay(model, record, offer.supplier, "supplier", "wholesale", amount)


def _post_pool(model: Simulation, record: DayRecord) -> None:
    """Pay the pool, which the grid company holds; what losses cost stays with it, as their buyer."""
    for party, amount in zip(model.parts.pool.parties, record.pool.payments, strict=True):
        _pay(model, record, party, "grid_company", "pool", int(amount))
    if isinstance(record.pool, GridPoolResult):
        for party, amount in zip(BUYERS, record.pool.rent, strict=True):
            _pay(model, record, party, "grid_company", "congestion_rent", int(amount))
    for party, amount in zip(model.parts.pool.parties, record.pool.uplift, strict=True):
        _pay(model, record, party, "grid_company", "uplift", int(amount))


def _post_online(model: Simulation, record: DayRecord) -> None:
    """Pay plants and supplier for what they traded online, with fees and the rest of the network charge."""
    auctions, market, auctioneer = record.auctions, model.scenario.market, model.parts.auctioneer
    whole = np.ones(auctions.price.size)
    sellers: list[tuple[str, NDArray[np.int64], NDArray[np.float64]]] = [
        (model.parts.units[index].name, auctions.unit_sold[:, index], auctions.unit_price[:, index])
        for index in np.flatnonzero(auctions.unit_sold.any(axis=0)).tolist()
    ]
    for name, sold, price in [*sellers, ("supplier", auctions.supplier_sold, auctions.supplier_sold_price)]:
        _pay(model, record, auctioneer, name, "auction", settle_vector(sold, price))
        fee = settle_vector(sold, market.fee_seller_per_kwh * whole)
        _pay(model, record, name, auctioneer, "platform_fee", fee)
    for name, sold, _ in sellers:
        rest = settle_vector(sold, model.parts.network_rest * whole)
        _pay(model, record, name, "grid_company", "network", rest)
    bought = auctions.supplier_bought
    _pay(model, record, auctioneer, "grid_company", "congestion_rent", round(math.fsum(auctions.rent)))
    paid = settle_vector(bought, auctions.supplier_bought_price)
    _pay(model, record, "supplier", auctioneer, "auction", paid)
    fee = settle_vector(bought, market.fee_buyer_per_kwh * whole)
    _pay(model, record, "supplier", auctioneer, "platform_fee", fee)


def _post_balancing(model: Simulation, record: DayRecord) -> None:
    """Settle institutions' imbalances at the imbalance prices and activated energy at its cost (C9)."""
    grid_loss = record.losses_bought - record.losses
    for name, imbalance in (
        ("supplier", supplier_imbalance(record)),
        ("grid_company", grid_loss),
        (model.parts.auctioneer, auctioneer_imbalance(record)),
        *zip(model.parts.pool.storages.names, storage_imbalance(record).T, strict=True),
    ):
        short = settle_vector(np.maximum(-imbalance, 0), record.short_price)
        long = settle_vector(np.maximum(imbalance, 0), record.long_price)
        _pay(model, record, name, "grid_company", "imbalance", short)
        _pay(model, record, "grid_company", name, "imbalance", long)
    cost = np.array([unit.cost_per_kwh for unit in model.parts.units])
    increased = settle_columns(np.maximum(record.activated, 0), cost)
    decreased = settle_columns(np.maximum(-record.activated, 0), cost)
    for unit, up, down in zip(model.parts.units, increased, decreased, strict=True):
        _pay(model, record, "grid_company", unit.name, "balancing", up)
        _pay(model, record, unit.name, "grid_company", "balancing", down)


def _post_generation(model: Simulation, record: DayRecord) -> None:
    """Pay the fuel of generation, idling and starts, and the import price abroad, to the rest of the world."""
    pool = record.pool
    # Output that idles is sold online or activated first.
    idle = pool.idle_quanta - record.auctions.unit_sold - np.maximum(record.activated, 0)
    burnt = record.generation + np.maximum(idle, 0)
    fuel = settle_columns(burnt, np.array([unit.cost_per_kwh for unit in model.parts.units]))
    for unit, cost, starts in zip(model.parts.units, fuel, pool.start_cost.tolist(), strict=True):
        _pay(model, record, unit.name, "outside", "fuel", cost + starts)
