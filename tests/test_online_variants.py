import pytest

import gridagora as ga

VARIANTS = ["pay_as_bid", "continuous", "mcafee", "muda"]


@pytest.mark.parametrize("name", VARIANTS)
def test_only_the_mechanism_differs(name):
    """Each variant of the open online auction changes the mechanism and its options, and nothing else."""
    uniform, variant = ga.load("online_auction_uniform"), ga.load(f"online_auction_{name}")
    assert variant.market.mechanism == name
    same = {"mechanism", "mechanism_options"}
    assert variant.market.model_dump(exclude=same) == uniform.market.model_dump(exclude=same)
    parts = {"market", "name", "description"}
    assert variant.model_dump(exclude=parts) == uniform.model_dump(exclude=parts)


@pytest.mark.compiled
def test_who_has_the_money():
    """One day of a small town: pay-as-bid trades what the uniform price trades, and the platform keeps far more of it.

    No variant makes more than all possible gains, and all books close.
    """
    small = {"time.days": 1, "households.count": 60}
    weeks = {name: ga.run(ga.load(f"online_auction_{name}", small)) for name in ["uniform", *VARIANTS]}
    platform = {name: week["profit"].set_index("party").loc["platform", "result"] for name, week in weeks.items()}
    volume = {name: week.kpis.loc["auction_volume", "value"] for name, week in weeks.items()}
    assert volume["pay_as_bid"] == pytest.approx(volume["uniform"], rel=1e-5)
    assert platform["pay_as_bid"] > 2 * platform["uniform"]
    assert 0 < volume["mcafee"] < volume["uniform"]
    for week in weeks.values():
        assert week["profit"]["result"].sum() == pytest.approx(0, abs=1e-6)
        assert 0 < week.kpis.loc["auction_efficiency", "value"] <= 1 + 1e-9
