"""Sections of a scenario that describe who consumes: households, firms, farms."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator

from gridagora.scenarios.quantities import (
    Amount,
    BelowOne,
    Count,
    Efficiency,
    Elasticity,
    Share,
    Sigma,
    Variation,
    sums_to_one,
)
from gridagora.scenarios.schema_appliances import BottomUp
from gridagora.scenarios.schema_customers import Choice, Consent, Credit, Income, Satisfaction
from gridagora.scenarios.schema_data import LoadFile, PvFile, name_or_file
from gridagora.scenarios.schema_devices import HeatPumpTerms, VehicleTerms
from gridagora.scenarios.schema_firms import DemandResponse, Production
from gridagora.scenarios.schema_green import GreenPower, Retrofit
from gridagora.scenarios.schema_hems import HemsTerms
from gridagora.scenarios.schema_pv import PvPlace, PvSource
from gridagora.scenarios.schema_response import Arcturus, Notices
from gridagora.sim.plugin import Frozen


def profile_names(group: str) -> list[str]:
    """Return the names of a group's load profiles in the package's data."""
    with (Path(__file__).parent / "data" / "simbench" / "profiles.csv").open(encoding="utf-8", newline="") as file:
        return [row["profile"] for row in csv.DictReader(file) if row["file"] == f"{group}.parquet"]


if TYPE_CHECKING:
    HouseholdProfiles = str | LoadFile
    BusinessProfiles = str | LoadFile
    PvProfiles = str | PvFile | PvPlace
else:
    HouseholdProfiles = name_or_file(Literal["all", "simbench", "synpro", "bdew", "bottom_up"], LoadFile)
    BusinessProfiles = name_or_file(Literal["all", "bdew"], LoadFile)
    PvProfiles = PvSource
GroupName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
TariffGroup = Literal["residential", "commercial", "agricultural"]


class Strategies(Frozen):
    """Share of participants by bidding strategy (model.md A4); given in part, the others are 0."""

    replaced_whole: ClassVar[bool] = True

    truthful: Share = 0.0
    """Share that quotes its reservation price [1] (ill)."""
    zi_constrained: Share = 0.0
    """Share that quotes a random price not worse than its reservation price [1] (ill)."""
    zip: Share = 0.0
    """Share that moves its margin with the prices it sees, by Cliff's ZIP [1] (ill)."""
    gjerstad_dickhaut: Share = 0.0
    """Share that weighs gains by how often prices were accepted [1] (ill)."""
    roth_erev: Share = 0.0
    """Share that repeats margins that paid, by Roth and Erev as modified by Nicolaisen and others [1] (ill)."""
    q_learning: Share = 0.0
    """Share that learns the value of margins by Q-learning [1] (ill)."""

    @property
    def learning(self) -> float:
        """Share whose orders depend on past auctions, and stand one by one [1]."""
        return self.zip + self.gjerstad_dickhaut + self.roth_erev + self.q_learning

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        sums_to_one(self.model_dump())
        return self


