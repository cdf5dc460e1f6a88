"""Month ends at which firms buy green certificates: demand, supply and price in an auction (model.md A2.4, C10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import PV, T_CURTAILED, T_INJECTION
from gridagora.agents.firm_behaviour import green_bids
from gridagora.markets.certificates import CertificateRegistry, UnitAuction, auction_units, mint
from gridagora.markets.orders import BUY
from gridagora.markets.strategies.draws import Draws

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.day_record import DayRecord, PopulationDay
    from gridagora.scenarios.simulation import Simulation

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Ledger account and table of the certificates, and name of the business model, which keeps them out of the bills.
ACCOUNT, BUSINESS_MODEL = "certificates", "green_power"
KWH_PER_CERTIFICATE = 1000.0


def green_rounds(model: Simulation) -> list[GreenRound]:
    """Return the round of the population whose firms want green energy, or none."""
    buyers = [each for each in model.parts.populations if getattr(each.terms, "green_power", None) is not None]
    return [GreenRound(buyer, model.parts.populations) for buyer in buyers]


class GreenRound:
    """How the firms of a population buy certificates of the PV energy that members feed in, or from outside.

    Targets count to date: what a month's auction does not bring is asked for again, and what rounding up to whole
    certificates brought too much is not.

    Parameters
    ----------
    population : Population
        With the section `green_power`.
    producers : list of Population
        All whose members feed in.

    Attributes
    ----------
    target : ndarray of float64, shape (n,)
        Share of each firm's consumption that is to be green [1], by row.
    own_kwh : ndarray of float64, shape (n,)
        Own green energy used on site, to date [kWh].
    held : ndarray of int64, shape (n,)
        Certificates that each firm has bought and retired.
    registry : CertificateRegistry
        Certificates of the run; producers by their place, behind them the firms together.
    """

    def __init__(self, population: Population, producers: list[Population]) -> None:
        terms = population.terms.green_power
        self.population, self.producers, self.terms = population, producers, terms
        self.draws = Draws(population.streams.seed, population.name)
        self.number = population.members.number.astype(np.int64)
        commits, place = self.draws.uniforms("green target", self.number, draws=2)
        target = terms.target_min + (terms.target_max - terms.target_min) * place
        self.target: FloatArray = np.where(commits < terms.committed_share, target, 0.0)
        self.own_kwh = np.zeros(self.number.size)
        self.held = np.zeros(self.number.size, np.int64)
        self.fed, self.carried = np.zeros((2, len(producers)), np.int64)
        self.registry = CertificateRegistry()

    def close(self, model: Simulation, record: DayRecord) -> None:
        """Count what PV fed in and what firms used of their own; at the end of a month hold the auction.

        Parameters
        ----------
        model : Simulation
            The run.
        record : DayRecord
            The day.
        """
        for place, producer in enumerate(self.producers):
            entry = next(each for each in record.populations if each.population is producer)
            made, fed = _pv_of(entry)
            self.fed[place] += fed.sum()
            if producer is self.population:
                self._use_own(entry, record.errors["realised_pv"], made, fed)
        if record.day.is_month_end:
            self._trade(model, record)

    def _use_own(self, entry: PopulationDay, error: FloatArray, made: IntArray, fed: IntArray) -> None:
        """Add what firms used of their own generation, in each period the same share of it for all."""
        kept = np.divide(made - fed, made, out=np.zeros(made.size), where=made > 0)
        members = self.population.members
        by_profile = (kept * error) @ entry.plan.pv
        self.own_kwh += members.pv_annual_kwh * by_profile[members.pv_profile]

    def _trade(self, model: Simulation, record: DayRecord) -> None:
        """Mint, clear, pay and retire."""
        terms, firms = self.terms, len(self.producers)
        issued, self.carried = mint(self.fed, self.carried)
        self.fed = np.zeros_like(self.fed)
        self.registry.issue(issued)
        supply = self.registry.held(firms + 1)[:firms]
        used = model.recorder.used[self.population.name] / 1e6 + self.own_kwh
        covered = self.own_kwh + KWH_PER_CERTIFICATE * self.held
        willing = {"median": terms.willingness_per_certificate, "spread": terms.willingness_sigma}
        count, bid = green_bids(used, self.target, covered, self.number, self.draws, **willing)
        result = self._clear(count, bid, supply)
        price = round(result.price * 1e6) if np.isfinite(result.price) else 0
        bought, sold = result.accepted[: count.size], result.accepted[count.size :]
        self.held += bought
        names = [*(producer.name for producer in self.producers), "outside"]
        for place, (seller, units) in enumerate(zip(names, sold.tolist(), strict=True)):
            model.ledger.post(record.day.index, self.population.name, seller, ACCOUNT, units * price, BUSINESS_MODEL)
            if seller != "outside":
                self.registry.transfer(place, firms, units)
        self.registry.retire(firms, int(sold[:-1].sum()), record.day.month_index)
        columns = {
            "month": record.day.month_index,
            "demand": int(count.sum()),
            "supply": int(supply.sum()),
            "volume": int(bought.sum()),
            "from_outside": int(sold[-1]),
            "price_per_certificate": result.price,
        }
        model.recorder.append(ACCOUNT, {name: np.array([value]) for name, value in columns.items()}, keep=True)

    def _clear(self, count: IntArray, bid: FloatArray, supply: IntArray) -> UnitAuction:
        """Hold the auction of the month: firms in their order, producers, outside."""
        terms, outside = self.terms, self.terms.outside_per_certificate
        imported = 0 if outside is None else int(count.sum())
        units = np.concatenate([count, supply, [imported]])
        side = np.repeat([BUY, -BUY], [count.size, supply.size + 1])
        asks = np.full(supply.size + 1, terms.ask_per_certificate)
        asks[-1] = terms.cap_per_certificate if outside is None else outside
        return auction_units(side, np.concatenate([bid, asks]), units, terms.cap_per_certificate)


def _pv_of(entry: PopulationDay) -> tuple[IntArray, IntArray]:
    """Return what PV made, less what was curtailed, and what of it was fed in, shape (periods,) each [1e-6 kWh].

    What batteries bring back from the grid earns nothing: nothing counts above what PV makes in the same period.
    """
    settled = entry.settled.sum(axis=1)
    made = np.maximum(entry.delivered[:, PV] - settled[:, T_CURTAILED], 0)
    return made, np.minimum(settled[:, T_INJECTION], made)
