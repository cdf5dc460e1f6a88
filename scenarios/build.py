"""From a scenario to the parts of a run: populations, plants, institutions, books, pool."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.exogenous import PATHS, AreaErrors
from gridagora.agents.firms import Farms, Firms
from gridagora.agents.generators import Plant
from gridagora.agents.grid_company import GridCompany
from gridagora.agents.households import Households
from gridagora.agents.institution import Government, Outside, Platform
from gridagora.agents.ownership import pv_candidates
from gridagora.agents.population import BLOCK, Population
from gridagora.agents.suppliers import Retailer, Supplier
from gridagora.markets.coupled_pool import CoupledPool, Technique
from gridagora.markets.day_ahead import DayAheadPool
from gridagora.markets.pool_day import Offers
from gridagora.markets.settlement import PeerTerms
from gridagora.markets.storage import Storage
from gridagora.markets.tariffs.offers import offers_of
from gridagora.scenarios import inputs
from gridagora.scenarios.base_profiles import AREA, load_profiles, metered, pv_profiles, weather_of
from gridagora.scenarios.day_record import BUYERS
from gridagora.scenarios.grid_pool import Feeder, GridPool, place_plants, scaled_grid
from gridagora.scenarios.horizon import Horizon, choose, every_day
from gridagora.scenarios.learners import Learners
from gridagora.scenarios.microgrid_founding import microgrids_with_plants
from gridagora.scenarios.own_files import require_unchanged, series_of
from gridagora.sim.clock import Calendar
from gridagora.sim.compiled import use_threads
from gridagora.sim.contracts import Contract, ContractBook
from gridagora.sim.energy import EnergyBook
from gridagora.sim.ledger import Ledger
from gridagora.sim.streams import Streams

if TYPE_CHECKING:
    import mesa

    from gridagora.agents.weather import Weather
    from gridagora.scenarios.load import Scenario
    from gridagora.scenarios.microgrid_founding import Founding
    from gridagora.scenarios.rounds import Round
    from gridagora.scenarios.schema_market import Market

#: Class and profile group of each section of consumers.
KINDS: dict[str, tuple[type[Households | Firms], str]] = {
    "households": (Households, "household"),
    "firms": (Firms, "firm"),
    "farms": (Farms, "farm"),
}


@dataclass(slots=True)
class Parts:
    """What a run is made of.

    Parameters
    ----------
    calendar, ledger, energy, contracts
        Clock and books.
    horizon : Horizon
        How many days each simulated day stands for.
    weather : Weather or None
        Where it is not typical.
    populations : list of Population
        Members.
    units : list of Plant
        Plants and imports in order of rising cost.
    supplier, grid_company : Supplier, GridCompany
        Institutions.
    auctioneer : str
        Party that runs the online auction.
    area : AreaErrors
        Errors of the area.
    pool : DayAheadPool or GridPool
        The pool's model, built once.
    demand_shares : ndarray of float64, shape (n_steps,)
        Shares of the supplier's demand by step of the pool, from the price cap downwards [1].
    samples : dict
        Numbers of the sampled members by population.
    unit_quanta : ndarray of int64, shape (n_units,)
        Capacity a period [1e-6 kWh].
    regulated_price : ndarray of float64, shape (n_units,)
        Price of each unit where prices are regulated [currency/kWh].
    given_price : ndarray of float64, shape (n_days, periods), or None
        Prices of the pool where an own file gives them [currency/kWh].
    unit_limits : ndarray of float64, shape (n_units,)
        Reservation prices in the online auction [currency/kWh].
    unit_ticks : ndarray of int64, shape (n_units,)
        Their ticks.
    network_rest : float
        n - w, what sellers above distribution pay on each kWh sold online [currency/kWh].
    ticks : int
        Price ticks of the online auction.
    least_offer : int
        Least energy of an offer [1e-6 kWh].
    margins : tuple of int
        Outcome of the auction that is under way.
    streams : Streams
        Random streams of the run.
    feeder : Feeder or None
        Grid on which members trade online.
    mechanism_options : dict or None
        Options of the online auction's mechanism where orders stand one by one; None where sums over price ticks do.
    learners : dict
        Members that learn to bid, by population.
    microgrids : list of Founding
        Microgrids that were founded; their plants are the last populations, in this order.
    rounds : list of Round
        What happens after the bills: decisions of customers, suppliers, government.
    """

    calendar: Calendar
    horizon: Horizon
    weather: Weather | None
    ledger: Ledger
    energy: EnergyBook
    contracts: ContractBook
    populations: list[Population]
    units: list[Plant]
    supplier: Supplier
    grid_company: GridCompany
    auctioneer: str
    area: AreaErrors
    pool: DayAheadPool | GridPool
    demand_shares: NDArray[np.float64]
    samples: dict[str, NDArray[np.int64]]
    unit_quanta: NDArray[np.int64]
    regulated_price: NDArray[np.float64]
    given_price: NDArray[np.float64] | None
    unit_limits: NDArray[np.float64]
    unit_ticks: NDArray[np.int64]
    network_rest: float
    ticks: int
    least_offer: int
    margins: tuple[int, int, int, int, int, int]
    streams: Streams
    feeder: Feeder | None
    mechanism_options: dict[str, Any] | None
    learners: dict[str, Learners]
    microgrids: list[Founding] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    #: What all units can generate in a period [1e-6 kWh].
    capability: int = field(init=False)

    def __post_init__(self) -> None:
        self.capability = int(self.unit_quanta.sum())


#: Marginal ticks that award nothing: every bid lies below, every offer above.
NO_AWARDS = (2**31 - 1, 0, 1, -1, 0, 1)


def build(model: mesa.Model, scenario: Scenario, block: int | None = None) -> Parts:
    """Return the parts of a run.

    Parameters
    ----------
    model : mesa.Model
        The simulation that the agents join.
    scenario : Scenario
        What to simulate.
    block : int, optional
        Members a block.

    Returns
    -------
    Parts
    """
    require_unchanged(scenario)
    use_threads(scenario.threads)
    time, market = scenario.time, scenario.market
    calendar = Calendar(*time.span, time.period_minutes)
    streams, ledger, hours = Streams(scenario.seed), Ledger(), calendar.hours_per_period
    weather = weather_of(scenario, streams, AREA)
    populations = _populations(model, scenario, streams, calendar, block or BLOCK, weather)
    load = expected_load(populations, calendar)
    peak_kw = float(load.max()) / 1e6 / hours
    horizon = every_day(calendar)
    if time.representative_days is not None:
        terms = time.representative_days
        pv = expected_pv(populations, calendar, scenario.adoption is not None and scenario.adoption.pv is not None)
        horizon = choose(load, pv, terms.count, terms.years, terms.each_year)
        calendar = replace(calendar, chosen=tuple(horizon.days.tolist()), years=terms.simulated_years)
    units = _units(model, scenario, ledger, peak_kw)
    supplier = Supplier(model, "supplier", ledger, calendar.periods_per_day)
    for name in sorted({offer.supplier for p in populations for offer in p.offers} - {"supplier"}):
        Retailer(model, name, ledger)
    grid_company = GridCompany(model, "grid_company", ledger, scenario.network.loss_rate)
    Government(model, "government", ledger)
    Outside(model, "outside", ledger)
    if scenario.platform.present:
        Platform(model, "platform", ledger)
    sigma = {path: float(getattr(scenario.forecasts, key)) for path, key in PATHS.items()}
    unit_quanta = np.array([math.floor(unit.capacity_kw * hours * 1e6) for unit in units], np.int64)
    # Plants pay what the members' network charge would have brought above wheeling, at the residential rate.
    residential = offers_of(scenario.tariffs.residential)[0].tariff
    rest = max(residential.network_per_kwh - market.wheeling_per_kwh, 0.0)
    limits = np.array([unit.cost_per_kwh for unit in units]) + market.fee_seller_per_kwh + rest
    ticks = math.floor((market.cap_per_kwh - market.floor_per_kwh) / market.tick_per_kwh + 1e-9) + 1
    low_voltage = scenario.network.kind == "lin_dist_flow"
    feeder = Feeder(scaled_grid(scenario.network, peak_kw)) if low_voltage else None
    unit_ticks = np.ceil((limits - market.floor_per_kwh) / market.tick_per_kwh - 1e-9).astype(np.int64)
    microgrids, plants = microgrids_with_plants(model, scenario, populations, calendar, horizon.is_whole)
    populations += plants
    return Parts(
        calendar=calendar,
        horizon=horizon,
        weather=weather,
        ledger=ledger,
        energy=EnergyBook(),
        contracts=_contracts(populations),
        populations=populations,
        units=units,
        supplier=supplier,
        grid_company=grid_company,
        auctioneer="platform" if scenario.platform.present else "grid_company",
        area=AreaErrors(streams, AREA, sigma, scenario.forecasts.rho_per_hour**hours),
        pool=_pool(scenario, units, unit_quanta, calendar, peak_kw),
        demand_shares=demand_shares(scenario),
        samples={p.name: _sample(len(p), scenario.outputs.members) for p in populations},
        unit_quanta=unit_quanta,
        regulated_price=np.array([unit.cost_per_kwh for unit in units]) * (1 + scenario.generators.regulated_margin),
        given_price=series_of(market.pool_price, time).values[0] if market.pool_price is not None else None,
        unit_limits=limits,
        unit_ticks=np.clip(unit_ticks, 0, ticks),
        network_rest=rest,
        ticks=ticks,
        least_offer=max(1, round(market.min_offer_kwh * 1e6)),
        margins=NO_AWARDS,
        streams=streams,
        feeder=feeder,
        mechanism_options=_mechanism_options(market, feeder, hours) if scenario.order_by_order else None,
        microgrids=microgrids,
        learners={
            population.name: Learners(population, market, scenario.seed)
            for population in populations
            if population.terms.strategies.learning > 0
        },
    )


def _mechanism_options(market: Market, feeder: Feeder | None, hours: float) -> dict[str, Any]:
    """Return the options of the online auction's mechanism."""
    grid = {} if feeder is None else {"network": feeder.grid.network, "hours": hours}
    return {**market.options_of_mechanism, **grid}