class Population(Frozen):
    """What all populations of members share; each population has its own defaults."""

    count: Count
    """Number of members (ill)."""
    tariff: TariffGroup
    """Which entry of `tariffs` bills the members."""
    pv_share: Share = 0.0
    """Share of members with a PV system [1] (ill)."""
    pv_kwp: Amount = 3.0
    """Mean rated power of a PV system [kWp] (ill)."""
    pv_kwp_cv: Variation = 0.3
    """Coefficient of variation of the rated power among PV owners, lognormal [1] (ill)."""
    pv_yield_kwh_per_kwp: Annotated[float, Field(gt=0, le=3000)] = 1100.0
    """Yearly PV generation per rated power [kWh/kWp] (ill)."""
    pv_profiles: PvProfiles = "all"
    """Source of the PV profiles: `all` measured ones, `weather` for output computed from `weather` per rated power
    (model.md A3; `pv_yield_kwh_per_kwp` is then not used), roofs at a place, or an own file."""
    pv_noise_sigma: Sigma = 0.1
    """Standard deviation of the logarithm of a PV system's own deviation in a period [1] (ill)."""
    storage_share: Share = 0.0
    """Share of PV owners that have a battery too [1] (ill)."""
    storage_kwh: Amount = 10.0
    """Usable capacity of a battery [kWh] (ill)."""
    storage_kw: Amount = 5.0
    """Rated charging and discharging power of a battery [kW] (ill)."""
    storage_efficiency: Efficiency = 0.95
    """Efficiency of charging, and again of discharging [1] (ill)."""
    ev_share: Share = 0.0
    """Share of members with an electric car [1] (ill)."""
    vehicle: VehicleTerms = VehicleTerms()
    """Electric cars, their trips and how they charge."""
    heat_pump_share: Share = 0.0
    """Share of members with a heat pump or an air conditioner, whose electricity comes on top of `annual_kwh`; needs
    `weather` with temperatures [1] (ill)."""
    heat_pump: HeatPumpTerms = HeatPumpTerms()
    """Heat pumps or air conditioners, their thermostats and buildings."""
    hems_share: Share = 0.0
    """Share of the owners of a battery, a car or a heat pump whose energy-management system plans them for each day at
    least cost, instead of the rules above; whoever becomes an owner later has none [1] (ill; model.md A1.3)."""
    hems: HemsTerms = HemsTerms()
    """What an energy-management system minds besides the bill."""
    consent_share: Share = 1.0
    """Share of members that take part in the online auction [1] (ill)."""
    strategies: Strategies = Strategies(truthful=0.5, zi_constrained=0.5)
    """How participants bid; the shares sum to 1."""
    noise_sigma: Sigma = 0.25
    """Standard deviation of the logarithm of a member's own deviation of load in a period [1] (ill)."""
    noise_rho: BelowOne = 0.8
    """Correlation of both deviations from one period to the next [1] (ill)."""
    own_elasticity: Elasticity = -0.10
    """Own-price elasticity of load [1]: -0.1 means 1 % more price, 0.1 % less load (mem; model.md A1.2)."""
    cross_elasticity: Annotated[float, Field(ge=0, le=10)] = 0.01
    """Elasticity of load to the price of each other price class of the day [1] (mem; model.md A1.2)."""
    response: Literal["linear", "log", "ces", "arcturus"] = "linear"
    """How load answers to prices: `linear` or, with constant elasticities, `log`, by the two elasticities above; `ces`
    in two stages, by the two below, which alone are then used; `arcturus` by a regression over pilots, of which no
    elasticity is used (model.md A1.2)."""
    load_neutral: bool = False
    """Whether load that leaves a price class arrives in the others; `cross_elasticity` is then not used. With `ces`, a
    `daily_elasticity` of 0 keeps the day's load; with `arcturus`, a `rebound` of 1."""
    conservation: Share = 0.0
    """With `load_neutral`: share of the load that leaves a price class and arrives nowhere [1] (ill)."""
    substitution_elasticity: Annotated[float, Field(ge=0, le=10)] = 0.10
    """For `ces`: elasticity of substitution between price classes [1]: 0.1 means that where one class gets 1 % dearer
    than another, its load falls by 0.1 % against the other's (mem; model.md A1.2)."""
    daily_elasticity: Elasticity = -0.04
    """For `ces`: elasticity of the day's load to its mean price [1] (mem; model.md A1.2)."""
    arcturus: Arcturus = Arcturus()
    """For `arcturus`: what becomes of the energy taken off the peak."""
    awareness: Share = 1.0
    """Factor on all elasticities, for members who do not look at prices [1] (ill)."""
    technology_share: Share = 0.0
    """Share of members with enabling technology, such as a display or a smart thermostat [1] (ill)."""
    technology_factor: Annotated[float, Field(ge=1, le=10)] = 1.71
    """Elasticities of members with enabling technology over those of the others [1]; the ratio of Arcturus' slopes, of
    which `arcturus` uses the second itself (chk; model.md A1.2)."""
    technology_awareness: Share | None = None
    """Awareness of members with enabling technology, whose app shows prices [1]; `null`: that of all (ill)."""
    notices: Notices | None = None
    """Messages that raise awareness; `null`: awareness stays."""
    habit: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the way to the habits of a new tariff that each month begun covers [1]; 1: at once; 0.2 is common (mem;
    model.md A1.2)."""
    perceived_price: Literal["marginal", "average", "expected_marginal"] = "marginal"
    """Which price members answer: that of the next kWh, the last bill over its energy, or with `blocks` the mean price
    of the next kWh while the month's use is not known (model.md A1.2)."""
    use_uncertainty: Annotated[float, Field(gt=0, le=1)] = 0.1
    """For `expected_marginal`: standard deviation of a month's use as a share of it [1] (ill)."""
    rebate_salience: Share = 0.6
    """Share of a peak-time rebate that members count as a price of use in events [1]: a carrot moves less than a stick
    (sign checked, PowerCentsDC; value (ill))."""
    price_complexity_discount: Share = 0.0
    """Share of the response on days of events that is lost where events come on top of time-of-use prices [1]; a field
    experiment with -19 % alone and -5 % combined suggests 0.74 (chk)."""
    income: Income = Income()
    """What members earn in a month."""
    choice: Choice | None = None
    """How members choose among the offers of their menu; `null`: they keep the outside option."""
    satisfaction: Satisfaction | None = None
    """How content members are, which makes them look around; `null`: nobody asks."""
    consent: Consent | None = None
    """Whether members decide again who takes part in the online auction; `null`: `consent_share` holds."""
    credit: Credit | None = None
    """Who pays late or never; `null`: everybody pays in time."""


class Archetype(Frozen):
    """A kind of household (model.md P13)."""

    share: Share
    """Share of households of this kind [1]; the shares of all kinds sum to 1 (ill)."""
    annual_kwh: Amount
    """Mean yearly consumption of this kind, PV apart [kWh] (ill)."""


def _archetypes_sum_to_one(archetypes: dict[str, Archetype]) -> dict[str, Archetype]:
    sums_to_one({name: archetype.share for name, archetype in archetypes.items()})
    return archetypes


