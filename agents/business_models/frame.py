"""What every business model is: terms with units, flows of money by role, and what it does to its customers (D0).

A family writes each formula once, as flows of a year of a contract (:meth:`BusinessModel.yearly`). Expected quantities
make of it the cash flows over a life, on which customers, providers and lenders decide; metered quantities make of it
what is posted. Roles ``customer`` and ``provider`` stand for the parties of a contract, all others for themselves.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from gridagora.agents.business_models.canvas import Canvas
from gridagora.agents.business_models.terms import Acceptance, Channel, Finance, Name, Risk, Segment, Years
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.plugin import Frozen

if TYPE_CHECKING:
    import pandas as pd

    from gridagora.agents.business_models.contracts import Contracts
    from gridagora.sim.metrics import Kpi

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
#: Quantities of contracts by name, one entry a contract; energies and money of a year are per year.
Quantities = dict[str, Floats]
#: Full years that a contract has run, one number or one a contract.
Age = int | Ints

#: No contract takes away more of a consumption than this [1].
MOST_SAVED = 0.95

CUSTOMER, PROVIDER = "customer", "provider"
#: Roles that are not a party's name.
ROLES = (CUSTOMER, PROVIDER)


class Flow(NamedTuple):
    """Money from one role to another.

    Parameters
    ----------
    payer, payee : str
        Roles, or names of parties.
    account : str
        Account of the ledger.
    amount : ndarray of float64, shape (n,) or (n, years + 1)
        Amounts [currency]; negative ones go the other way.
    metered : bool
        Whether it passes through the bills, where what a contract does to meters changes them: then it is counted
        and never posted again.
    stays : bool
        Whether it goes on after the customer has defaulted, as debt service of the provider does.
    nominal : bool
        Whether it stays the same when prices rise.
    """

    payer: str
    payee: str
    account: str
    amount: Floats
    metered: bool = False
    stays: bool = False
    nominal: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Customers:
    """What a provider and a member know of a member when an offer is made, one entry a member.

    Attributes
    ----------
    population : str
        Name of the population.
    row : ndarray of int64, shape (n,)
        Rows of the members in their population.
    number : ndarray of int64, shape (n,)
        Numbers of the members, keys of their draws.
    annual_kwh : ndarray of float64, shape (n,)
        Consumption expected for a year [kWh/a].
    withdrawn_kwh : ndarray of float64, shape (n,)
        Withdrawal expected for a year [kWh/a].
    price_per_kwh : ndarray of float64, shape (n,)
        What a kWh withdrawn has cost them so far, on average [currency/kWh].
    feed_in_per_kwh : float
        What a kWh fed in earns [currency/kWh].
    income : ndarray of float64, shape (n,)
        Monthly income [currency/month].
    default_per_year : ndarray of float64, shape (n,)
        Probability of default within a year [1/a].
    credit_score : ndarray of float64, shape (n,)
        The provider's, standard normal, higher is worse; the segment's `score_auc` says what it is worth.
    profile : ndarray of str, shape (n,)
        Names of the base profiles.
    pv_kwh, battery_kwh : ndarray of float64, shape (n,)
        Yearly generation [kWh/a] and usable capacity [kWh] that they own.
    owns : dict of ndarray of bool, shape (n,)
        Who has which device.
    satisfaction : ndarray of float64, shape (n,)
        How content they are; 0 for nothing gained, nothing lost, and where the scenario does not follow it [1].
    draws : Draws
        Random numbers by member.
    vendor_price : float
        The vendor's prices over those at which it began: what is invested costs so many times as much [1].
    meter : callable
        ``meter(pv_kwh, battery_kwh)`` returns what members would withdraw and inject in a year with so much PV
        [kWh/a] and storage [kWh] added: two arrays, shape (n,) [kWh/a].
    """

    population: str
    row: Ints
    number: Ints
    annual_kwh: Floats
    withdrawn_kwh: Floats
    price_per_kwh: Floats
    feed_in_per_kwh: float
    income: Floats
    default_per_year: Floats
    credit_score: Floats
    profile: NDArray[np.str_]
    pv_kwh: Floats
    battery_kwh: Floats
    owns: dict[str, Bools]
    satisfaction: Floats
    draws: Draws
    vendor_price: float
    meter: Callable[[Floats, Floats], tuple[Floats, Floats]]

    def __len__(self) -> int:
        return int(self.number.size)

    @property
    def bill(self) -> Floats:
        """What they pay for energy in a year, shape (n,) [currency/a]."""
        return self.withdrawn_kwh * self.price_per_kwh

    def of(self, chosen: NDArray[Any]) -> Customers:
        """Return some of them, by index or mask."""
        columns = {
            name: getattr(self, name)[chosen] for name in self.__slots__ if isinstance(getattr(self, name), np.ndarray)
        }
        owns = {name: has[chosen] for name, has in self.owns.items()}
        places = np.arange(len(self))[chosen]

        def meter(pv_kwh: Floats, battery_kwh: Floats) -> tuple[Floats, Floats]:
            added = np.zeros((2, len(self)))
            added[:, places] = pv_kwh, battery_kwh
            withdrawn, injected = self.meter(added[0], added[1])
            return withdrawn[places], injected[places]

        rest = {name: getattr(self, name) for name in ("population", "feed_in_per_kwh", "draws", "vendor_price")}
        return Customers(**columns, **rest, owns=owns, meter=meter)


@dataclass(frozen=True, slots=True, eq=False)
class Meters:
    """What meters say of contracts since the last bill, energies and bills as a year of such days would have them.

    Attributes
    ----------
    years : float
        Length of the time that is billed [a].
    withdrawn_kwh, injected_kwh, generated_kwh : ndarray of float64, shape (n,)
        [kWh/a]
    bill : ndarray of float64, shape (n,)
        [currency/a]
    price_per_kwh : ndarray of float64, shape (n,)
        Bill over withdrawal, and the price known before where nothing was withdrawn [currency/kWh].
    saved_share : ndarray of float64, shape (n,)
        Share of consumption that this contract takes away in this time, as it truly is; what only a measurement with
        an error tells the parties.
    added_kwh : ndarray of float64, shape (n,)
        Consumption that this contract adds [kWh/a].
    shed_kwh : ndarray of float64, shape (n,)
        Energy that was cut [kWh/a].
    optimised_saving : ndarray of float64, shape (n,) or (1,)
        What a plan of the customer's devices has saved against their rules, at its retail prices [currency/a].
    """

    years: float
    withdrawn_kwh: Floats
    injected_kwh: Floats
    generated_kwh: Floats
    bill: Floats
    price_per_kwh: Floats
    saved_share: Floats
    added_kwh: Floats
    shed_kwh: Floats
    optimised_saving: Floats = field(default_factory=lambda: np.zeros(1))


class BusinessModel(Frozen):
    """What all business models share; each kind adds its own terms.

    Sub-classes set `canvas`, `risk_bearers`, `uncertain` and `asset`, and write at least :meth:`expected` and
    :meth:`yearly`.
    """

    #: The nine grids.
    canvas: ClassVar[Canvas]
    #: Who bears which risk: `performance`, `volume`, `price`, `credit`, `finance` and others, to a role.
    risk_bearers: ClassVar[Mapping[str, str]]
    #: Quantities that may come otherwise, to the key of `risk` that says how much.
    uncertain: ClassVar[Mapping[str, str]] = {}
    #: What a contract is about; a customer has at most one contract about it at a time.
    asset: ClassVar[str]
    #: Whether a later contract takes the place of all that an earlier one has left behind.
    renews: ClassVar[bool] = False
    #: Provider that a scenario without one means.
    usual_provider: ClassVar[str] = "grid_company"

    name: Name | None = None
    """Name in the books; its kind by default."""
    provider: Name = "grid_company"
    """Party that offers the contracts: `supplier`, `grid_company`, `platform`, or one of `counterparties.companies`."""
    population: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "households"
    """Population to whose members it is offered."""
    segment: Segment = Segment()
    """Which of them it is for."""
    channel: Channel = Channel()
    """How they hear of it."""
    acceptance: Acceptance = Acceptance()
    """How they decide."""
    finance: Finance = Finance()
    """How the provider finances what it invests."""
    risk: Risk = Risk()
    """What may come otherwise than expected."""
    term_years: Years = 5
    """Years that a contract lasts [a] (ill)."""
    life_years: Years = 10
    """Years over which its value counts, at least its term [a] (ill)."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.life_years < self.term_years:
            raise ValueError(
                f"life_years: given {self.life_years}; allowed at least term_years, which is {self.term_years}"
            )
        return self

    @property
    def title(self) -> str:
        """Name in the books."""
        return self.name or self.kind  # type: ignore[attr-defined]

    @property
    def is_offered(self) -> bool:
        """Whether contracts are signed in the course of a run; otherwise the business model only reads the books."""
        return True

    def books(self, ledger: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of the ledger that this business model has caused: those that bear its name by default.

        Parameters
        ----------
        ledger : pandas.DataFrame
            Rows payer, payee, account, business_model, amount [currency].
        """
        return ledger[ledger["business_model"] == self.title]

    def result(self, books: pd.DataFrame) -> float:
        """Return what the provider received less what it paid in rows of the ledger [currency].

        Parameters
        ----------
        books : pandas.DataFrame
            Rows payer, payee, amount [currency].
        """
        received = books.loc[books["payee"] == self.provider, "amount"].sum()
        spent = books.loc[books["payer"] == self.provider, "amount"].sum()
        return float(received - spent)

    def eligible(self, customers: Customers) -> Bools:
        """Return who may have a contract besides the segment, shape (n,); everybody by default."""
        return np.ones(len(customers), np.bool_)

    @abstractmethod
    def expected(self, customers: Customers) -> Quantities:
        """Return what both sides expect of a year under contract, and what is agreed, each of shape (n,).

        `capex` is what the provider invests [currency], `debt`, `subsidised` and `taxable` belong to the frame.
        """

    def truth(self, customers: Customers, agreed: Quantities) -> Quantities:
        """Return what it will really be, drawn by member: `agreed` by default."""
        return agreed

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return the flows when a contract is signed, amounts of shape (n,) [currency]; none by default."""
        return []

    @abstractmethod
    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return the flows of the contract's year `age`, from 0, amounts of shape (n,) [currency/a].

        The list has the same flows whatever the age; beyond the term the amounts are what remains to the end of the
        life, such as the saving that is the customer's own by then.

        Parameters
        ----------
        q : Quantities
            Expected, or as metered in this year so far.
        age : int or ndarray of int64, shape (n,)
            Full years under contract.
        """

    def at_end(self, q: Quantities) -> list[Flow]:
        """Return the flows at the end of the term, amounts of shape (n,) [currency]; none by default."""
        return []

    def at_default(self, q: Quantities, age: Floats) -> list[Flow]:
        """Return the flows on the day that customers default, amounts of shape (n,) [currency]; none by default.

        Parameters
        ----------
        q : Quantities
            As they truly are.
        age : ndarray of float64, shape (n,)
            Time since signing [a].
        """
        return []

    def effect(self, q: Quantities, age: Floats) -> Quantities:
        """Return what contracts do to their customers, each of shape (n,); nothing by default.

        Parameters
        ----------
        q : Quantities
            As they truly are.
        age : ndarray of float64, shape (n,)
            Time since signing [a].

        Returns
        -------
        dict
            `saved_share`: share of consumption taken away, at most `MOST_SAVED` [1]; `added_kwh`: consumption added
            [kWh/a]; `pv_kwh`: generation added [kWh/a]; `battery_kwh`: storage added [kWh]; `technology`: above 0
            where the customer answers prices with enabling technology from now on; `managed`: above 0 where a plan
            runs its devices; `awareness`: chance to hear of any other offer [1]. The last two only while the contract
            runs.
        """
        return {}

    def realised(self, q: Quantities, meters: Meters, age: Floats) -> Quantities:
        """Return the quantities as metered, for :meth:`yearly`: `q` by default.

        Parameters
        ----------
        q : Quantities
            As they truly are.
        meters : Meters
            Of the time since the last bill.
        age : ndarray of float64, shape (n,)
            Time since signing [a].
        """
        return q

    def indicators(self, books: pd.DataFrame, contracts: Contracts, day: int) -> list[Kpi]:
        """Return key figures of its own, scope its title, money in the unit `currency`; none by default.

        Parameters
        ----------
        books : pandas.DataFrame
            Rows that :meth:`books` returns, of the whole run: payer, payee, account, amount [currency].
        contracts : Contracts
            All that were signed.
        day : int
            Last day of the run.
        """
        return []