def expected_load(populations: list[Population], calendar: Calendar) -> NDArray[np.float64]:
    """Return the expected load of the run [1e-6 kWh], shape (n_days, periods), by yearly energies and profiles."""
    load = np.zeros((calendar.days, calendar.periods_per_day))
    for population in populations:
        profiles = population.tables.profiles
        first = profiles.index(calendar.start)
        days = profiles.values[:, first : first + calendar.days]
        load += (days * population.annual_quanta[:, None, None]).sum(axis=0)
    return load


def expected_pv(populations: list[Population], calendar: Calendar, of_all: bool = False) -> NDArray[np.float64]:
    """Return the expected PV generation [kWh], shape (n_days, periods); with `of_all` as if all members had it."""
    generation = np.zeros((calendar.days, calendar.periods_per_day))
    for population in populations:
        profiles, members = population.pv_profiles, population.members
        first = profiles.index(calendar.start)
        kwh = pv_candidates(population)[members.number] if of_all else members.pv_annual_kwh
        yearly = np.bincount(members.pv_profile, kwh, len(profiles.names))
        generation += np.tensordot(yearly, profiles.values[:, first : first + calendar.days], axes=1)
    return generation


def _populations(
    model: mesa.Model, scenario: Scenario, streams: Streams, calendar: Calendar, block: int, weather: Weather | None
) -> list[Population]:
    market, tariffs = scenario.market, scenario.tariffs
    peer = PeerTerms(
        market.wheeling_per_kwh, market.fee_buyer_per_kwh, market.fee_seller_per_kwh, tariffs.feed_in.price_per_kwh
    )
    largest = math.exp(8 * max(scenario.forecasts.realised_sigma, scenario.forecasts.gate_sigma))
    populations: list[Population] = []
    for name, terms in sorted(scenario.groups.items()):  # one order, whatever that of the file
        kind, group = KINDS[getattr(terms, "kind", name)]
        profiles, pv = load_profiles(scenario, terms, group), pv_profiles(scenario, terms, weather)
        annual, profile = metered(scenario, terms) or kind.draw(terms, name, profiles.names, streams)
        offers = offers_of(getattr(tariffs, terms.tariff))
        populations.append(
            kind(
                *(model, name, terms, annual, profile, profiles, pv, offers, peer, streams, calendar, block),
                *(largest, weather),
            )
        )
    return populations


