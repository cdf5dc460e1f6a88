import numpy as np
import pytest

from gridagora.markets.storage import Storage, StorageFleet


def fleet():
    """Return two storages of 10 and 4 kWh, 5 and 2 kWh a period, 0.8 and 1.0 efficient, half full."""
    return StorageFleet([Storage("a", 5.0, 10.0, 0.8), Storage("b", 2.0, 4.0, 1.0)])


def quanta(*kwh):
    """Return energies in quanta."""
    return np.array([round(1e6 * value) for value in kwh])


def test_a_fleet_starts_half_full():
    """Powers and energies are whole quanta; 5 and 2 kWh are held at first."""
    storages = fleet()
    assert (len(storages), storages.names) == (2, ("a", "b"))
    assert storages.power.tolist() == [5_000_000, 2_000_000]
    assert storages.stored.tolist() == [5e6, 2e6]
    assert len(StorageFleet(())) == 0


def test_schedules_are_followed_where_the_area_can():
    """5 kWh charged at 0.8 add 4; 2 discharged take 2."""
    storages = fleet()
    charged, discharged = storages.follow(quanta(5, 0), quanta(0, 2), 8e6, 20_000_000)
    assert charged.tolist() == [5_000_000, 0]
    assert discharged.tolist() == [0, 2_000_000]
    assert storages.stored.tolist() == [9e6, 0.0]


def test_charging_stops_before_load_is_shed():
    """A need of 9 kWh and 5 of charging on plants of 10: charging falls to 1, less a few quanta of rounding."""
    storages = fleet()
    charged, _ = storages.follow(quanta(3, 2), quanta(0, 0), 9e6, 10_000_000)
    assert charged.tolist() == [0, 999_996]
    assert storages.stored.tolist() == [5e6, 2_999_996.0]


def test_discharging_stops_before_generation_is_curtailed():
    """Where members need 3 kWh only, 5 scheduled ones are cut to 3; where they inject themselves, to none."""
    storages = fleet()
    _, discharged = storages.follow(quanta(0, 0), quanta(3, 2), 3e6, 10_000_000)
    assert discharged.tolist() == [999_996, 2_000_000]
    _, discharged = storages.follow(quanta(0, 0), quanta(3, 0), -1e6, 10_000_000)
    assert discharged.tolist() == [0, 0]


def test_no_storage_takes_or_gives_more_than_it_can():
    """After cuts, a plan may ask for more than there is room for, or than is held: it is met as far as it goes."""
    storages = fleet()
    storages.stored = np.array([9e6, 0.5e6])
    charged, discharged = storages.follow(quanta(5, 0), quanta(0, 2), 5e6, 50_000_000)
    assert charged.tolist() == [1_250_000, 0]
    assert discharged.tolist() == [0, 500_000]
    assert storages.stored.tolist() == [10e6, 0.0]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0.0, 1.0, 0.9), "storage x: power_kwh 0.0; must be above 0 and finite"),
        ((1.0, np.inf, 0.9), "storage x: energy_kwh inf; must be above 0 and finite"),
        ((1.0, 1.0, 1.1), "storage x: efficiency 1.1; must be above 0 and at most 1"),
        ((1.0, 0.001, 1.0), "storage x: energy_kwh 0.001; must be at least 0.01 kWh"),
    ],
)
def test_bad_storages_are_refused(numbers, message):
    """The message names the storage, the value and what is allowed."""
    with pytest.raises(ValueError, match=message):
        Storage("x", *numbers)
