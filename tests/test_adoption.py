"""Four models of adoption, and Bass's closed form (A1.7)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from gridagora.agents.adoption import (
    DIFFUSION,
    Bass,
    NpvLogit,
    PaybackShare,
    Prospect,
    Threshold,
    adopt,
    bass_peak,
    bass_share,
)
from gridagora.agents.social_graph import small_world
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.streams import Streams

DRAWS = Draws(42, "households")
MODELS = [Bass(), Threshold(), NpvLogit(), PaybackShare()]
FAST = settings(max_examples=40, deadline=None)


def simulate(model, n, steps, years, seed=42, payback=np.inf):
    """Return the adopted share after each step; everybody sees everybody."""
    member, draws, adopted, shares = np.arange(n), Draws(seed, "households"), np.zeros(n, bool), []
    for step in range(steps):
        adopted = adopt(model, Prospect(member, draws, adopted.mean(), years=years, payback=payback), adopted, step)
        shares.append(adopted.mean())
    return np.array(shares)


def test_closed_form():
    """O39: F(1), F(5), F(10), F(20) = 0.035758, 0.331199, 0.812803, 0.996259 at p = 0.03, q = 0.38."""
    found = bass_share([0, 1, 5, 10, 20], 0.03, 0.38)
    assert found == pytest.approx([0, 0.035758, 0.331199, 0.812803, 0.996259], abs=5e-7)


def test_closed_form_from_a_start():
    """From the share that it has after three years, the closed form goes on as it would have."""
    for years, p, q in ((0.0, 0.03, 0.38), (3.0, 0.03, 0.38), (3.0, 0.1, 0.0)):
        start = float(bass_share(years, p, q))
        assert bass_share([0, 2, 9], p, q, start) == pytest.approx(bass_share([years, years + 2, years + 9], p, q))
    assert bass_share(5.0, 0.03, 0.38, 1.0) == 1.0


def test_peak():
    """O39: most adopt at 6.1926 years, at a share of 0.460526 and a rate of 0.110592; at once if p exceeds q."""
    peak = bass_peak(0.03, 0.38)
    assert (peak.time, peak.share, peak.rate) == pytest.approx((6.1926, 0.460526, 0.110592), abs=5e-5)
    assert bass_share(peak.time, 0.03, 0.38) == pytest.approx(peak.share, abs=1e-12)
    assert bass_peak(0.03, 0.02) == bass_peak(0.03, 0.0)
    assert bass_peak(0.03, 0.0).rate == 0.03


def test_closed_form_solves_the_equation():
    """O39: dF/dt = (p + q F)(1 - F), integrated, agrees within 1e-4 at all times."""
    times = np.linspace(0, 25, 101)
    path = solve_ivp(lambda _, f: (0.03 + 0.38 * f) * (1 - f), (0, 25), [0.0], t_eval=times, rtol=1e-8, atol=1e-10)
    assert path.y[0] == pytest.approx(bass_share(times, 0.03, 0.38), abs=1e-4)


@pytest.mark.compiled
def test_agents_follow_the_closed_form():
    """O39: the share of 100,000 agents lies within 1 % of all members at 1, 5 and 10 years, and of itself at 10."""
    shares = simulate(Bass(), 100_000, 200, 1 / 20)
    exact = bass_share([1, 5, 10], 0.03, 0.38)
    assert shares[[19, 99, 199]] == pytest.approx(exact, abs=0.01)
    assert shares[199] == pytest.approx(exact[2], rel=0.01)


@pytest.mark.slow
@pytest.mark.compiled
def test_agents_on_average():
    """O39: at 1 and 5 years single runs scatter by more than 1 % of the share; the mean of 12 keeps within."""
    shares = np.mean([simulate(Bass(), 100_000, 250, 1 / 50, seed) for seed in range(12)], axis=0)
    assert shares[[49, 249]] == pytest.approx(bass_share([1, 5], 0.03, 0.38), rel=0.01)


def test_few_agents_follow_the_mean():
    """2,000 agents in yearly steps follow F' = F + (1 - F)(1 - exp(-(p + q F))) within four standard errors."""
    shares, mean = simulate(Bass(), 2000, 12, 1.0), [0.0]
    for _ in range(12):
        mean.append(mean[-1] + (1 - mean[-1]) * -np.expm1(-(0.03 + 0.38 * mean[-1])))
    assert shares == pytest.approx(mean[1:], abs=4 * 0.5 / np.sqrt(2000))


def test_long_steps_lag():
    """The expected share at five years is 21 % below the closed form in yearly steps, 2 % in monthly ones."""
    for steps, lag in ((1, -0.2117), (12, -0.0212)):
        share = 0.0
        for _ in range(5 * steps):
            seen = Prospect(np.arange(1), DRAWS, share, years=1 / steps)
            share += (1 - share) * Bass().chance(seen)[0]
        assert share / bass_share(5, 0.03, 0.38) - 1 == pytest.approx(lag, abs=1e-4)


def test_published_coefficients():
    """O40: rooftop photovoltaics in India by analogy with solar water heaters, p = 0.00105, q = 0.12219."""
    found = DIFFUSION["rooftop_pv_india"]
    assert (found.model.innovation, found.model.imitation, found.verified) == (0.00105, 0.12219, True)
    assert not DIFFUSION["mean"].verified


