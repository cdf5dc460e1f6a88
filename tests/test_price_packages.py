"""Packages from customer files: their design, what they bring, and what hedging does to it."""

import numpy as np
import pandas as pd
import pytest

from gridagora.agents.business_models.life import Partners, life, net, parties, per_party, simulate, values
from gridagora.agents.business_models.package_design import Hedge, design_packages
from gridagora.agents.business_models.price_packages import PricePackages
from gridagora.markets.tariffs.flat import Flat
from gridagora.scenarios.business_contract import some_customers
from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation
from gridagora.scenarios.testing import BusinessModelContract


class TestPricePackages(BusinessModelContract):
    """The contract of all business models, with energy bought ahead."""

    business_model = PricePackages(hedge_share=0.5)


def test_cash_by_hand():
    """2,000 kWh: 360 of fees and 1,400 kWh at 0.36, 864 in all for 706 so far; energy costs 606 with half ahead."""
    terms, one = PricePackages(hedge_share=0.5), some_customers(1)
    assert not terms.is_offered
    flows = life(terms, terms.expected(one), Partners())
    cash = {party: amounts[1] for party, amounts in per_party(flows).items()}
    assert cash == pytest.approx({"customer": 706 - 864, "provider": 864 - 606, "supplier": 606 - 706})
    assert sum(net(flows, party) for party in parties(flows))[0] == pytest.approx([0.0, 0.0])
    assert values(terms, flows, "provider") == pytest.approx([258 / 1.07])
    assert net(flows, "provider")[0, 0] == 0.0


def test_forwards_take_the_risk_of_price():
    """At a price sigma of 0.2 the value varies by about 0.2 x 600 x (1 - share) / 1.07; all ahead: not at all."""
    one = some_customers(1)
    deviation = {}
    for share in (0.0, 0.5, 1.0):
        terms = PricePackages(
            hedge_share=share, risk={"price_sigma": 0.2, "volume_sigma": 0.0, "default_per_year": 0.0}
        )
        cash = simulate(terms, terms.expected(one), Partners(), 4_000, 7)["provider"]
        deviation[share] = float((cash[:, 1] / 1.07).std())
    assert deviation[0.0] == pytest.approx(0.2 * 600 / 1.07, rel=0.05)
    assert deviation[0.5] == pytest.approx(deviation[0.0] / 2, rel=1e-6)
    assert deviation[1.0] == pytest.approx(0.0, abs=1e-9)


def test_the_books_are_those_of_the_seller():
    """What customers pay the supplier of packages and it the wholesaler is its business, nothing else."""
    rows = [
        ("households", "package_supplier", "retail", 100.0),
        ("package_supplier", "households", "retail", 4.0),
        ("package_supplier", "supplier", "wholesale", 60.0),
        ("households", "supplier", "retail", 500.0),
        ("firms", "package_supplier", "retail", 7.0),
        ("households", "grid_company", "network", 9.0),
    ]
    ledger = pd.DataFrame(rows, columns=["payer", "payee", "account", "amount"]).assign(business_model="")
    terms = PricePackages()
    books = terms.books(ledger)
    assert books.index.tolist() == [0, 1, 2]
    sheet = terms.canvas.realised(books, "package_supplier").set_index(["block", "entry"])["amount"]
    assert sheet["R$", "fees, energy and exit fees"] == 100.0
    assert sheet["C$", "energy"] == 60.0


def test_books_of_a_run_with_a_menu():
    """In a run of the menu of packages the green supplier's books are read: its customers' bills and its energy."""
    small = {"households.count": 20, "firms.count": 1, "farms.count": 1, "time.days": 36}
    model = Simulation(load("packages", small))
    for _ in range(36):
        model.step()
    ledger = model.ledger.frame()
    ledger["amount"] = ledger["amount_micro"] / 1e6
    books = PricePackages(provider="green_power").books(ledger)
    assert set(books["account"]) == {"retail", "wholesale"}
    paid = books.loc[books["payee"] == "green_power", "amount"].sum()
    spent = books.loc[books["payer"] == "green_power", "amount"].sum()
    assert paid - spent == pytest.approx(model.ledger.balance("green_power") / 1e6)
    assert paid > 0


def test_a_package_a_class():
    """Three homes use 100, 98 and 102 kWh, two 300 and 310; each class's typical use is in a package made for it.

    At 0.5 and a cost of 0.3 the undiscounted package earns 20 on a home of 100 kWh and 62 on one of 310.
    """
    use = np.array([[60, 40], [58, 40], [62, 40], [150, 150], [160, 150]], float)
    found = design_packages(use, 0.3, 0.5, classes=2, most=2, discounts=(0.0, 0.1))
    assert found.group.tolist() == [0, 0, 0, 1, 1]
    assert found.typical_kwh.tolist() == [100.0, 300.0]
    assert found.cost_per_kwh == pytest.approx([0.3, 0.3])
    assert found.included_kwh.tolist() == [100.0, 300.0]
    assert found.fee == pytest.approx([50.0, 150.0])
    assert found.energy_per_kwh == pytest.approx([0.6, 0.6])
    assert found.menu.profit == pytest.approx(3 * 20 + 2 * 60)


def test_packages_become_options_of_a_menu():
    """What is designed is a tariff that a scenario takes, with fee, included energy, term and seller."""
    found = design_packages(np.array([[100.0], [300.0]]), 0.3, 0.5, classes=2, most=1, scale=5.0)
    options = found.options(term_months=6, supplier="seller")
    assert list(options) == ["package_1"]
    option = options["package_1"]
    assert option["supplier"] == "seller" and option["package"]["term_months"] == 6
    del option["supplier"]
    assert Flat(**option).energy_per_kwh == pytest.approx(0.6)
    assert "supplier" not in found.options()["package_1"]


def test_risk_makes_energy_dearer_until_it_is_bought_ahead():
    """0.3 at sigma 0.2 and aversion 1 is charged 0.36; half ahead at a premium of 2 % 0.333; all ahead 0.306."""
    charged = [float(Hedge(share, 0.02, 0.2, 1.0).charged(0.3)) for share in (0.0, 0.5, 1.0)]
    assert charged == pytest.approx([0.36, 0.333, 0.306])
    assert Hedge(0.25).deviation(0.4) == pytest.approx(0.06)


def test_wrong_files_and_hedges_are_refused():
    """A customer that uses nothing, and a share above 1, are refused by name."""
    with pytest.raises(ValueError, match="use_kwh of a customer: given 0 at place 1"):
        design_packages(np.array([[1.0], [0.0]]), 0.3, 0.5, 1, 1)
    with pytest.raises(ValueError, match=r"share: given 1\.5"):
        Hedge(1.5)
    with pytest.raises(ValueError, match="sigma: given -1"):
        Hedge(sigma=-1.0)
