"""The scenario as a tree of frozen sections: every key with its meaning, unit, bounds and default.

Marks in the descriptions: (chk) checked against a source, (mem) from memory of the literature, (ill) illustrative.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from gridagora.scenarios.quantities import Day, one_of
from gridagora.scenarios.schema_adoption import Adoption, SocialGraph
from gridagora.scenarios.schema_business import AnyBusinessModel, Counterparties, GovernmentTerms
from gridagora.scenarios.schema_data import AnyWeather, Typical
from gridagora.scenarios.schema_market import Forecasts, Generators, Market, Network, Platform, PoolStorage, Tariffs
from gridagora.scenarios.schema_population import GROUPS, Farms, Firms, Households, Population
from gridagora.scenarios.schema_pricing import Pricing, TariffRounds
from gridagora.sim.metrics import METRICS
from gridagora.sim.plugin import Frozen

if TYPE_CHECKING:
    AnyGroup = Population
else:
    AnyGroup = Annotated[reduce(or_, GROUPS.values()), Field(discriminator="kind")]

#: Parties of the books and sections of the scenario, which no other population may be called.
RESERVED = (
    *("households", "firms", "farms", "supplier", "grid_company", "platform", "government", "imports", "outside"),
    *("system", "plant", "storage"),
)
FIRST_DAY = date(2016, 1, 1)
LAST_DAY = date(2016, 12, 31)
N_DAYS = (LAST_DAY - FIRST_DAY).days + 1
PERIODS = (5, 15, 30, 60)
#: Key figures of the package itself.
DEFAULT_METRICS = tuple(METRICS)
MetricName: Any = one_of("metric", ("default", *METRICS))


def _divides_a_day(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and value not in PERIODS:
        raise ValueError(
            f"given {value}; must be one of 5, 15, 30, 60 minutes: settlement periods must divide a day and its hours"
        )
    return value


class RepresentativeDays(Frozen):
    """Days that stand for years: only they are simulated, each with a weight."""

    count: Annotated[int, Field(ge=2, le=366)] = 12
    """Number of days that are simulated, out of the whole year of the profiles [d]."""
    years: Annotated[int, Field(ge=1, le=30)] = 1
    """Years that energies, bills and key figures add up to [a]."""
    each_year: bool = False
    """Whether the days of every year are simulated, in order and with draws of their own, as `adoption` and all that
    changes between years need; otherwise they are simulated once and all years are alike."""

    @property
    def simulated_years(self) -> int:
        """Years whose days are simulated."""
        return self.years if self.each_year else 1


class Time(Frozen):
    """The simulated days, in local time without summer time."""

    start: Day = date(2016, 6, 6)
    """First day; profiles serve 2016-01-01 to 2016-12-31."""
    days: Annotated[int, Field(ge=1, le=366)] = 7
    """Number of days; the last one lies within the profiles too [d]."""
    representative_days: RepresentativeDays | None = None
    """Simulate the year of the profiles by a few of its days, in place of `start` and `days`; `null` for days in a
    row. The day of the highest load is one of them."""
    period_minutes: Annotated[
        int, BeforeValidator(_divides_a_day), WithJsonSchema({"type": "integer", "enum": list(PERIODS)})
    ] = 15
    """Settlement period [min]."""

    @field_validator("start")
    @classmethod
    def _within_profiles(cls, value: date) -> date:
        if not FIRST_DAY <= value <= LAST_DAY:
            raise ValueError(f"given {value}; allowed {FIRST_DAY} to {LAST_DAY}, the days of the load profiles")
        return value

    @field_validator("days")
    @classmethod
    def _ends_within_profiles(cls, value: int, info: ValidationInfo) -> int:
        start = info.data.get("start", FIRST_DAY)
        most = (LAST_DAY - start).days + 1
        if value > most:
            last = start + timedelta(days=value - 1)
            raise ValueError(
                f"given {value}, which ends on {last}; allowed 1 to {most} from {start}: profiles end on {LAST_DAY}"
            )
        return value

    @property
    def span(self) -> tuple[date, int]:
        """First day and number of days that are simulated or stood for."""
        return (self.start, self.days) if self.representative_days is None else (FIRST_DAY, N_DAYS)


class Outputs(Frozen):
    """What a run writes beyond its totals."""

    members: Annotated[int, Field(ge=0, le=10_000)] = 50
    """Members of each population whose every period is written, a fixed sample [1]."""
    curve: bool = True
    """Whether the bid and offer curves of the largest auction are written."""
    appliances: bool = False
    """Whether the load of the sampled households is written by appliance too, with profiles `bottom_up`."""


class ScenarioModel(Frozen):
    """Everything a run depends on."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = "scenario"
    """Short name, of lower-case letters, digits, `_` and `-`; a file without one is named after itself."""
    description: Annotated[str, Field(max_length=200, pattern=r"^[^\r\n]*$")] = ""
    """What the scenario is for, in one line."""
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = 42
    """Seed of all random numbers; two runs with one seed share every draw that both make."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"
    """Label of all money, an ISO 4217 code; nothing is converted."""
    threads: Annotated[int, Field(ge=1)] = 1
    """Threads of the population kernels, at most the machine's processors; results do not depend on it."""
    time: Time = Time()
    """Days and settlement period."""
    network: Network = Network()
    """Grid and losses."""
    weather: AnyWeather = Typical()
    """Temperature and irradiance; `typical` and `synthetic` may also stand alone, as in `weather: synthetic`."""
    households: Households | None = Households()
    """Residential members, or `null` for none."""
    firms: Firms | None = Firms()
    """Commercial members, or `null` for none."""
    farms: Farms | None = Farms()
    """Agricultural members, or `null` for none."""
    populations: tuple[AnyGroup, ...] = ()
    """Further populations: another group of households, firms or farms, or of a registered kind."""
    generators: Generators = Generators()
    """Plants and imports."""
    storages: tuple[PoolStorage, ...] = ()
    """Storages that trade in the pool."""
    tariffs: Tariffs = Tariffs()
    """Retail tariffs and feed-in."""
    market: Market = Market()
    """Pool, online auction and balancing."""
    forecasts: Forecasts = Forecasts()
    """Errors of forecasts."""
    platform: Platform = Platform()
    """Service platform."""
    adoption: Adoption | None = None
    """Technologies that spread in the course of a run; `null` for none."""
    social_graph: SocialGraph | None = None
    """Who sees whom within a population; `null`: everybody sees everybody."""
    pricing: Pricing | None = None
    """A supplier that learns its prices by trying, or `null` for prices that stay."""
    tariff_rounds: TariffRounds | None = None
    """Tariffs set again every year or month from what the last one brought in; `null` for tariffs that stay."""
    business_models: tuple[AnyBusinessModel, ...] = ()
    """Business models: contracts that providers offer to members, each of a `kind` (model.md D)."""
    counterparties: Counterparties = Counterparties()
    """Bank, insurer, vendor and further companies with which business models deal."""
    government: GovernmentTerms = GovernmentTerms()
    """What the government pays for and asks."""
    metrics: tuple[MetricName, ...] = ("default",)
    """Key figures to compute, by the name of their function; `default` stands for all of the package."""
    outputs: Outputs = Outputs()
    """What is written."""

    @field_validator("storages")
    @classmethod
    def _named_once(cls, storages: tuple[PoolStorage, ...]) -> tuple[PoolStorage, ...]:
        names = [storage.name for storage in storages]
        if len(set(names)) != len(names):
            raise ValueError(f"given names {', '.join(names)}; each name once")
        return storages

    @field_validator("populations")
    @classmethod
    def _own_names(cls, populations: tuple[Any, ...]) -> tuple[Any, ...]:
        names = [group.name for group in populations]
        for name in names:
            if name in RESERVED or names.count(name) > 1:
                raise ValueError(f"given name {name}; each name once, and none of {', '.join(RESERVED)}")
        return populations

    @model_validator(mode="after")
    def _somebody_consumes(self) -> Self:
        if not self.groups:
            raise ValueError("households, firms and farms are all null; give at least one of them, or populations")
        return self

    @property
    def order_by_order(self) -> bool:
        """Whether orders of the online auction stand one by one, or sums over price ticks are all that it needs."""
        learning = any(group.strategies.learning > 0 for group in self.groups.values())
        return learning or self.network.kind == "lin_dist_flow" or self.market.mechanism != "uniform_price"

    @property
    def groups(self) -> dict[str, AnyGroup]:
        """All populations that are present, by name."""
        named: dict[str, Any] = {"households": self.households, "firms": self.firms, "farms": self.farms}
        named |= {group.name: group for group in self.populations}  # type: ignore[attr-defined]
        return {name: group for name, group in named.items() if group is not None}
