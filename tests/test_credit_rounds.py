"""Bills that are not paid in a run: what the supplier lends, gets back and loses; books close."""

import numpy as np
import pytest

from gridagora.scenarios.load import load
from gridagora.scenarios.record import Recorder
from gridagora.scenarios.run import run as run_scenario
from gridagora.scenarios.simulation import Simulation

#: 30 June ends a month, and 1 July is the last day of the run.
BASE = {
    "time.start": "2016-06-30",
    "time.days": 2,
    "time.period_minutes": 60,
    "market.online": False,
    "households.count": 100,
    "households.pv_share": 0.0,
    "firms": None,
    "farms": None,
}


def run(credit, **changed):
    """Return a finished run in which households have the section `credit`."""
    model = Simulation(load("quickstart", {**BASE, "households.credit": credit, **changed}), Recorder())
    while model.running:
        model.step()
    return model


def booked(model, account):
    """Return the sum of an account [1e-6 currency], and its payers."""
    rows = model.ledger.frame().query("account == @account")
    return int(rows["amount_micro"].sum()), set(rows["payer"])


def test_debt_is_what_was_lent_and_not_settled():
    """The supplier lends what is not paid; arrears less arrears paid is what members owe; balances sum to zero."""
    model = run({"unpaid_share": 0.4})
    owed = int(model.parts.rounds[0].arrears.sum())
    (lent, lender), (settled, payer) = booked(model, "arrears"), booked(model, "arrears_paid")
    assert (lender, payer) == ({"supplier"}, {"households"})
    assert lent - settled == owed > 0
    table = model.recorder.frame("arrears")
    assert table["month"].tolist() == [0, 1]
    assert table["lent"].sum() * 1e6 == pytest.approx(lent)
    assert table["settled"].sum() * 1e6 == pytest.approx(settled)
    assert table["owed"].iloc[-1] * 1e6 == pytest.approx(owed)
    assert table["billed"].sum() * 1e6 == pytest.approx(int(model.households.billed.sum()))
    assert 20 < table["in_arrears"].iloc[0] < 60
    assert sum(model.ledger.balances().values()) == 0


def test_default_loses_a_share_of_the_debt():
    """With a default at the first unpaid bill, 60 % of what is not paid is lost, and nothing stays owed."""
    model = run({"unpaid_share": 0.4, "default_months": 1, "loss_share": 0.6})
    lent, settled, lost = (booked(model, name)[0] for name in ("arrears", "arrears_paid", "bad_debt"))
    assert lent == settled > 0
    assert lost == pytest.approx(0.6 * settled, abs=200)
    assert model.recorder.frame("arrears")["defaults"].sum() > 20
    assert not model.parts.rounds[0].arrears.any()


def test_prepayment_is_never_owed():
    """Who pays in advance needs no credit."""
    model = run({"unpaid_share": 0.4}, **{"tariffs.residential": {"kind": "flat", "payment": {"method": "prepayment"}}})
    assert booked(model, "arrears") == (0, set())


def test_bills_do_not_change_by_who_pays_them():
    """Lending is no discount: key figures of bills are those of a run where all pay, and bad debt is one more."""
    terms = {**BASE, "households.count": 20}
    paid = run_scenario(load("quickstart", terms))
    owed = run_scenario(load("quickstart", {**terms, "households.credit": {"unpaid_share": 0.5, "default_months": 1}}))
    bills = [table["kpis"].query("kpi == 'bill'")["value"].tolist() for table in (paid, owed)]
    assert bills[0] == bills[1]
    assert owed["kpis"].query("kpi == 'bad_debt'")["value"].item() > 0
    assert "bad_debt" not in set(paid["kpis"]["kpi"])
    assert "arrears" in owed.tables


def test_unpaid_share_is_kept_in_the_long_run():
    """Over many members the share of unpaid first bills is the one asked for."""
    model = run({"unpaid_share": 0.3}, **{"households.count": 400, "time.days": 1})
    owing = model.parts.rounds[0].arrears > 0
    assert owing.mean() == pytest.approx(0.3, abs=0.07)
    assert np.isfinite(model.parts.rounds[0].solvency).all()
