"""Banks, insurers, vendors and companies: with whom business models deal (model.md A9)."""

from __future__ import annotations

from gridagora.agents.institution import Institution


class Bank(Institution):
    """Lends to providers and customers, and is paid back by annuities."""


class Insurer(Institution):
    """Takes premiums and pays claims."""


class Vendor(Institution):
    """Sells equipment and pays outside for what it is made of; its prices follow what it has sold (O55)."""


class Company(Institution):
    """Provider of business models that is no party of the markets, such as an energy service company."""
