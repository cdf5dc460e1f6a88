"""Sections of a microgrid's terms: its plant, its connection, its prices, its service lines (model.md D6)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gridagora.agents.business_models.terms import Money, Name, Share
from gridagora.markets.community.internal_tariff import Rule
from gridagora.sim.plugin import Frozen

Size = Annotated[float, Field(ge=0, le=1e7)]
Price = Annotated[float, Field(ge=0, le=100)]
Efficiency = Annotated[float, Field(gt=0, le=1)]
Performance = Annotated[float, Field(gt=0, le=20)]


class Pv(Frozen):
    """PV of the operator."""

    kwp: Size = 300.0
    """Rated power; 0: none [kWp] (ill)."""
    yield_kwh_per_kwp: Annotated[float, Field(gt=0, le=3000)] = 1100.0
    """Yearly generation per rated power [kWh/kWp] (ill)."""
    capex_per_kwp: Money = 3500.0
    """Investment [currency/kWp] (ill; model.md D2)."""
    upkeep_share: Share = 0.017
    """Yearly upkeep as a share of the investment [1/a] (ill; model.md D2: 60 CNY/kWp)."""


class Wind(Frozen):
    """Wind turbines of the operator."""

    kw: Size = 100.0
    """Rated power; 0: none [kW] (ill)."""
    full_load_hours: Annotated[float, Field(gt=0, le=6000)] = 1800.0
    """Yearly generation per rated power [h] (ill)."""
    forecast_sigma: Annotated[float, Field(ge=0, le=2)] = 0.2
    """Standard deviation of the logarithm of a day's generation about its forecast [1] (ill)."""
    capex_per_kw: Money = 6500.0
    """Investment [currency/kW] (ill)."""
    upkeep_share: Share = 0.02
    """Yearly upkeep as a share of the investment [1/a] (ill)."""


class BatteryPlant(Frozen):
    """Battery of the operator."""

    kwh: Size = 400.0
    """Usable capacity; 0: none [kWh] (ill)."""
    kw: Size = 150.0
    """Power, either way [kW] (ill)."""
    efficiency: Efficiency = 0.95
    """Of charging, and again of discharging [1] (ill)."""
    wear_per_kwh: Price = 0.03
    """Wear that the dispatch counts on each kWh discharged; it is not posted [currency/kWh] (ill)."""
    capex_per_kwh: Money = 900.0
    """Investment [currency/kWh] (ill)."""
    upkeep_share: Share = 0.01
    """Yearly upkeep as a share of the investment [1/a] (ill)."""


class HeatPlant(Frozen):
    """Combined heat and power, with a boiler for the rest of the heat."""

    kw: Size = 100.0
    """Electric power; 0: none [kW] (ill)."""
    electric_efficiency: Efficiency = 0.38
    """Electricity over fuel [1] (ill)."""
    heat_efficiency: Efficiency = 0.45
    """Useful heat over fuel [1] (ill)."""
    boiler_efficiency: Efficiency = 0.9
    """Heat over fuel in the boiler [1] (ill)."""
    fuel_per_kwh: Price = 0.28
    """Price of fuel, upkeep by use included [currency/kWh] (ill)."""
    co2_kg_per_kwh: Annotated[float, Field(ge=0, le=2)] = 0.2
    """Emissions of the fuel [kg/kWh] (ill; natural gas)."""
    demand_kwh_per_year: Annotated[float, Field(ge=0, le=1e10)] = 400_000.0
    """Heat that the members take in a year, most of it in winter [kWh/a] (ill)."""
    price_per_kwh: Price = 0.33
    """What they pay for it [currency/kWh] (ill)."""
    own_cost_per_kwh: Price = 0.36
    """What it costs them without the microgrid [currency/kWh] (ill)."""
    capex_per_kw: Money = 6000.0
    """Investment [currency/kW] (ill)."""
    upkeep_share: Share = 0.02
    """Yearly upkeep as a share of the investment [1/a] (ill)."""


class ColdPlant(Frozen):
    """Chillers and a store of ice or cold water."""

    kw: Size = 60.0
    """Electric power of the chillers; 0: none [kW] (ill)."""
    cop: Performance = 4.0
    """Cold over electricity where it is used at once [1] (ill)."""
    ice_cop: Performance = 3.0
    """Cold over electricity where it is stored: ice needs a lower temperature [1] (ill)."""
    tank_kwh: Size = 600.0
    """Capacity of the store; 0: none [kWh of cold] (ill)."""
    tank_kw: Size = 150.0
    """Power of the store, either way [kW of cold] (ill)."""
    tank_loss_per_hour: Share = 0.005
    """Share of what is stored that is lost in an hour [1/h] (ill)."""
    demand_kwh_per_year: Annotated[float, Field(ge=0, le=1e10)] = 250_000.0
    """Cold that the members take in a year, most of it in summer [kWh/a] (ill)."""
    value_per_kwh: Price = 2.0
    """What a kWh of cold is worth to them, where it lacks [currency/kWh] (ill)."""
    price_per_kwh: Price = 0.17
    """What they pay for it [currency/kWh] (ill)."""
    own_cost_per_kwh: Price = 0.20
    """What it costs them without the microgrid [currency/kWh] (ill)."""
    capex_per_kw: Money = 3500.0
    """Investment in chillers [currency/kW of electricity] (ill)."""
    capex_per_kwh: Money = 150.0
    """Investment in the store [currency/kWh of cold] (ill)."""
    upkeep_share: Share = 0.02
    """Yearly upkeep as a share of the investment [1/a] (ill)."""