def _units(model: mesa.Model, scenario: Scenario, ledger: Ledger, peak_kw: float) -> list[Plant]:
    terms = scenario.generators
    fleet = inputs.fleet_once(terms.fleet, terms.costs, terms.blocks)
    capacity = fleet.share * terms.capacity_to_peak * peak_kw
    rows = [
        (f"plant:{name}", fuel, float(kw), float(cost), float(co2))
        for name, fuel, kw, cost, co2 in zip(
            fleet.names, fleet.fuel, capacity, fleet.cost_per_kwh, fleet.co2_kg_per_kwh, strict=True
        )
    ]
    if terms.import_capacity_to_peak > 0:
        factor = inputs.load_emission_factors()[terms.import_co2_region]
        capacity_kw = terms.import_capacity_to_peak * peak_kw
        rows.append(("imports", "import", capacity_kw, terms.import_price_per_kwh, factor))
    rows.sort(key=lambda row: (row[3], row[0]))
    return [Plant(model, name, ledger, fuel, kw, cost, co2) for name, fuel, kw, cost, co2 in rows]


def _steps(scenario: Scenario) -> list[tuple[float, float]]:
    """Return price and share of the steps below the cap, dearest first."""
    return sorted(((step.price_per_kwh, step.share) for step in scenario.market.demand_response_steps), reverse=True)


