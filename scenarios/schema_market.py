"""Sections of a scenario that describe supply, prices and trade."""

from __future__ import annotations

from functools import reduce
from inspect import signature
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from gridagora.markets.clearing import MECHANISMS, rules_of
from gridagora.markets.tariffs import TARIFFS, Flat
from gridagora.markets.tariffs.offers import menu_of
from gridagora.scenarios.grids import GRIDS, RADIAL
from gridagora.scenarios.inputs import load_emission_factors, load_fleet
from gridagora.scenarios.quantities import (
    BelowOne,
    Efficiency,
    Price,
    Ratio,
    Share,
    Sigma,
    SignedPrice,
    one_of,
)
from gridagora.scenarios.schema_data import PriceFile
from gridagora.scenarios.schema_pricing import Scarcity
from gridagora.sim.plugin import Frozen

if TYPE_CHECKING:
    from gridagora.markets.tariffs.tariff import Tariff

    AnyOffer = Tariff
else:
    AnyTariff = Annotated[reduce(or_, TARIFFS.values()), Field(discriminator="kind")]
    AnyOffer = Annotated[reduce(or_, [*TARIFFS.values(), menu_of(AnyTariff)]), Field(discriminator="kind")]

MechanismName: Any = one_of("mechanism", MECHANISMS)
GridName: Any = one_of("grid", GRIDS)
RegionName: Any = one_of("emission region", load_emission_factors())
Fuel: Any = one_of("fuel", set(load_fleet().fuel))

MAX_TICKS = 100_000


class Network(Frozen):
    """The grid between plants and members."""

    kind: Literal["copperplate", "transport", "dc", "lin_dist_flow"] = "copperplate"
    """How areas are connected: `copperplate` is one area without limits; `transport` and `dc` put plants and demand of
    the pool at areas of a grid (model.md C5.1); `lin_dist_flow` puts members on a low-voltage grid, within whose limits
    they trade online (C5.2)."""
    grid: GridName | None = None
    """Grid that ships with GridAgora, scaled so that its load is the forecast peak of the run; `null` on a
    copperplate."""
    limit_factor: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Factor on the limits of all lines [1] (ill)."""
    loss_rate: Annotated[float, Field(ge=0, le=0.5)] = 0.045
    """Losses as a share of the energy that enters the distribution grid [1] (mem; model.md A6)."""

    @model_validator(mode="after")
    def _grid_fits(self) -> Self:
        if (self.kind == "copperplate") != (self.grid is None):
            allowed = "no grid" if self.kind == "copperplate" else f"the name of a grid: {', '.join(GRIDS)}"
            raise ValueError(f"grid: given {self.grid} with kind {self.kind}; allowed {allowed}")
        if self.kind == "lin_dist_flow" and self.grid not in RADIAL:
            raise ValueError(
                f"grid: given {self.grid} with kind {self.kind}; allowed radial grids: {', '.join(RADIAL)}"
            )
        if self.kind in ("dc", "transport") and self.grid in RADIAL:
            others = ", ".join(name for name in GRIDS if name not in RADIAL)
            raise ValueError(f"grid: given {self.grid} with kind {self.kind}; allowed grids with plants: {others}")
        return self


Hours = Annotated[float, Field(ge=0, le=168)]


class StartUp(Frozen):
    """How units of a fuel start: at a cost, and to a least output (model.md C7.4)."""

    cost_per_kw: Price
    """Cost of a start per capacity [currency/kW] (ill)."""
    minimum_load: BelowOne = 0.4
    """Least output of a unit that runs, as a share of its capacity [1] (ill)."""
    minimum_up_hours: Hours = 0.0
    """Time that a unit runs at least once it started, over midnight too, rounded up to settlement periods [h] (ill)."""
    minimum_down_hours: Hours = 0.0
    """Time that a unit rests at least once it stopped, as above [h] (ill)."""


class Generators(Frozen):
    """Power plants and imports that supply the pool."""

    fleet: Literal["germany_simbench"] = "germany_simbench"
    """Plants whose shares of capacity the scenario scales to its own demand (chk; SimBench)."""
    costs: Literal["china_illustrative", "germany_2016"] = "china_illustrative"
    """Table of marginal costs and emission factors: illustrative for China (ill) or sourced for Germany (chk)."""
    capacity_to_peak: Annotated[float, Field(gt=0, le=1000)] = 1.2
    """Installed capacity over the forecast peak of the run [1] (ill)."""
    blocks: Annotated[int, Field(ge=6, le=318)] = 24
    """Number of cost blocks that the fleet is grouped into [1], from one a fuel to one a plant (ill)."""
    import_capacity_to_peak: Ratio = 0.1
    """Import capacity over the forecast peak of the run [1] (ill)."""
    import_price_per_kwh: SignedPrice = 0.6
    """Price of imports [currency/kWh] (ill)."""
    import_co2_region: RegionName = "national"
    """Whose grid emission factor imports carry, such as 0.5366 kgCO2/kWh for `national` (chk; validation.md O61)."""
    regulated_margin: Ratio = 0.08
    """Margin on a plant's own cost in its regulated price, where `market.pool_rule` is `regulated` [1] (ill)."""
    ramp_per_hour: dict[Fuel, Annotated[float, Field(gt=0, le=60)]] | None = None
    """Most change of output within an hour by fuel, as a share of capacity [1]; fuels not named have no limit."""
    start_up: dict[Fuel, StartUp] | None = None
    """Start-up by fuel; units of fuels not named run at any output at once. A mixed-integer program a day."""
    start_up_pricing: Literal["ip", "lp"] = "ip"
    """Prices with `start_up`: duals with the units that run fixed (`ip`), or of the relaxation in which units may run
    in part (`lp`), which leaves less to make good (model.md C7.3). Either way units that lose on a day are paid it."""