class Households(Population):
    """Residential members."""

    count: Count = 1000
    annual_kwh: Amount = 2400.0
    """Mean yearly consumption of a household, own PV generation not subtracted [kWh] (ill; model.md A1.1)."""
    annual_kwh_cv: Variation = 0.4
    """Coefficient of variation of yearly consumption among households, lognormal [1] (ill)."""
    profiles: HouseholdProfiles = "all"
    """Source of the load profiles: `all` takes every measured or simulated one, `bdew` the standard profile,
    `bottom_up` makes them of occupancy and appliances; or an own file."""
    bottom_up: BottomUp = BottomUp()
    """Households of the profiles `bottom_up`."""
    archetypes: Annotated[dict[str, Archetype], AfterValidator(_archetypes_sum_to_one)] | None = None
    """Kinds of household by name; where given, their `annual_kwh` replaces the one above (model.md P13)."""
    tariff: TariffGroup = "residential"
    pv_share: Share = 0.2
    storage_share: Share = 0.25

    @property
    def mean_annual_kwh(self) -> float:
        """Mean yearly consumption of a member [kWh]."""
        if self.archetypes is None:
            return self.annual_kwh
        return sum(archetype.share * archetype.annual_kwh for archetype in self.archetypes.values())


class Business(Population):
    """What firms and farms share: yearly consumption between two bounds."""

    annual_kwh_min: Amount
    """Least yearly consumption of a member [kWh] (ill)."""
    annual_kwh_max: Amount
    """Largest yearly consumption of a member [kWh]; members lie log-uniformly between the two (ill)."""
    profiles: BusinessProfiles = "all"
    """Source of the load profiles: `all` takes every one of the population, `bdew` the standard profile; or an own
    file."""
    income: Income = Income(median_per_month=400_000.0, sigma=0.8, consumption_elasticity=1.0)
    """Revenue of a month."""
    sectors: Sectors | None = None
    """Share of members by name of their load profile, or column of an own file [1]; the shares sum to 1. Without it
    all profiles of the population serve equally (ill)."""

    @field_validator("annual_kwh_max")
    @classmethod
    def _ordered(cls, value: float, info: ValidationInfo) -> float:
        least = info.data.get("annual_kwh_min", 0.0)
        if value < least:
            raise ValueError(f"given {value:g}; allowed at least annual_kwh_min, which is {least:g}")
        return value

    @property
    def mean_annual_kwh(self) -> float:
        """Mean yearly consumption of a member, of the log-uniform distribution [kWh]."""
        spread = self.annual_kwh_max - self.annual_kwh_min
        return spread / math.log(self.annual_kwh_max / self.annual_kwh_min) if spread else self.annual_kwh_min


Sectors = Annotated[dict[str, Share], AfterValidator(sums_to_one)]


class Firms(Business):
    """Small and medium firms on commercial profiles."""

    count: Count = 20
    annual_kwh_min: Amount = 10_000.0
    annual_kwh_max: Amount = 200_000.0
    tariff: TariffGroup = "commercial"
    pv_kwp: Amount = 50.0
    own_elasticity: Elasticity = -0.05
    production: Production | None = None
    """How firms with enabling technology schedule production by prices, in place of elasticities; `null`: none does."""
    demand_response: DemandResponse | None = None
    """Programme by which firms with enabling technology are paid to curtail; `null` for none."""
    green_power: GreenPower | None = None
    """Which firms want green energy, and how they buy certificates of it; `null`: none does."""
    retrofit: Retrofit | None = None
    """A measure that saves energy, and the contracts for it; `null` for none."""


class Farms(Business):
    """Farms on agricultural profiles."""

    count: Count = 4
    annual_kwh_min: Amount = 8_000.0
    annual_kwh_max: Amount = 60_000.0
    tariff: TariffGroup = "agricultural"
    pv_kwp: Amount = 20.0
    own_elasticity: Elasticity = -0.05


def group_section(kind: str, section: type[Population]) -> type[Population]:
    """Return `section` with the keys that an entry of `populations` has besides: its kind and its name.

    Parameters
    ----------
    kind : str
        Kind by which scenarios ask for it.
    section : type of Population
        Keys of one population of that kind.
    """
    content = {
        "__module__": section.__module__,
        "__doc__": section.__doc__,
        "__annotations__": {"kind": Literal[kind], "name": GroupName},
        "kind": Field(default=kind, description="Which kind of population it is."),
        "name": Field(description="Its name in the books and the results, used once."),
    }
    content["__reduce__"] = lambda entry: (_blank, (kind,), entry.__getstate__())  # the class itself has no address
    metaclass: Any = type(section)
    made: type[Population] = metaclass(f"{section.__name__}Group", (section,), content)
    return made


def _blank(kind: str) -> Population:
    """Return an entry of a kind before it has its values."""
    return GROUPS[kind].__new__(GROUPS[kind])


#: Keys of an entry of `populations` by kind; registered kinds join.
GROUPS: dict[str, type[Population]] = {
    kind: group_section(kind, section)
    for kind, section in (("households", Households), ("firms", Firms), ("farms", Farms))
}
