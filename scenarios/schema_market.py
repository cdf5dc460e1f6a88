"""Sections of a scenario that describe supply, prices and trade."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from gridagora.markets.clearing import MECHANISMS
from gridagora.markets.tariffs import TARIFFS, Flat
from gridagora.scenarios.inputs import load_emission_factors
from gridagora.scenarios.quantities import BelowOne, Price, Ratio, Share, Sigma, SignedPrice, one_of
from gridagora.sim.plugin import Frozen

if TYPE_CHECKING:
    from gridagora.markets.tariffs.tariff import Tariff

    AnyTariff = Tariff
else:
    AnyTariff = Annotated[reduce(or_, TARIFFS.values()), Field(discriminator="kind")]

MechanismName: Any = one_of("mechanism", MECHANISMS)
RegionName: Any = one_of("emission region", load_emission_factors())

MAX_TICKS = 100_000


class Network(Frozen):
    """The grid between plants and members."""

    kind: Literal["copperplate"] = "copperplate"
    """How areas are connected; `copperplate` is one area without limits."""
    loss_rate: BelowOne = 0.045
    """Losses as a share of the energy that enters the distribution grid [1] (mem; model.md A6)."""


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


class FeedIn(Frozen):
    """What a member gets for surplus that no one bought in the auction."""

    price_per_kwh: SignedPrice = 0.36
    """Feed-in price [currency/kWh] (ill)."""
    fund: Literal["supplier", "levy"] = "supplier"
    """Who bears the difference between the feed-in price and the pool price."""


class Tariffs(Frozen):
    """Retail tariffs by group of customers; changing `kind` replaces the whole entry."""

    residential: AnyTariff = Flat(standing_per_day=0.2)
    """Tariff of members whose `tariff` is `residential`."""
    commercial: AnyTariff = Flat(energy_per_kwh=0.503, standing_per_day=2.0)
    """Tariff of members whose `tariff` is `commercial`."""
    agricultural: AnyTariff = Flat(standing_per_day=0.2)
    """Tariff of members whose `tariff` is `agricultural`."""
    feed_in: FeedIn = FeedIn()
    """Payment for surplus energy."""


class Market(Frozen):
    """The pool, the online auction and balancing."""

    pool_rule: Literal["uniform", "regulated"] = "uniform"
    """Pool price: one for all plants, or one factory, one price (model.md A5, C1)."""
    online: bool = True
    """Whether the online auction of distributed power takes place."""
    mechanism: MechanismName = "uniform_price"
    """Rule that turns the orders of an auction into awards and payments (model.md C2 to C7)."""
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