class PoolStorage(Frozen):
    """A storage that buys and sells in the pool; half full at the start of the run."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    """Its name; `storage:<name>` in the ledger."""
    kind: Literal["pumped", "battery"] = "pumped"
    """Pumped hydro or battery; sets the defaults of `hours` and `efficiency`."""
    power_to_peak: Annotated[float, Field(gt=0, le=10)] = 0.1
    """Power of charging, and of discharging, over the forecast peak of the run [1] (ill)."""
    hours: Annotated[float, Field(gt=0, le=1000)] | None = None
    """Hours for which a full storage discharges at full power [h]; by default 6 pumped, 2 battery (ill)."""
    efficiency: Efficiency | None = None
    """Energy discharged over energy charged [1]; by default 0.78 pumped, 0.88 battery (ill)."""

    @property
    def hours_of_power(self) -> float:
        """`hours`, or the default of the kind [h]."""
        return self.hours or {"pumped": 6.0, "battery": 2.0}[self.kind]

    @property
    def round_trip(self) -> float:
        """`efficiency`, or the default of the kind [1]."""
        return self.efficiency or {"pumped": 0.78, "battery": 0.88}[self.kind]


class FeedIn(Frozen):
    """What a member gets for surplus that no one bought in the auction."""

    price_per_kwh: SignedPrice = 0.36
    """Feed-in price [currency/kWh] (ill)."""
    fund: Literal["supplier", "levy"] = "supplier"
    """Who bears the difference between the feed-in price and the pool price."""


class Tariffs(Frozen):
    """Retail tariffs by group of customers; changing `kind` replaces the whole entry."""

    residential: AnyOffer = Flat(standing_per_day=0.2)
    """Tariff of members whose `tariff` is `residential`."""
    commercial: AnyOffer = Flat(energy_per_kwh=0.503, standing_per_day=2.0)
    """Tariff of members whose `tariff` is `commercial`."""
    agricultural: AnyOffer = Flat(standing_per_day=0.2)
    """Tariff of members whose `tariff` is `agricultural`."""
    feed_in: FeedIn = FeedIn()
    """Payment for surplus energy."""
    wholesale_fee_per_kwh: Price = 0.005
    """What suppliers other than `supplier`, which buys in the pool for all and balances them, pay it above the pool's
    price [currency/kWh] (ill; model.md B10)."""


class DemandStep(Frozen):
    """A part of demand that the supplier buys ahead up to a price only (model.md C2)."""

    share: Annotated[float, Field(gt=0, le=1)]
    """Share of the supplier's forecast demand [1] (ill)."""
    price_per_kwh: SignedPrice
    """Highest price that it pays in the pool for this part [currency/kWh] (ill)."""


