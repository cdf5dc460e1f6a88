"""Parts that any tariff may have besides its prices, as lines of a member's bill."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from gridagora.markets.tariffs.demand_charge import CapacityCharge
from gridagora.markets.tariffs.lines import Line, money, weights
from gridagora.markets.tariffs.reliability import ServiceClass

if TYPE_CHECKING:
    from gridagora.markets.tariffs.tariff import Tariff


class ContractedCapacity(CapacityCharge):
    """A price on contracted capacity, which every member sets by its own mean power."""

    contracted_to_mean: float = Field(default=6.0, gt=0, le=1000)
    """Contracted capacity of a member [kVA] over its mean power over a year [kW] (ill)."""


class Service(ServiceClass):
    """A class of priority service; the lowest reliability is shed first."""

    subscribed_to_mean: float = Field(default=3.0, gt=0, le=1000)
    """Power that a member subscribes over its mean power over a year [1] (ill)."""
    compensation_per_kwh: float = Field(default=0.0, ge=0)
    """Refund of energy not served [currency/kWh]; the worth of lost load is 5 for homes, 20 to 50 for firms (ill)."""


def part_lines(tariff: Tariff) -> list[Line]:
    """Return the lines of a tariff's parts; registers of power count 1e-6 kW.

    Parameters
    ----------
    tariff : Tariff
        With its parts.
    """
    n = len(tariff.classes)
    return [*_block_lines(tariff, n), *_power_lines(tariff, n), *_package_lines(tariff, n), *_event_lines(tariff, n)]


def _supply(name: str, n: int, price: float, registers: dict[str, float]) -> Line:
    return Line(name, "retail", "supplier", weights(n), price, money(), registers=registers)


def _power(name: str, n: int, price: float, registers: dict[str, float], unit: str = "kW month") -> Line:
    return Line(
        name, "network", "grid_company", weights(n), price, money(), unit=unit, registers=registers, monthly=True
    )


def _block_lines(tariff: Tariff, n: int) -> list[Line]:
    if tariff.blocks is None:
        return []
    blocks = tariff.blocks
    names = ["free quota", *(f"block {number + 1}" for number in range(len(blocks.prices_per_kwh)))]
    edges = [0.0, blocks.free_kwh, *blocks.limits_kwh, math.inf]
    registers = {"included": 1.0} if tariff.package is not None else {}
    in_year = blocks.accumulate == "year"
    return [
        Line(
            *(name, "retail", "supplier", weights(n, "retail"), price, money()),
            registers=registers,
            low=low,
            high=high,
            in_year=in_year,
        )
        for name, price, low, high in zip(names, [0.0, *blocks.prices_per_kwh], edges, edges[1:], strict=False)
        if high > low
    ]


def _power_lines(tariff: Tariff, n: int) -> list[Line]:
    lines = []
    if tariff.demand is not None:
        own = tariff.demand.basis == "own_peak"
        name, register = ("own peak", "peak") if own else ("coincident peak", "coincident")
        lines.append(_power(name, n, tariff.demand.price_per_kw_month, {register: 1.0}))
    if tariff.capacity is not None:
        terms, price = tariff.capacity, tariff.capacity.price_per_kva_month
        lines.append(_power("contracted capacity", n, price, {"contracted": 1.0}, "kVA month"))
        excess = {"peak": 1.0 / terms.power_factor, "contracted": -1.0}
        lines.append(_power("capacity beyond the contract", n, price * terms.excess_factor, excess, "kVA month"))
    if tariff.service is not None:
        name = f"service at a reliability of {tariff.service.reliability:g}"
        line = _power(name, n, tariff.service.charge_per_kw, {"subscribed": 1.0})
        lines.append(replace(line, account="reliability", counterparty="supplier"))
    return lines


def _package_lines(tariff: Tariff, n: int) -> list[Line]:
    if tariff.package is None:
        return []
    terms, included = tariff.package, {"included": 1.0}
    lines = [
        Line("package fee", "retail", "supplier", weights(n), 0.0, money(), per_month=terms.fee_per_month),
        _supply("included energy", n, 0.0, included),
    ]
    if terms.green_share:
        # The share is in the quantity: what is certified is energy.
        share, weight = terms.green_share, weights(n, "retail") * terms.green_share
        green = Line("green energy", "retail", "supplier", weight, terms.green_per_kwh, money())
        lines.append(replace(green, registers={"included": share}))
    return lines


def _event_lines(tariff: Tariff, n: int) -> list[Line]:
    lines = []
    if tariff.service is not None and tariff.service.compensation_per_kwh:
        refund = _supply("energy not served", n, -tariff.service.compensation_per_kwh, {"unserved": 1.0})
        lines.append(replace(refund, account="reliability"))
    if tariff.rebate is not None:
        lines.append(_supply("rebate", n, -tariff.rebate.rebate_per_kwh, {"rebated": 1.0}))
    return lines
