"""What every business model must keep, as tests that a user's own one inherits.

from gridagora.scenarios.testing import BusinessModelContract

class TestMine(BusinessModelContract):
    business_model = MyBusinessModel()
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gridagora.agents.business_models.financing import upfront_flows, yearly_flows
from gridagora.agents.business_models.frame import (
    CUSTOMER,
    MOST_SAVED,
    PROVIDER,
    BusinessModel,
    Customers,
    Floats,
    Flow,
    Meters,
    Quantities,
)
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.agents.business_models.life import Partners, life, values
from gridagora.markets.strategies.draws import Draws

PARTNERS = Partners(Bank(), Insurer())
#: What contracts may do to their customers.
EFFECTS = ("saved_share", "added_kwh", "pv_kwh", "battery_kwh", "technology", "managed", "awareness")


def some_customers(n: int = 6) -> Customers:
    """Return customers of a small world: 2 to 60 MWh a year at 0.7 currency/kWh, without devices.

    Parameters
    ----------
    n : int
        How many.
    """
    annual = np.geomspace(2_000.0, 60_000.0, n)

    def meter(pv_kwh: Floats, battery_kwh: Floats) -> tuple[Floats, Floats]:
        used = np.minimum(0.6 * pv_kwh + 100.0 * battery_kwh, np.minimum(pv_kwh, annual))
        return annual - used, pv_kwh - used

    nobody = np.zeros(n, np.bool_)
    return Customers(
        population="firms",
        row=np.arange(n),
        number=np.arange(n),
        annual_kwh=annual,
        withdrawn_kwh=annual.copy(),
        price_per_kwh=np.full(n, 0.7),
        feed_in_per_kwh=0.4,
        income=0.7 * annual,
        default_per_year=np.full(n, 0.02),
        credit_score=np.linspace(-1.0, 1.0, n),
        profile=np.full(n, "G0"),
        pv_kwh=np.zeros(n),
        battery_kwh=np.zeros(n),
        owns=dict.fromkeys(("pv", "storage", "vehicle", "heat_pump"), nobody),
        satisfaction=np.zeros(n),
        draws=Draws(7, "firms"),
        vendor_price=1.0,
        meter=meter,
    )


#: Accounts of the frame's own flows.
FINANCING = {"loan", "debt_service", "subsidy", "tax", "insurance_premium", "insurance_claim", "replacement"}


def canvas_faults(terms: BusinessModel, agreed: Quantities) -> list[str]:
    """Return what is wrong with a canvas: entries that map to nothing, accounts that no entry covers.

    Parameters
    ----------
    terms : BusinessModel
        With the canvas.
    agreed : Quantities
        Of some customers.
    """
    flows = life(terms, agreed, PARTNERS)
    flows += terms.at_default(agreed, np.zeros(len(flows[0].amount)))
    own = [flow for flow in flows if PROVIDER in (flow.payer, flow.payee)]
    roles = {party for flow in flows for party in (flow.payer, flow.payee)}
    roles |= {"bank", "insurer", "government", "vendor"}
    found = terms.canvas.faults(terms, {flow.account for flow in own} | FINANCING, roles, agreed)
    booked = {name for entry in (*terms.canvas.costs, *terms.canvas.revenues) for name in entry.accounts}
    bare = {flow.account for flow in own if not flow.metered} - FINANCING - booked
    return found + [f"account {account!r}: no entry of C$ or R$ covers it" for account in sorted(bare)]


class BusinessModelContract:
    """Tests of a business model that offers contracts; give an object of it.

    Attributes
    ----------
    business_model : BusinessModel
        The business model with some values of its terms.
    """

    business_model: ClassVar[BusinessModel]

    def customers(self) -> Customers:
        """Return customers to whom it may be offered; override where it asks for devices."""
        return some_customers()

    def agreed(self) -> Quantities:
        """Return what is promised to them."""
        return self.business_model.expected(self.customers())

    def all_flows(self) -> list[Flow]:
        """Return the flows of the whole life."""
        return life(self.business_model, self.agreed(), PARTNERS)

    def test_the_canvas_maps_to_the_books(self) -> None:
        """Every entry of the canvas maps to accounts, parties, quantities and terms, and all accounts have one."""
        assert canvas_faults(self.business_model, self.agreed()) == []

    def test_quantities_are_one_a_customer(self) -> None:
        """Every quantity is finite and has one entry a customer, and what is true has their names too."""
        customers, agreed = self.customers(), self.agreed()
        true = self.business_model.truth(customers, dict(agreed))
        assert set(agreed) <= set(true)
        for column in (*agreed.values(), *true.values()):
            assert np.shape(column) in ((), (len(customers),))
            assert np.isfinite(column).all()

    def test_truth_is_drawn_by_member(self) -> None:
        """What is true of a customer does not depend on who else signs."""
        customers, terms = self.customers(), self.business_model
        together = terms.truth(customers, self.agreed())
        last = customers.of(np.array([len(customers) - 1]))
        alone = terms.truth(last, terms.expected(last))
        for name, column in together.items():
            np.testing.assert_allclose(np.broadcast_to(column, len(customers))[-1], np.ravel(alone[name])[0], rtol=1e-9)

    def test_uncertain_quantities_exist(self) -> None:
        """What may come otherwise is a quantity, and how much it may is a term."""
        for name, factor in self.business_model.uncertain.items():
            assert name in self.agreed()
            assert getattr(self.business_model.risk, factor) >= 0

    def test_flows_are_the_same_every_year(self) -> None:
        """A year of any age has the same flows, with other amounts, and ages may differ from contract to contract."""
        terms, agreed, n = self.business_model, self.agreed(), len(self.customers())
        first = yearly_flows(terms, agreed, 0, PARTNERS.bank, PARTNERS.insurer)
        names = [(flow.payer, flow.payee, flow.account, flow.metered) for flow in first]
        for age in range(terms.life_years):
            flows = yearly_flows(terms, agreed, age, PARTNERS.bank, PARTNERS.insurer)
            assert [(flow.payer, flow.payee, flow.account, flow.metered) for flow in flows] == names
        mixed = yearly_flows(terms, agreed, np.arange(n) % terms.life_years, PARTNERS.bank, PARTNERS.insurer)
        for place in range(n):
            single = yearly_flows(terms, agreed, place % terms.life_years, PARTNERS.bank, PARTNERS.insurer)
            for one, many in zip(single, mixed, strict=True):
                np.testing.assert_allclose(
                    np.broadcast_to(many.amount, n)[place], np.broadcast_to(one.amount, n)[place], rtol=1e-12
                )

    def test_nobody_pays_the_provider_beyond_the_term(self) -> None:
        """After the term customer and provider owe each other nothing."""
        terms = self.business_model
        for age in range(terms.term_years, terms.life_years):
            for flow in terms.yearly(self.agreed(), age):
                if {flow.payer, flow.payee} == {CUSTOMER, PROVIDER} and not flow.metered:
                    assert not np.any(flow.amount)

    def test_values_are_numbers(self) -> None:
        """What a contract is worth to both sides is a number."""
        flows = self.all_flows()
        for role in (CUSTOMER, PROVIDER):
            assert np.isfinite(values(self.business_model, flows, role)).all()

    def test_risks_have_bearers(self) -> None:
        """Some risk is named, and each is borne by a role or a party of the flows."""
        flows = [*upfront_flows(self.business_model, self.agreed()), *self.all_flows()]
        roles = {party for flow in flows for party in (flow.payer, flow.payee)} | {CUSTOMER, PROVIDER}
        assert self.business_model.risk_bearers
        assert set(self.business_model.risk_bearers.values()) <= roles | {"bank", "insurer", "government"}

    def test_effects_are_known(self) -> None:
        """What contracts do to their customers is what a run can do, and no consumption falls below 0."""
        n = len(self.customers())
        for age in (0.0, 0.5, float(self.business_model.life_years)):
            effect = self.business_model.effect(self.agreed(), np.full(n, age))
            assert set(effect) <= set(EFFECTS)
            for column in effect.values():
                assert np.shape(column) in ((), (n,))
                assert np.isfinite(column).all()
            assert np.all(effect.get("saved_share", np.zeros(n)) <= MOST_SAVED)

    def test_meters_give_the_same_quantities(self) -> None:
        """What meters make of the quantities has their names, and flows follow from it."""
        n, terms, agreed = len(self.customers()), self.business_model, self.agreed()
        true = terms.truth(self.customers(), dict(agreed))
        some, age = np.full(n, 1000.0), np.zeros(n)
        effect = terms.effect(true, age)
        meters = Meters(
            years=1 / 12,
            withdrawn_kwh=20 * some,
            injected_kwh=some,
            generated_kwh=2 * some,
            bill=14 * some,
            price_per_kwh=np.full(n, 0.7),
            shed_kwh=np.zeros(n),
            saved_share=np.broadcast_to(effect.get("saved_share", np.zeros(n)), n),
            added_kwh=np.broadcast_to(effect.get("added_kwh", np.zeros(n)), n),
        )
        realised = terms.realised(true, meters, age)
        assert set(agreed) <= set(realised)
        for flow in yearly_flows(terms, realised, 0, PARTNERS.bank, PARTNERS.insurer):
            assert np.isfinite(flow.amount).all()

    def test_it_survives_a_scenario_file(self) -> None:
        """Written into a resolved scenario and read again it is the same business model."""
        terms = self.business_model
        assert type(terms).model_validate(terms.model_dump(mode="json")) == terms