class Connection(Frozen):
    """Contract with grid company and supplier at the point of common coupling."""

    kw: Annotated[float, Field(gt=0, le=1e7)] = 1500.0
    """Most power that the dispatch plans to take or feed in [kW] (ill)."""
    tariff: Literal["residential", "commercial", "agricultural"] = "commercial"
    """Entry of `tariffs` at which the microgrid buys: energy, network, levy, standing charge."""
    export_per_kwh: Price = 0.32
    """What the supplier pays for a kWh fed into the grid [currency/kWh] (ill)."""
    capacity_per_kw_month: Money = 28.0
    """Charge on power, month for month [currency/kW] (ill)."""
    contracted_kw: Size | None = None
    """Power that is contracted and charged every month [kW]; `null`: the highest import of the month is charged."""
    excess_factor: Annotated[float, Field(ge=1, le=10)] = 2.0
    """Price of power above what is contracted, over that of contracted power [1] (ill)."""
    standby_per_kw_month: Money = 3.0
    """Charge for standing by for the microgrid's own generators, by their rated power [currency/kW] (ill)."""


class Tariff(Frozen):
    """What members pay inside."""

    rule: Rule = "discount"
    """`discount` on the retail tariff, or prices of the period by `supply_demand_ratio`, `mid_market` or `bill_sharing`
    (C11), or `shapley`: each class's bill by itself less its Shapley value of what all save."""
    discount_share: Share = 0.08
    """Of the rule `discount`: share of all charges of the retail tariff that members save [1] (ill)."""
    feed_in_bonus_share: Share = 0.0
    """Of the rule `discount`: what members get above the feed-in price, as a share of it [1] (ill)."""


class Island(Frozen):
    """What the microgrid is worth when the grid is away; it is reported, not paid."""

    outages_per_year: Annotated[float, Field(ge=0, le=1000)] = 2.0
    """Outages of the grid [1/a] (ill)."""
    hours: Annotated[float, Field(gt=0, le=24)] = 2.0
    """Length of an outage [h] (ill)."""
    lost_load_per_kwh: Annotated[float, Field(gt=0, le=10_000)] = 20.0
    """Value of lost load [currency/kWh] (ill)."""
    lost_load_of: dict[Name, Annotated[float, Field(gt=0, le=10_000)]] = Field(default_factory=dict)
    """By population, where it differs [currency/kWh] (ill)."""


class ServiceLine(Frozen):
    """One of the nine lines of service: what it earns from members, and what it costs."""

    fee_per_member_month: Money = 0.0
    """Fee of each member [currency/month] (ill)."""
    fee_per_kwh: Price = 0.0
    """Fee on each kWh that members withdraw [currency/kWh] (ill)."""
    capex: Money = 0.0
    """Investment [currency] (ill)."""
    capex_per_member: Money = 0.0
    """Investment for each member [currency] (ill)."""
    upkeep_share: Share = 0.0
    """Yearly upkeep as a share of the line's investment [1/a] (ill)."""
    cost_per_year: Money = 0.0
    """Other costs [currency/a] (ill)."""
    cost_per_member_year: Money = 0.0
    """Other costs for each member [currency/a] (ill)."""
    hours_per_year: Size = 0.0
    """Work of the staff [h/a] (ill)."""
    hours_per_member_year: Size = 0.0
    """Work of the staff for each member [h/a] (ill)."""


class Services(Frozen):
    """The nine lines of service of a microgrid operator; each is an account of the books."""

    generation_assets: ServiceLine = ServiceLine(hours_per_year=300)
    """Plant: its investment, its upkeep and its work come from the sections of the plant and from here."""
    network_assets: ServiceLine = ServiceLine(
        fee_per_kwh=0.01, capex=60_000, capex_per_member=150, upkeep_share=0.015, hours_per_year=150
    )
    """Lines and transformers behind the point of common coupling."""
    user_distribution_assets: ServiceLine = ServiceLine(
        fee_per_member_month=0.5, capex_per_member=100, upkeep_share=0.02, hours_per_member_year=0.3
    )
    """Members' own switchgear, built and kept for them."""
    financial_services: ServiceLine = ServiceLine(
        fee_per_member_month=0.2, cost_per_member_year=1.0, hours_per_member_year=0.05
    )
    """Billing, collection and instalments."""
    intelligent_it: ServiceLine = ServiceLine(
        fee_per_member_month=0.5, cost_per_year=4_000, cost_per_member_year=2.0, hours_per_year=100
    )
    """Meters, control and data."""
    market_trading: ServiceLine = ServiceLine(fee_per_kwh=0.002, cost_per_year=1_500, hours_per_year=80)
    """Buying and selling at the point of common coupling."""
    marketing: ServiceLine = ServiceLine(cost_per_member_year=2.0, hours_per_member_year=0.1)
    """Winning and keeping members."""
    energy_scheduling: ServiceLine = ServiceLine(fee_per_kwh=0.003, hours_per_year=200)
    """Dispatch of the plant."""
    energy_efficiency: ServiceLine = ServiceLine(
        fee_per_member_month=0.3, cost_per_member_year=1.0, hours_per_member_year=0.2
    )
    """Audits and advice."""


#: Names of the lines, which are accounts of the books.
LINES = tuple(Services.model_fields)


class Staff(Frozen):
    """The staff that all lines share."""

    number: Annotated[float, Field(ge=0, le=100_000)] = 1.0
    """Full-time staff [1] (ill)."""
    hours_per_year: Annotated[float, Field(gt=0, le=8784)] = 1700.0
    """Work of each [h/a] (ill)."""
    cost_per_year: Money = 90_000.0
    """Cost of each [currency/a] (ill)."""
    outside_per_hour: Money = 90.0
    """Price of work that the staff has no time for [currency/h] (ill)."""