def demand_shares(scenario: Scenario) -> NDArray[np.float64]:
    """Return the shares of the supplier's demand by step of the pool, from the price cap downwards [1]."""
    shares = [share for _, share in _steps(scenario)]
    return np.array([1.0 - math.fsum(shares), *shares])


def _pool(
    scenario: Scenario, units: list[Plant], quanta: NDArray[np.int64], calendar: Calendar, peak_kw: float
) -> DayAheadPool | GridPool:
    market, generators, hours = scenario.market, scenario.generators, calendar.hours_per_period
    terms: dict[str, Any] = {
        "periods": calendar.periods_per_day,
        "buyers": BUYERS,
        "step_price": [market.cap_per_kwh, *(price for price, _ in _steps(scenario))],
        "floor": market.floor_per_kwh,
        "cap": market.cap_per_kwh,
        "k": market.k,
        "method": market.method,
    }
    capacity = quanta / 1e6
    offers = Offers([unit.name for unit in units], capacity, [unit.cost_per_kwh for unit in units])
    ramps, starts = generators.ramp_per_hour or {}, generators.start_up or {}
    on_grid = scenario.network.kind in ("dc", "transport")
    if not (ramps or starts or scenario.storages or on_grid):
        return DayAheadPool(offers, **terms)
    storages = []
    for terms_of in scenario.storages:
        power = terms_of.power_to_peak * peak_kw
        energy = power * terms_of.hours_of_power
        storages.append(Storage(f"storage:{terms_of.name}", power * hours, energy, terms_of.round_trip))
    if on_grid:
        grid = scaled_grid(scenario.network, peak_kw)
        return GridPool(offers, place_plants(units, grid), grid, storages, hours=hours, **terms)
    start_cost = [starts[u.fuel].cost_per_kw * u.capacity_kw if u.fuel in starts else math.nan for u in units]
    technique = Technique(
        len(units),
        ramp_kwh=[
            ramps[u.fuel] * hours * c if u.fuel in ramps else math.inf for u, c in zip(units, capacity, strict=True)
        ],
        minimum_kwh=capacity * [starts[unit.fuel].minimum_load if unit.fuel in starts else 0.0 for unit in units],
        start_cost=start_cost,
        minimum_up=[_periods(starts[u.fuel].minimum_up_hours, hours) if u.fuel in starts else 1 for u in units],
        minimum_down=[_periods(starts[u.fuel].minimum_down_hours, hours) if u.fuel in starts else 1 for u in units],
    )
    return CoupledPool(offers, technique, storages, pricing=generators.start_up_pricing, **terms)


def _periods(least_hours: float, hours: float) -> int:
    """Return the fewest settlement periods of so many hours that last so long, at least 1."""
    return max(1, math.ceil(least_hours / hours - 1e-9))


def _contracts(populations: list[Population]) -> ContractBook:
    return ContractBook(
        Contract(
            id=f"supply:{population.name}" + (f":{offer.name}" if len(population.offers) > 1 else ""),
            kind="supply",
            party=population.name,
            counterparty=offer.supplier,
            first_day=0,
            last_day=None,
            terms={"tariff": population.terms.tariff, "kind": offer.tariff.kind},  # type: ignore[attr-defined]
            exclusive=len(population.offers) == 1,
        )
        for population in populations
        for offer in population.offers
    )


def _sample(count: int, size: int) -> NDArray[np.int64]:
    """Return the numbers of the sampled members, evenly spread."""
    if size == 0:
        return np.zeros(0, np.int64)
    return np.unique(np.linspace(0, count - 1, min(size, count)).astype(np.int64))
