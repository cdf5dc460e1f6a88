"""What a package has besides its unit prices: a monthly fee with included energy, a term, green energy."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from gridagora.markets.tariffs.lines import BillLine
from gridagora.markets.tariffs.metered import charge_amount, written
from gridagora.sim.plugin import Frozen


class Bundle(Frozen):
    """Monthly fee, included energy, term, exit fee and green share (model.md B8)."""

    fee_per_month: float = Field(default=30.0, ge=0)
    """Fee [currency/month], pro rata by days in the series (ill)."""
    included_kwh: float = Field(default=50.0, ge=0)
    """Energy included each month [kWh], pro rata as the fee is (ill)."""
    term_months: int = Field(default=12, ge=0, le=120)
    """Months that the customer is bound for; 0 for none (ill)."""
    exit_fee: float = Field(default=0.0, ge=0)
    """Due once on leaving within the term [currency] (ill)."""
    green_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the energy covered with green certificates [1] (ill)."""
    green_per_kwh: float = Field(default=0.03, ge=0)
    """Price of green energy on top [currency/kWh] (ill)."""

    @model_validator(mode="after")
    def _bound(self) -> Self:
        if self.exit_fee and not self.term_months:
            raise ValueError(f"exit_fee: given {self.exit_fee:g} without a term; allowed 0, or give term_months")
        return self

    def leave(self, months_served: int) -> list[BillLine]:
        """Return the last line of a customer that leaves after so many months: none once the term is over.

        Raises
        ------
        ValueError
            If the months are negative.
        """
        if months_served < 0:
            raise ValueError(f"months_served: given {months_served}; allowed at least 0")
        early = months_served < self.term_months
        line = f"exit fee after {months_served} of {self.term_months} months"
        return written([charge_amount(line, "retail", float(early), early * self.exit_fee, "fee")])
