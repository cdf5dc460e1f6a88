"""A user microgrid: generation, grid, distribution and retail in one hand (model.md D6, S1).

An operator owns plant behind a point of common coupling, supplies members there at a tariff of its own, and deals with
supplier, grid company and government as one customer. Its contracts begin before the first day: see
:mod:`gridagora.scenarios.microgrid_founding`. Amounts of a year are written once, here, for valuation and the books.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from gridagora.agents.business_models.canvas import Canvas, Entry
from gridagora.agents.business_models.frame import (
    CUSTOMER,
    PROVIDER,
    Age,
    BusinessModel,
    Customers,
    Floats,
    Flow,
    Quantities,
)
from gridagora.agents.business_models.microgrid_terms import (
    LINES,
    BatteryPlant,
    ColdPlant,
    Connection,
    HeatPlant,
    Island,
    Pv,
    ServiceLine,
    Services,
    Staff,
    Tariff,
    Wind,
)
from gridagora.agents.business_models.terms import Acceptance, Channel, Finance, Name, Years
from gridagora.markets.community.microgrid_day import Equipment
from gridagora.sim.finance import lcoe

MONTHS = 12
#: Line of service that holds the plant.
GENERATION = "generation_assets"
_CANVAS = Canvas(
    partners={
        "Supplier, for what the microgrid lacks or has left": "supplier",
        "Grid company, for the connection": "grid_company",
        "Makers of the plant": "vendor",
        "Bank": "bank",
    },
    activities=("generate", "distribute", "retail", "trade at the connection", "schedule plant and stores"),
    resources={
        "Plant and grid": "capex",
        "Own generation": "own_kwh",
        "Load of the members": "withdrawn_kwh",
    },
    value=("local energy below the retail price", "heat and cold from one hand", "supply when the grid is away"),
    relationship={"Membership for the term": "term_years", "Trust in the operator": "acceptance.trust"},
    channels={"Campaign before the start": "channel.reach_share"},
    segments={"Who lives and works on the site": "populations", "By consumption": "segment.annual_kwh_min"},
    costs=(
        Entry("Plant, grid and services: investment, upkeep, staff", LINES),
        Entry("Fuel", ("fuel",)),
        Entry("Energy, network and levies at the connection", ("pcc_energy", "pcc_network", "pcc_levy")),
        Entry("Power and standby at the connection", ("capacity_charge", "standby_charge")),
        Entry("Members who bring more than they take", ("internal_sale",)),
        Entry("Feed-in that supplier and members settled before", ("netting",)),
        Entry("Debt service", ("debt_service",)),
        Entry("Insurance and damage", ("insurance_premium", "replacement")),
        Entry("Tax", ("tax",)),
    ),
    revenues=(
        Entry("Energy sold to members, above what they pay by their bills", ("internal_sale",)),
        Entry("Bills for energy that did not come from outside, given back", ("netting",)),
        Entry("Fees of the lines of service", LINES),
        Entry("Heat and cold", ("heat_sale", "cold_sale")),
        Entry("Energy sold at the connection", ("pcc_export",)),
        Entry("Loan and subsidy", ("loan", "subsidy")),
        Entry("Insurance claims and tax credits", ("insurance_claim", "tax")),
    ),
)


class Microgrid(BusinessModel):
    """Terms of a microgrid operator, its plant and its members."""

    canvas: ClassVar[Canvas] = _CANVAS
    risk_bearers: ClassVar[Mapping[str, str]] = {
        "performance": PROVIDER,
        "volume": PROVIDER,
        "price": PROVIDER,
        "credit": PROVIDER,
        "finance": PROVIDER,
    }
    uncertain: ClassVar[Mapping[str, str]] = {
        "withdrawn_kwh": "volume_sigma",
        "market_supplier": "volume_sigma",
        "market_grid": "volume_sigma",
        "market_government": "volume_sigma",
        "internal": "volume_sigma",
        "pcc_energy": "price_sigma",
        "pcc_export": "price_sigma",
        "fuel": "price_sigma",
    }
    asset: ClassVar[str] = "supply"
    usual_provider: ClassVar[str] = "park_operator"

    kind: Literal["microgrid"] = "microgrid"
    """A microgrid behind one connection, run by an operator."""
    provider: Name = "park_operator"
    """Party that operates it: one of `counterparties.companies`, or an institution such as `grid_company`."""
    populations: Annotated[tuple[Name, ...], Field(min_length=1, max_length=5)] = ("households", "firms")
    """Populations whose members may join; `population` is not used."""
    members_min: Annotated[int, Field(ge=1)] = 2
    """Fewest members with whom it is founded [1] (ill)."""
    channel: Channel = Channel(reach_share=1.0)
    """How members hear of it before the first day: only `reach_share` is used."""
    acceptance: Acceptance = Acceptance(value_weight=3.0, hassle=0.5)
    """How members decide to join."""
    finance: Finance = Finance(debt_share=0.6)
    """How the operator finances what it invests."""
    term_years: Years = 15
    """Years of membership, and of the connection's contract [a] (ill)."""
    life_years: Years = 15
    """Years over which its value counts, at least its term [a] (ill)."""
    pv: Pv = Pv()
    """PV of the operator."""
    wind: Wind = Wind(kw=0.0)
    """Wind turbines of the operator."""
    battery: BatteryPlant = BatteryPlant()
    """Battery of the operator."""
    heat: HeatPlant = HeatPlant()
    """Combined heat and power."""
    cold: ColdPlant = ColdPlant()
    """Chillers and cold store."""
    connection: Connection = Connection()
    """Contract at the point of common coupling."""
    tariff: Tariff = Tariff()
    """Prices inside."""
    island: Island = Island()
    """When the grid is away."""
    services: Services = Services()
    """The nine lines of service."""
    staff: Staff = Staff()
    """Who does the work of all of them."""

    @property
    def is_offered(self) -> bool:
        """Not in the course of a run: it is founded before the first day."""
        return False

    @property
    def equipment(self) -> Equipment:
        """What the dispatch may use."""
        battery, heat, cold = self.battery, self.heat, self.cold
        return Equipment(
            connection_kw=self.connection.kw,
            battery_kwh=battery.kwh,
            battery_kw=battery.kw,
            battery_efficiency=battery.efficiency,
            wear_per_kwh=battery.wear_per_kwh,
            chp_kw=heat.kw,
            chp_electric=heat.electric_efficiency,
            chp_heat=heat.heat_efficiency,
            fuel_per_kwh=heat.fuel_per_kwh,
            boiler_efficiency=heat.boiler_efficiency,
            chiller_kw=cold.kw,
            cop=cold.cop,
            ice_cop=cold.ice_cop,
            tank_kwh=cold.tank_kwh,
            tank_kw=cold.tank_kw,
            tank_loss_per_hour=cold.tank_loss_per_hour,
            cold_value_per_kwh=cold.value_per_kwh,
        )

    @property
    def plant(self) -> tuple[tuple[float, float], ...]:
        """Investment [currency] and yearly upkeep as a share of it [1/a] of each part of the plant."""
        cold = self.cold.kw * self.cold.capex_per_kw + self.cold.tank_kwh * self.cold.capex_per_kwh
        return (
            (self.pv.kwp * self.pv.capex_per_kwp, self.pv.upkeep_share),
            (self.wind.kw * self.wind.capex_per_kw, self.wind.upkeep_share),
            (self.battery.kwh * self.battery.capex_per_kwh, self.battery.upkeep_share),
            (self.heat.kw * self.heat.capex_per_kw, self.heat.upkeep_share),
            (cold, self.cold.upkeep_share),
        )

    def line(self, name: str) -> ServiceLine:
        """Return a line of service."""
        found: ServiceLine = getattr(self.services, name)
        return found

    def investment(self, q: Quantities, name: str) -> Floats:
        """Return what a line of service invests, shape (n,) [currency]."""
        line, plant = self.line(name), sum(capex for capex, _ in self.plant) if name == GENERATION else 0.0
        return np.asarray(q["operators"] * (plant + line.capex + line.capex_per_member * q["members"]))

    def hours(self, q: Quantities, name: str) -> Floats:
        """Return the work of a line of service, shape (n,) [h/a]."""
        line = self.line(name)
        return np.asarray(q["operators"] * (line.hours_per_year + line.hours_per_member_year * q["members"]))

    def staff_costs(self, q: Quantities) -> dict[str, Floats]:
        """Return each line's part of what the staff costs, by its hours, shape (n,) each [currency/a].

        What is above the staff's capacity is bought outside; staff that has no work is paid all the same.
        """
        hours = {name: self.hours(q, name) for name in LINES}
        total = sum(hours.values(), np.zeros(1))
        above = np.maximum(total - self.staff.number * self.staff.hours_per_year, 0)
        paid = q["operators"] * self.staff.number * self.staff.cost_per_year + above * self.staff.outside_per_hour
        even = np.full(total.shape, 1 / len(LINES))
        return {name: paid * np.divide(part, total, out=even.copy(), where=total > 0) for name, part in hours.items()}

    def line_costs(self, q: Quantities) -> dict[str, Floats]:
        """Return what each line costs in a year: upkeep, other costs, its part of the staff, shape (n,) each."""
        staff, found = self.staff_costs(q), {}
        for name in LINES:
            line = self.line(name)
            own = line.capex + line.capex_per_member * q["members"]
            plant = sum(capex * share for capex, share in self.plant) if name == GENERATION else 0.0
            other = line.cost_per_year + line.cost_per_member_year * q["members"]
            found[name] = staff[name] + q["operators"] * (plant + own * line.upkeep_share + other)
        return found

    def line_fees(self, q: Quantities) -> dict[str, Floats]:
        """Return what members pay for each line in a year, shape (n,) each [currency/a]."""
        return {
            name: MONTHS * self.line(name).fee_per_member_month * q["members"]
            + self.line(name).fee_per_kwh * q["withdrawn_kwh"]
            for name in LINES
        }

    def capacity_charge(self, peak_kw: Floats) -> Floats:
        """Return the charge on power of a month, shape (n,) [currency/month].

        Parameters
        ----------
        peak_kw : ndarray of float64, shape (n,)
            Highest import of the month [kW].
        """
        terms = self.connection
        if terms.contracted_kw is None:
            return np.asarray(terms.capacity_per_kw_month * peak_kw)
        above = np.maximum(peak_kw - terms.contracted_kw, 0)
        return np.asarray(terms.capacity_per_kw_month * (terms.contracted_kw + terms.excess_factor * above))

    def expected(self, customers: Customers) -> Quantities:
        """Return what members of no particular microgrid expect of its rule `discount`.

        The founding replaces `internal` by what the dispatch of the site lets expect.
        """
        bill = customers.bill
        none = np.zeros(len(customers))
        internal = bill * (1 - self.tariff.discount_share)
        return self.quantities(
            members=np.ones(len(customers)),
            withdrawn_kwh=customers.withdrawn_kwh,
            market_supplier=bill,
            internal=internal,
            operators=none,
        )

    @staticmethod
    def quantities(**given: Floats) -> Quantities:
        """Return quantities of contracts, those that are not given 0."""
        shape = np.shape(next(iter(given.values())))
        names = (
            *("operators", "members", "withdrawn_kwh", "market_supplier", "market_grid", "market_government"),
            *("internal", "heat_kwh", "cold_kwh", "pcc_energy", "pcc_network", "pcc_levy", "pcc_export", "peak_kw"),
            *("fuel", "own_kwh", "capex"),
        )
        return {name: np.zeros(shape) for name in names} | given

    def upfront(self, q: Quantities) -> list[Flow]:
        """Return what the operator invests, by line of service."""
        return [Flow(PROVIDER, "vendor", name, amount) for name in LINES if (amount := self.investment(q, name)).any()]

    def member_flows(self, q: Quantities) -> list[Flow]:
        """Return the flows of a year between members and operator, shape (n,) each [currency/a].

        Members go on paying the bills of their retail tariff; `internal_sale` is what the internal tariff asks above.
        """
        heat, cold = self.heat, self.cold
        billed = q["market_supplier"] + q["market_grid"] + q["market_government"]
        flows = [
            Flow(CUSTOMER, PROVIDER, "internal_sale", q["internal"] - billed),
            Flow(CUSTOMER, PROVIDER, "heat_sale", heat.price_per_kwh * q["heat_kwh"]),
            Flow(CUSTOMER, PROVIDER, "cold_sale", cold.price_per_kwh * q["cold_kwh"]),
            Flow("outside", CUSTOMER, "own_heat", heat.own_cost_per_kwh * q["heat_kwh"], metered=True),
            Flow("outside", CUSTOMER, "own_cold", cold.own_cost_per_kwh * q["cold_kwh"], metered=True),
        ]
        return flows + [Flow(CUSTOMER, PROVIDER, name, fee) for name, fee in self.line_fees(q).items()]

    def operator_flows(self, q: Quantities) -> list[Flow]:
        """Return the flows of a year between the operator and all but its members, shape (n,) each [currency/a].

        Supplier, grid company and government give back what members paid them by their bills (`netting`), and are paid
        for what crosses the point of common coupling.
        """
        terms, operators = self.connection, q["operators"]
        rated = self.pv.kwp + self.wind.kw + self.heat.kw
        power = operators * MONTHS * self.capacity_charge(q["peak_kw"])
        return [
            Flow("supplier", PROVIDER, "netting", q["market_supplier"] * operators),
            Flow("grid_company", PROVIDER, "netting", q["market_grid"] * operators),
            Flow("government", PROVIDER, "netting", q["market_government"] * operators),
            Flow(PROVIDER, "supplier", "pcc_energy", q["pcc_energy"]),
            Flow(PROVIDER, "grid_company", "pcc_network", q["pcc_network"]),
            Flow(PROVIDER, "government", "pcc_levy", q["pcc_levy"]),
            Flow("supplier", PROVIDER, "pcc_export", q["pcc_export"]),
            Flow(PROVIDER, "grid_company", "capacity_charge", power),
            Flow(PROVIDER, "grid_company", "standby_charge", operators * MONTHS * terms.standby_per_kw_month * rated),
            Flow(PROVIDER, "outside", "fuel", q["fuel"]),
            *(Flow(PROVIDER, "outside", name, cost) for name, cost in self.line_costs(q).items()),
        ]

    def yearly(self, q: Quantities, age: Age) -> list[Flow]:
        """Return the flows of a year within the term; none of them goes on beyond it."""
        running = np.asarray(age) < self.term_years
        return [
            flow._replace(amount=flow.amount * running) for flow in [*self.member_flows(q), *self.operator_flows(q)]
        ]

    def levelised_cost(self, q: Quantities) -> float:
        """Return the levelised cost of own generation over the life [currency/kWh].

        Investment and upkeep of PV, wind, battery and cogeneration, and all fuel, less what the heat would cost from
        the boiler; nan without generation.

        Parameters
        ----------
        q : Quantities
            Of one microgrid, shape (1,) each.
        """
        own = float(q["own_kwh"][0])
        if own <= 0:
            return float("nan")
        capex = sum(amount for amount, _ in self.plant[:4])
        heat = float(q["heat_kwh"][0]) / self.heat.boiler_efficiency * self.heat.fuel_per_kwh
        upkeep = sum(amount * share for amount, share in self.plant[:4])
        yearly = np.full(self.life_years, upkeep + float(q["fuel"][0]) - heat)
        return float(lcoe(capex, yearly, np.full(self.life_years, own), self.finance.discount_rate))
