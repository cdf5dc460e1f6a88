"""What every tariff must keep, as tests that a user's own tariff inherits.

from gridagora.scenarios.testing import TariffContract

class TestMine(TariffContract):
    tariff = MyTariff()
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gridagora.markets.tariffs import Tariff

DAY_TYPES = ("workday", "saturday", "sunday")
PERIODS = (24, 48, 96, 288)


class TariffContract:
    """Tests of a tariff; give an object of it.

    Attributes
    ----------
    tariff : Tariff
        The tariff with some values of its keys.
    """

    tariff: ClassVar[Tariff]

    def test_every_period_has_a_class(self) -> None:
        """Each settlement period of each sort of day has one of the price classes."""
        for day_type in DAY_TYPES:
            for periods in PERIODS:
                classes = self.tariff.class_of_period(day_type, periods)
                assert classes.shape == (periods,)
                assert classes.dtype == np.uint8
                assert classes.max() < len(self.tariff.classes)

    def test_every_class_has_a_price(self) -> None:
        """Classes have different names, and each a finite price."""
        assert len(set(self.tariff.classes)) == len(self.tariff.classes)
        assert self.tariff.energy_prices.shape == (len(self.tariff.classes),)
        assert np.isfinite(self.tariff.energy_prices).all()

    def test_finer_periods_mean_the_same(self) -> None:
        """Where hours have one class each, so have their quarters: the price of an hour is that of its periods."""
        for day_type in DAY_TYPES:
            fine = self.tariff.energy_price(day_type, 288).reshape(24, 12)
            hours = self.tariff.energy_price(day_type, 24)
            whole = (fine == fine[:, :1]).all(axis=1)
            np.testing.assert_array_equal(hours[whole], fine[whole, 0])

    def test_retail_price_is_the_sum_of_its_parts(self) -> None:
        """One more kWh costs energy, network and levy, as the bill charges them."""
        for day_type in DAY_TYPES:
            parts = self.tariff.energy_price(day_type, 96) + self.tariff.network_per_kwh + self.tariff.levy_per_kwh
            np.testing.assert_allclose(self.tariff.retail_price(day_type, 96), parts, rtol=1e-12)
        assert self.tariff.reference_price(96) > 0

    def test_bill_without_energy(self) -> None:
        """Who uses nothing pays the standing charge alone."""
        bill = self.tariff.bill(np.zeros(len(self.tariff.classes)), 30)
        assert sum(line.amount for line in bill) == round(30 * self.tariff.standing_per_day, 6)

    def test_bill_of_one_kwh(self) -> None:
        """One kWh in a class costs its energy, network and levy; each line is rounded once."""
        for number, price in enumerate(self.tariff.energy_prices):
            bill = self.tariff.bill(np.eye(len(self.tariff.classes))[number], 0)
            expected = price + self.tariff.network_per_kwh + self.tariff.levy_per_kwh
            assert abs(sum(line.amount for line in bill) - expected) <= 0.5e-6 * len(bill) + 1e-12

    def test_it_survives_a_scenario_file(self) -> None:
        """Written into a resolved scenario and read again it is the same tariff."""
        assert type(self.tariff).model_validate(self.tariff.model_dump(mode="json")) == self.tariff
