"""Tariffs: prices, price classes and explained bills."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.markets.tariffs import TARIFFS, Flat, TimeOfUse
from gridagora.markets.tariffs.lines import Line, Period, explain, money, weights
from gridagora.markets.tariffs.windows import cover, minutes

DAY_NIGHT = {"day": ["08:00-20:00"], "night": ["20:00-08:00"]}
PRICES = {"day": 0.5, "night": 0.2}


def tou(**changed):
    """Return a tariff with a day price of 0.5 from 08:00 to 20:00 and a night price of 0.2."""
    return TimeOfUse(**{"energy_per_kwh": PRICES, "windows": DAY_NIGHT, **changed})


def amounts(bill):
    """Return amounts by line."""
    return {line.line: line.amount for line in bill}


def test_registry():
    """Scenarios name tariffs by their kind."""
    names = {"flat", "time_of_use", "seasonal_time_of_use", "critical_peak", "dynamic_time_of_use", "real_time"}
    assert {name: tariff.model_fields["kind"].default for name, tariff in TARIFFS.items()} == {n: n for n in names}


def test_flat_bill_by_hand():
    """100 kWh and 30 days: 35.3 energy, 6 standing charge, 17 network and 2.7 levy, 61 in sum (B1)."""
    bill = Flat(standing_per_day=0.2).bill([100.0], 30)
    assert amounts(bill) == pytest.approx({"energy all day": 35.3, "standing charge": 6, "network": 17, "levy": 2.7})
    assert [(line.account, line.unit, line.quantity, line.price) for line in bill] == [
        ("retail", "kWh", pytest.approx(100.0), 0.353),
        ("retail", "day", 30.0, 0.2),
        ("network", "kWh", pytest.approx(100.0), 0.17),
        ("levy", "kWh", pytest.approx(100.0), 0.027),
    ]


def test_flat_prices():
    """Energy 0.353, retail 0.55 in every period; the reference is the price itself."""
    flat = Flat()
    assert flat.classes == ("all day",)
    assert (flat.class_of_period("sunday", 4) == 0).all()
    assert flat.energy_price("workday", 3) == pytest.approx([0.353] * 3)
    assert flat.retail_price("workday", 3) == pytest.approx([0.55] * 3)
    assert flat.reference_price(4) == pytest.approx(0.55)
    assert Flat(reference_per_kwh=0.4).reference_price(4) == 0.4


def test_time_of_use_bill_by_hand():
    """60 kWh by day at 0.5 and 40 at night at 0.2: 30 and 8, 17 network, 2.7 levy; a charge of 0 is no line (B3)."""
    bill = tou().bill([60.0, 40.0], 30)
    assert amounts(bill) == pytest.approx({"energy day": 30, "energy night": 8, "network": 17, "levy": 2.7})


def test_time_of_use_prices():
    """In six-hour periods a window from 06:00 to 18:00 holds the second and third; retail adds 0.197."""
    tariff = tou(windows={"day": ["06:00-18:00"], "night": ["18:00-06:00"]})
    assert tariff.classes == ("day", "night")
    assert tariff.class_of_period("workday", 4).tolist() == [1, 0, 0, 1]
    assert tariff.energy_price("workday", 4) == pytest.approx([0.2, 0.5, 0.5, 0.2])
    assert tariff.retail_price("workday", 4) == pytest.approx([0.397, 0.697, 0.697, 0.397])
    assert tariff.reference_price(4) == pytest.approx(0.547)


def test_weekends_have_their_own_windows():
    """On Saturdays and Sundays all is night; without weekend windows the week's hold."""
    tariff = tou(weekend_windows={"night": ["00:00-24:00"]})
    assert tariff.class_of_period("workday", 24).sum() == 12
    assert (tariff.class_of_period("saturday", 24) == 1).all()
    assert (tariff.class_of_period("sunday", 24) == 1).all()
    assert tou().class_of_period("sunday", 24).tolist() == tou().class_of_period("workday", 24).tolist()


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("00:00-00:15", [0, 5, 10]),
        ("23:50-00:05", [1430, 1435, 0]),
        ("23:55-24:00", [1435]),
        ("23:55-00:00", [1435]),
        ("9:00-09:05", [540]),
    ],
)
def test_minutes_of_a_window(window, expected):
    """A window covers its 5-minute steps, over midnight where the end is not after the start."""
    assert minutes(window) == expected


@pytest.mark.parametrize("window", ["00:00-24:00", "00:00-00:00", "07:35-07:35"])
def test_a_whole_day(window):
    """Equal ends make a day."""
    assert sorted(minutes(window)) == list(range(0, 1440, 5))


@pytest.mark.parametrize("window", ["8-22", "08:00", "25:00-26:00", "08:60-09:00", "08:00-22:00 ", "", "08:00–22:00"])
def test_a_text_that_is_no_window(window):
    """The message shows the text and the form."""
    with pytest.raises(ValueError, match=r"is not of the form 'HH:MM-HH:MM', such as '08:00-22:00'$") as caught:
        minutes(window)
    assert repr(window) in str(caught.value)