class Market(Frozen):
    """The pool, the online auction and balancing."""

    pool_rule: Literal["uniform", "regulated", "given"] = "uniform"
    """Pool price: one for all plants; one factory, one price (model.md A5, C1); or that of the file `pool_price`, with
    plants dispatched as by `uniform`."""
    pool_price: PriceFile | None = None
    """Own prices that all buyers pay and all sellers receive in the pool, where `pool_rule` is `given`; the file holds
    the days of the run."""
    online: bool = True
    """Whether the online auction of distributed power takes place."""
    mechanism: MechanismName = "uniform_price"
    """Rule that turns the orders of an auction into awards and payments (model.md C2 to C7)."""
    mechanism_options: dict[str, bool | int | float | str] = Field(default={})
    """Options of the mechanism by name, such as `pairs: midpoint`; `k` and `method` have keys of their own, and seeds
    are drawn from the scenario's."""
    k: Share = 0.5
    """Place of the price in the competitive interval [1]: 1 is its upper end (ill; model.md C2)."""
    method: Literal["auto", "exact", "pyomo"] = "auto"
    """How auctions are cleared; `auto` is the exact merit order wherever it is exact."""
    audit: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Every so many auctions one is solved again by the other method and compared [1]; 0 is never."""
    online_sellers: Literal["members", "all"] = "members"
    """Who may sell in the online auction; `all` adds plants and suppliers."""
    online_buyers: Literal["members", "all"] = "members"
    """Who may buy in the online auction; `all` adds suppliers."""
    fee_buyer_per_kwh: Price = 0.005
    """Fee of the auctioneer on energy bought online [currency/kWh] (ill)."""
    fee_seller_per_kwh: Price = 0.005
    """Fee of the auctioneer on energy sold online [currency/kWh] (ill)."""
    wheeling_per_kwh: Price = 0.08
    """Network charge on energy bought online, in place of the tariff's own [currency/kWh] (ill; model.md F2)."""
    floor_per_kwh: SignedPrice = -0.05
    """Lowest price of an order [currency/kWh] (ill)."""
    cap_per_kwh: SignedPrice = 1.5
    """Highest price of an order [currency/kWh]; above `floor_per_kwh` (ill)."""
    tick_per_kwh: Annotated[float, Field(ge=1e-6, le=1_000_000)] = 0.001
    """Step of prices of orders [currency/kWh] (ill)."""
    min_offer_kwh: Annotated[float, Field(ge=0, le=1_000_000)] = 0.01
    """Least energy of a member's offer in a settlement period [kWh] (ill; model.md C1)."""
    value_of_lost_load_per_kwh: Price = 20.0
    """Value of energy that could not be served, in KPIs [currency/kWh] (ill; model.md B13)."""
    imbalance_kappa: Ratio = 0.2
    """Mark-up of the imbalance price for the short, mark-down for the long, on the pool price [1] (ill; C9)."""
    scarcity: Scarcity | None = None
    """Adder to the pool's price when reserves are short, for imbalances and tariffs that follow the pool; `null` for
    none."""
    demand_response_steps: tuple[DemandStep, ...] = ()
    """Parts of demand bid below the cap; what the pool does not accept is delivered all the same, as imbalance."""

    @field_validator("demand_response_steps")
    @classmethod
    def _steps_descend(cls, steps: tuple[DemandStep, ...], info: ValidationInfo) -> tuple[DemandStep, ...]:
        floor, cap = info.data.get("floor_per_kwh", -float("inf")), info.data.get("cap_per_kwh", float("inf"))
        if sum(step.share for step in steps) > 1:
            raise ValueError(f"given shares that sum to {sum(step.share for step in steps):g}; allowed at most 1")
        prices = [step.price_per_kwh for step in steps]
        for price in prices:
            if not floor < price < cap or prices.count(price) > 1:
                raise ValueError(
                    f"given price_per_kwh {price:g}; each price once, above floor_per_kwh {floor:g} and below "
                    f"cap_per_kwh {cap:g}"
                )
        return steps

    @property
    def options_of_mechanism(self) -> dict[str, Any]:
        """All options of the mechanism: those given, `k` and `method` where it has them, and a seed where it draws.

        Orders of a run have no time of entry: unless an option says otherwise chance decides who comes first, because
        as they stand the populations would come by name.
        """
        own = signature(MECHANISMS[self.mechanism]).parameters
        shared = {"k": self.k, "method": self.method, "seed": 0, "arrival": "random", "list_trades": False}
        return {**{name: value for name, value in shared.items() if name in own}, **self.mechanism_options}

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        for name in self.mechanism_options:
            if name in ("k", "method", "seed"):
                remedy = "seeds follow from the scenario's" if name == "seed" else f"give market.{name}"
                raise ValueError(f"mechanism_options: given {name}; {remedy}")
        try:
            rules_of(self.mechanism, **self.options_of_mechanism)
        except ValueError as error:
            raise ValueError(f"mechanism_options: {error}") from None
        return self

    @field_validator("cap_per_kwh")
    @classmethod
    def _above_floor(cls, value: float, info: ValidationInfo) -> float:
        floor = info.data.get("floor_per_kwh")
        if floor is not None and value <= floor:
            raise ValueError(f"given {value:g}; allowed above floor_per_kwh, which is {floor:g}")
        return value

    @field_validator("tick_per_kwh")
    @classmethod
    def _not_too_fine(cls, value: float, info: ValidationInfo) -> float:
        span = info.data.get("cap_per_kwh", 0.0) - info.data.get("floor_per_kwh", 0.0)
        if span / value > MAX_TICKS:
            raise ValueError(
                f"given {value:g}, which makes {span / value:.0f} steps between floor and cap; allowed {MAX_TICKS}: "
                "widen the tick or narrow floor_per_kwh and cap_per_kwh"
            )
        return value


class Forecasts(Frozen):
    """Errors of forecasts and of the realised area; each is a first-order autoregressive path of its own."""

    gate_sigma: Sigma = 0.03
    """Standard deviation of the logarithm of the forecast one period ahead [1] (ill)."""
    day_ahead_sigma: Sigma = 0.08
    """Standard deviation of the logarithm of the forecast on the eve [1] (ill)."""
    realised_sigma: Sigma = 0.03
    """Standard deviation of the logarithm of the area's realised deviation [1] (ill)."""
    rho_per_hour: BelowOne = 0.9
    """Correlation of each path from one hour to the next [1] (ill)."""


class Platform(Frozen):
    """The service platform."""

    present: bool = True
    """Whether a platform runs the online auction; without one the grid company does."""