def test_one_uniform_crowd_stops_where_granovetter_says():
    """Thresholds all at 0.25 with nobody started move nobody; with a quarter started, all."""
    member = np.arange(100)
    model = Threshold(0.25, 0.0)
    for started, after in ((0.24, 0.24), (0.25, 1.0)):
        adopted = member < 100 * started
        assert adopt(model, Prospect(member, DRAWS, adopted.mean()), adopted, 0).mean() == after


def test_thresholds_stay_with_members():
    """Mean and spread are 0.25 and 0.1, and asking later or elsewhere gives the same."""
    model, whole = Threshold(), Prospect(np.arange(5_000), DRAWS, 0.0)
    found = model.thresholds(whole)
    assert (found.mean(), found.std()) == pytest.approx((0.25, 0.1), abs=0.006)
    assert (model.thresholds(Prospect(np.array([7, 4_999]), DRAWS, 0.5)) == found[[7, 4_999]]).all()
    assert (model.thresholds(Prospect(np.arange(5_000), DRAWS, 0.0, "storage")) != found).mean() > 0.99


def test_npv_logit_by_hand():
    """Half consider it (hazard ln 2); of those logistic(-2 + 3 x 0.5 + 2 x 0.2 + 1 x 0.1) = 1/2 adopts."""
    model = NpvLogit(hazard=np.log(2))
    chance = model.chance(Prospect(np.arange(1), DRAWS, 0.2, worth=0.5, green=0.1))
    assert chance == pytest.approx([0.25], abs=1e-12)


def test_payback_bounds_the_share():
    """At 4 years exp(-1.2) = 0.301 would adopt, ever; all of those do in time; never paid back, nobody."""
    model = PaybackShare(innovation=0.5)
    assert model.most([4.0, np.inf]) == pytest.approx([np.exp(-1.2), 0.0], abs=1e-12)
    assert simulate(model, 1500, 20, 1.0, payback=4.0)[-1] == pytest.approx(np.exp(-1.2), abs=0.04)
    assert simulate(model, 100, 40, 1.0)[-1] == 0


def test_a_longer_payback_keeps_who_has_adopted():
    """Adopters beyond the new largest share stay; imitation among who still accepts goes at full speed, not beyond."""
    member, adopted = np.arange(1000), np.arange(1000) % 10 < 9
    prospect = Prospect(member, DRAWS, 0.9, payback=10.0)
    chance = PaybackShare().chance(prospect)
    assert chance.max() == pytest.approx(-np.expm1(-0.41), abs=1e-12)
    assert (adopt(PaybackShare(), prospect, adopted, 0) >= adopted).all()


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
@FAST
@given(share=st.floats(0, 1), worth=st.floats(-3, 3), payback=st.floats(0, 40), step=st.integers(0, 50))
def test_laws_of_all_models(model, share, worth, payback, step):
    """Nobody un-adopts, chances are probabilities, blocks change nothing, and more neighbours never mean less."""
    member = np.arange(40)
    adopted = member % 5 == 0

    def seen(members, at):
        return Prospect(members, DRAWS, at, worth=worth, payback=payback)

    after = adopt(model, seen(member, share), adopted, step)
    chance = model.chance(seen(member, share))
    assert (after >= adopted).all()
    assert ((chance >= 0) & (chance <= 1)).all()
    parts = [adopt(model, seen(member[i], share), adopted[i], step) for i in (slice(0, 13), slice(13, 40))]
    assert (np.concatenate(parts) == after).all()
    assert (model.chance(seen(member, (1 + share) / 2)) >= chance - 1e-15).all()


def test_neighbours_spread_a_technology():
    """On a small world adoption is monotone in time, and shares of neighbours count."""
    graph, member, adopted = small_world(400, Streams(42), "h"), np.arange(400), np.arange(400) < 20
    counts = [20]
    for step in range(6):
        adopted = adopt(Threshold(), Prospect(member, DRAWS, graph.share(adopted)), adopted, step)
        counts.append(int(adopted.sum()))
    assert counts == sorted(counts)
    assert counts[-1] > 40


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Bass(innovation=-0.1), "innovation: given -0.1"),
        (lambda: Bass(imitation=np.nan), "imitation: given nan"),
        (lambda: Threshold(spread=-1), "spread: given -1"),
        (lambda: NpvLogit(hazard=-1), "hazard: given -1"),
        (lambda: NpvLogit(green=np.inf), "green: given inf"),
        (lambda: PaybackShare(sensitivity=0), "sensitivity: given 0"),
        (lambda: Prospect(np.arange(2), DRAWS, 0.5, years=0), "years: given 0"),
        (lambda: Bass().chance(Prospect(np.arange(2), DRAWS, 1.5)), "share: given 1.5"),
        (lambda: NpvLogit().chance(Prospect(np.arange(2), DRAWS, 0.5, worth=[np.nan, 1])), "worth: given nan"),
        (lambda: PaybackShare().chance(Prospect(np.arange(2), DRAWS, 0.5, payback=-1)), "payback: given a number"),
        (lambda: bass_share(1, 0, 0.38), "innovation: given 0"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
