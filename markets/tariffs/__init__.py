"""Tariffs: what a member pays the supplier, the grid company and the government."""

from gridagora.markets.tariffs.flat import Flat
from gridagora.markets.tariffs.tariff import BillLine, Tariff
from gridagora.markets.tariffs.time_of_use import TimeOfUse

TARIFFS: dict[str, type[Tariff]] = {"flat": Flat, "time_of_use": TimeOfUse}

__all__ = ["TARIFFS", "BillLine", "Flat", "Tariff", "TimeOfUse"]
