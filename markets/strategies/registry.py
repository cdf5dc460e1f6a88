"""Bidding strategies by name."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from pydantic import ValidationError

from gridagora.markets.strategies.gjerstad_dickhaut import GjerstadDickhaut
from gridagora.markets.strategies.newsvendor import NewsvendorQuantity
from gridagora.markets.strategies.q_learning import QLearning
from gridagora.markets.strategies.roth_erev import RothErev
from gridagora.markets.strategies.strategy import Strategy
from gridagora.markets.strategies.zero_intelligence import (
    Truthful,
    ZeroIntelligenceConstrained,
    ZeroIntelligenceUnconstrained,
)
from gridagora.markets.strategies.zip import Zip
from gridagora.sim.plugin import resolve, unknown

STRATEGIES: dict[str, Callable[..., Strategy]] = {
    "truthful": Truthful,
    "zi_unconstrained": ZeroIntelligenceUnconstrained,
    "zi_constrained": ZeroIntelligenceConstrained,
    "zip": Zip,
    "gjerstad_dickhaut": GjerstadDickhaut,
    "roth_erev": RothErev,
    "q_learning": QLearning,
    "newsvendor": NewsvendorQuantity,
}


def strategy(name: str, **options: Any) -> Strategy:
    """Return a bidding strategy.

    Parameters
    ----------
    name : str
        A name of `STRATEGIES`; its class states the rules.
    **options
        Options of the strategy, such as ``variant="original"``.

    Raises
    ------
    ValueError
        If the name, an option or its value is not allowed; the message lists the choices.

    Examples
    --------
    >>> strategy("roth_erev", actions=20).actions
    20
    >>> strategy("roth_ervet")
    Traceback (most recent call last):
    ValueError: unknown strategy 'roth_ervet'; choose one of: gjerstad_dickhaut, newsvendor, q_learning, roth_erev, \
truthful, zi_constrained, zi_unconstrained, zip; nearest 'roth_erev'
    """
    chosen = resolve("strategy", name, STRATEGIES)
    allowed = signature(chosen).parameters
    for option in options:
        if option not in allowed:
            raise ValueError(unknown(f"option of {name}", option, allowed))
    try:
        return chosen(**options)
    except ValidationError as error:
        listed = (f"{'.'.join(map(str, p['loc']))}: given {p['input']!r}; {p['msg']}" for p in error.errors())
        raise ValueError(f"{name}: {'; '.join(listed)}") from None
