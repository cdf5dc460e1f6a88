"""Tariffs: what a member pays the supplier, the grid company and the government."""

from gridagora.markets.tariffs.announced import DynamicTimeOfUse
from gridagora.markets.tariffs.flat import Flat
from gridagora.markets.tariffs.lines import BillLine
from gridagora.markets.tariffs.offers import Offer, offers_of
from gridagora.markets.tariffs.pool_price import RealTimePrices
from gridagora.markets.tariffs.seasonal import CriticalPeak, SeasonalTimeOfUse
from gridagora.markets.tariffs.tariff import Tariff
from gridagora.markets.tariffs.time_of_use import TimeOfUse

TARIFFS: dict[str, type[Tariff]] = {
    "flat": Flat,
    "time_of_use": TimeOfUse,
    "seasonal_time_of_use": SeasonalTimeOfUse,
    "critical_peak": CriticalPeak,
    "dynamic_time_of_use": DynamicTimeOfUse,
    "real_time": RealTimePrices,
}

__all__ = [
    "TARIFFS",
    "BillLine",
    "CriticalPeak",
    "DynamicTimeOfUse",
    "Flat",
    "Offer",
    "RealTimePrices",
    "SeasonalTimeOfUse",
    "Tariff",
    "TimeOfUse",
    "offers_of",
]