@pytest.mark.parametrize("window", ["24:00-06:00", "08:00-24:05", "08:01-09:00", "08:00-09:03", "24:30-01:00"])
def test_a_window_off_the_day_or_the_step(window):
    """Windows lie within the day, on steps of 5 minutes."""
    text = f"^window '{window}' must start before 24:00, end by 24:00 and lie on 5-minute steps$"
    with pytest.raises(ValueError, match=text):
        minutes(window)


def test_windows_over_midnight_and_in_parts():
    """Night from 22:00 to 06:00, morning and evening peaks and the rest cover the day."""
    owner = cover(
        {
            "night": ["22:00-06:00"],
            "peak": ["08:00-10:00", "18:00-20:00"],
            "flat": ["06:00-08:00", "10:00-18:00", "20:00-22:00"],
        },
        ("peak", "flat", "night"),
    )
    hours = owner.reshape(24, 12)
    assert (hours == hours[:, :1]).all()
    assert hours[:, 0].tolist() == [2] * 6 + [1] * 2 + [0] * 2 + [1] * 8 + [0] * 2 + [1] * 2 + [2] * 2


def test_a_gap_is_refused():
    """The message names the first minute that belongs to no class."""
    text = "windows leave a gap at 20:00; each minute of the day belongs to one class"
    with pytest.raises(ValueError, match=f"^{text}$"):
        cover({"day": ["08:00-20:00"], "night": ["20:05-08:00"]}, ("day", "night"))
    with pytest.raises(ValidationError, match=text):
        tou(windows={"day": ["08:00-20:00"], "night": ["20:05-08:00"]})


def test_an_overlap_is_refused():
    """The message names the minute and both classes."""
    text = "windows overlap at 19:55: 'day' and 'night'; each minute of the day belongs to one class"
    with pytest.raises(ValueError, match=f"^{text}$"):
        cover({"day": ["08:00-20:00"], "night": ["19:55-08:00"]}, ("day", "night"))
    with pytest.raises(ValidationError, match=text):
        tou(weekend_windows={"day": ["08:00-20:00"], "night": ["19:55-08:00"]})


def test_a_class_that_overlaps_itself_is_refused():
    """Two windows of one class may not overlap either."""
    with pytest.raises(ValueError, match=r"^windows overlap at 23:00: 'day' and 'day'"):
        cover({"day": ["00:00-24:00", "23:00-01:00"]}, ("day",))


def test_an_unknown_class_is_refused():
    """The message lists the classes that have a price."""
    text = "window of 'evening': no such price class; energy_per_kwh names day, night"
    with pytest.raises(ValueError, match=f"^{text}$"):
        cover({"evening": ["00:00-24:00"]}, ("day", "night"))
    with pytest.raises(ValidationError, match=text):
        tou(windows={"evening": ["00:00-24:00"]})


@pytest.mark.parametrize(
    ("window", "periods", "at", "length"),
    [("08:30-20:00", 24, "08:00", 60), ("08:10-20:00", 96, "08:00", 15), ("08:00-20:20", 48, "20:00", 30)],
)
def test_a_change_within_a_settlement_period_is_refused(window, periods, at, length):
    """The message names the period, its length and both remedies."""
    start, end = window.split("-")
    tariff = tou(windows={"day": [window], "night": [f"{end}-{start}"]})
    text = (
        f"^a time-of-use window changes within the settlement period at {at} of {length} minutes; move the window or "
        "choose shorter settlement periods$"
    )
    with pytest.raises(ValueError, match=text):
        tariff.class_of_period("workday", periods)
    assert tariff.class_of_period("workday", 288).shape == (288,)


def test_a_negative_price_is_refused():
    """The message names the class; other prices are refused by their field."""
    with pytest.raises(ValidationError, match="energy_per_kwh of 'night' is negative; allowed at least 0"):
        tou(energy_per_kwh={"day": 0.5, "night": -0.1})
    for name in ("energy_per_kwh", "network_per_kwh", "levy_per_kwh", "standing_per_day"):
        with pytest.raises(ValidationError, match=name):
            Flat(**{name: -0.1})
    with pytest.raises(ValidationError, match="reference_per_kwh"):
        Flat(reference_per_kwh=0.0)


def test_lines_go_to_who_earns_them():
    """Energy and standing charge to the supplier, network and wheeling to the grid company, levy to the government."""
    lines = {line.name: line for line in tou(standing_per_day=0.1).lines(0.08)}
    assert {name: (line.counterparty, line.account) for name, line in lines.items()} == {
        "energy day": ("supplier", "retail"),
        "energy night": ("supplier", "retail"),
        "standing charge": ("supplier", "retail"),
        "network": ("grid_company", "network"),
        "wheeling": ("grid_company", "network"),
        "levy": ("government", "levy"),
    }
    # Columns: day, night, fed in, bought, sold, overbought, undelivered; used is bought less overbought.
    assert lines["energy night"].quantity.tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert lines["network"].quantity.tolist() == [1, 1, 0, 0, 0, 0, 0]
    assert lines["wheeling"].quantity.tolist() == [0, 0, 0, 1, 0, -1, 0]
    assert lines["levy"].quantity.tolist() == [1, 1, 0, 1, 0, -1, 0]
    prices = {name: (line.price, line.per_day) for name, line in lines.items()}
    assert prices["energy day"] == (0.5, 0.0)
    assert prices["wheeling"] == (0.08, 0.0)
    assert prices["standing charge"] == (0.0, 0.1)
    assert not any(line.money.any() for line in lines.values())


def test_weights_and_money_columns():
    """Columns are chosen by class number or name."""
    assert weights(2).tolist() == [0] * 7
    assert weights(2, 1, "fed_in", "undelivered").tolist() == [0, 1, 1, 0, 0, 0, 1]
    assert weights(2, "retail", "sold").tolist() == [1, 1, 0, 0, 1, 0, 0]
    assert money().tolist() == [0, 0, 0, 0]
    assert money("earned", -1.0).tolist() == [0, -1, 0, 0]
    assert money("long").tolist() == [0, 0, 0, 1]


def test_explained_lines_are_rounded_once():
    """Two classes of one quantum at 0.25 make 0.5 on one line, which rounds to even: 0; three make 0.75, so 1."""
    line = Line("network", "network", "grid_company", weights(2, "retail"), 0.25, money())
    assert explain([line], np.array([1, 1, 0, 0, 0, 0, 0]), np.zeros(4), Period(1))[0].amount == 0.0
    assert explain([line], np.array([1, 2, 0, 0, 0, 0, 0]), np.zeros(4), Period(1))[0].amount == pytest.approx(1e-6)


def test_a_money_line_shows_its_mean_price_and_one_without_quantity_none():
    """0.9 paid for 2 kWh is 0.45 a kWh; an amount without quantity has no price, and nothing at all no line."""
    bought = Line("bought online", "auction", "auctioneer", weights(1, "bought"), 0.0, money("paid"))
    short = Line("short", "imbalance", "grid_company", weights(1), 0.0, money("short"))
    energy, sums = np.array([0, 0, 2_000_000, 0, 0, 0]), np.array([900_000.0, 0.0, 30_000.0, 0.0])
    first, second = explain([bought, short], energy, sums, Period(1))
    assert (first.quantity, first.unit, first.price, first.amount) == pytest.approx((2.0, "kWh", 0.45, 0.9))
    assert (second.quantity, second.amount) == pytest.approx((0.0, 0.03))
    assert np.isnan(second.price)
    assert explain([bought, short], np.zeros(6, np.int64), np.zeros(4), Period(9)) == []


@settings(deadline=None)
@given(
    st.floats(0, 2),
    st.floats(0, 2),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 5),
    st.floats(0, 1e5),
    st.floats(0, 1e5),
    st.integers(0, 366),
)
def test_bill_lines_sum_to_the_bill(day, night, network, levy, standing, kwh_day, kwh_night, days):
    """The lines add up to fixed part plus price times energy, each within half a micro-unit."""
    tariff = tou(
        energy_per_kwh={"day": day, "night": night},
        network_per_kwh=network,
        levy_per_kwh=levy,
        standing_per_day=standing,
    )
    q_day, q_night = round(kwh_day * 1e6) / 1e6, round(kwh_night * 1e6) / 1e6
    total = day * q_day + night * q_night + (network + levy) * (q_day + q_night) + standing * days
    bill = tariff.bill([kwh_day, kwh_night], days)
    assert sum(line.amount for line in bill) == pytest.approx(total, rel=1e-12, abs=2.6e-6)
    for line in bill:
        assert line.amount == round(line.amount * 1e6) / 1e6
        assert line.quantity * line.price == pytest.approx(line.amount, rel=1e-12, abs=0.6e-6)


EDGES = st.lists(st.integers(0, 95), min_size=2, max_size=5, unique=True).map(sorted)


@settings(deadline=None)
@given(EDGES, st.data())
def test_any_cut_of_the_day_is_covered_once(edges, data):
    """Windows between ordered quarter hours, the last one over midnight, give each quarter hour its class."""

    def clock(quarter):
        return f"{quarter // 4:02d}:{quarter % 4 * 15:02d}"

    owners = data.draw(st.lists(st.sampled_from(["day", "night"]), min_size=len(edges), max_size=len(edges)))
    windows = {"day": [], "night": []}
    expected = np.zeros(96, int)
    for start, end, owner in zip(edges, [*edges[1:], edges[0]], owners, strict=True):
        windows[owner].append(f"{clock(start)}-{clock(end)}")
        inside = np.arange(start, end if end > start else end + 96) % 96
        expected[inside] = ["day", "night"].index(owner)
    assert tou(windows=windows).class_of_period("workday", 96).tolist() == expected.tolist()
