"""Own classes and functions that scenarios may name: populations, tariffs, auction mechanisms, metrics.

A scenario file is data: it names a kind, and only what the caller has registered answers to it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import reduce
from importlib import import_module
from inspect import isfunction
from operator import or_
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

T = TypeVar("T")

#: What was registered: sort and name, to module and name of the class or function.
REGISTERED: dict[tuple[str, str], str] = {}


def register(plugin: T, name: str | None = None) -> T:
    """Let scenarios name an own class or function.

    Parameters
    ----------
    plugin : class or function
        * a sub-class of :class:`gridagora.agents.population.Population` with `kind`, `Terms` and `draw`;
        * a sub-class of :class:`gridagora.markets.tariffs.Tariff` with a key `kind`;
        * a sub-class of :class:`gridagora.agents.business_models.frame.BusinessModel` with a key `kind`;
        * a mechanism: a class whose objects have ``clear(book) -> Clearing``;
        * a metric: a function of a run's record that returns rows of :class:`gridagora.sim.metrics.Kpi`;
        * a mediator: a class as :class:`gridagora.scenarios.mediators.Mediator` describes it.
    name : str, optional
        Name of a mechanism, a metric or a mediator; that of the class or function by default.

    Returns
    -------
    class or function
        The same, so that ``@register`` can stand above it.

    Raises
    ------
    ValueError
        If it is none of these, something is missing, or the name is taken.
    """
    from gridagora.agents.business_models.frame import BusinessModel
    from gridagora.agents.population import Population
    from gridagora.markets.tariffs import Tariff

    if isinstance(plugin, type) and issubclass(plugin, Population):
        _population(plugin)
    elif isinstance(plugin, type) and issubclass(plugin, BusinessModel):
        _business_model(plugin)
    elif isinstance(plugin, type) and issubclass(plugin, Tariff):
        _tariff(plugin)
    elif isinstance(plugin, type) and callable(getattr(plugin, "clear", None)):
        _mechanism(plugin, name or plugin.__name__)
    elif isinstance(plugin, type) and callable(getattr(plugin, "impose", None)):
        _mediator(plugin, name or plugin.__name__)
    elif isfunction(plugin):
        _metric(plugin, name or plugin.__name__)
    else:
        raise ValueError(
            f"given {plugin!r}; allowed a sub-class of Population, Tariff or BusinessModel, a class with clear(book) "
            "or impose(model, day, value), or a function of a run's record; register the class itself, not an object"
        )
    return plugin


def load_plugins(modules: Iterable[str]) -> None:
    """Import modules that register what they define; the working folder is searched too.

    Raises
    ------
    ValueError
        If a module cannot be imported.
    """
    here = str(Path.cwd())
    for module in modules:
        if here not in sys.path:
            sys.path.insert(0, here)
        try:
            import_module(module)
        except Exception as error:  # whatever an own module does at import, its user gets one line
            raise ValueError(
                f"--plugin {module}: cannot be imported: {type(error).__name__}: {error}; allowed the dotted name of "
                "a module, without .py, that is installed or in the working folder"
            ) from error


def rebuild() -> None:
    """Make scenarios accept the kinds of tariffs, populations and business models that are registered now."""
    from gridagora.markets.tariffs import TARIFFS
    from gridagora.markets.tariffs.offers import menu_of
    from gridagora.scenarios.load import Scenario
    from gridagora.scenarios.schema import ScenarioModel
    from gridagora.scenarios.schema_business import any_business_model
    from gridagora.scenarios.schema_market import Tariffs
    from gridagora.scenarios.schema_population import GROUPS

    any_tariff: Any = Annotated[reduce(or_, TARIFFS.values()), Field(discriminator="kind")]
    any_offer: Any = reduce(or_, [*TARIFFS.values(), menu_of(any_tariff)])
    for group in ("residential", "commercial", "agricultural"):
        Tariffs.__pydantic_fields__[group].annotation = any_offer
    of_kind: Any = Annotated[reduce(or_, GROUPS.values()), Field(discriminator="kind")]
    offered: Any = any_business_model()
    changed: tuple[Any, ...] = (ScenarioModel, Scenario)
    for section in changed:
        section.__pydantic_fields__["populations"].annotation = tuple[of_kind, ...]
        section.__pydantic_fields__["business_models"].annotation = tuple[offered, ...]
    for section in (Tariffs, *changed):
        section.model_rebuild(force=True)


def _claim(sort: str, name: str, plugin: Any, taken: Iterable[str]) -> None:
    """Note a name, or refuse one that stands for something else."""
    home = f"{plugin.__module__}:{plugin.__qualname__}"
    if name in taken and REGISTERED.get((sort, name)) != home:
        raise ValueError(f"{sort}: the name {name!r} is taken by {REGISTERED.get((sort, name), 'gridagora')}; rename")
    REGISTERED[sort, name] = home


def _population(kind: Any) -> None:
    from gridagora.scenarios.build import KINDS
    from gridagora.scenarios.schema_population import GROUPS, Population, group_section

    missing = [name for name in ("kind", "Terms", "draw") if not hasattr(kind, name)]
    if missing:
        raise ValueError(
            f"population {kind.__name__}: no {', '.join(missing)}; a population has a `kind` (its name in scenarios), "
            "`Terms` (its keys) and a static method `draw(terms, name, profile_names, streams)`"
        )
    if not (isinstance(kind.Terms, type) and issubclass(kind.Terms, Population)):
        raise ValueError(
            f"population {kind.__name__}: given Terms {kind.Terms!r}; allowed a sub-class of "
            "gridagora.scenarios.schema_population.Population, such as Households"
        )
    if "mean_annual_kwh" not in kind.Terms.model_fields and not hasattr(kind.Terms, "mean_annual_kwh"):
        raise ValueError(
            f"population {kind.__name__}: no mean_annual_kwh in {kind.Terms.__name__}; give it as a key or a property, "
            "the mean yearly consumption of a member [kWh]: limits of the books are checked with it"
        )
    _claim("population", kind.kind, kind, GROUPS)
    GROUPS[kind.kind] = group_section(kind.kind, kind.Terms)
    KINDS[kind.kind] = (kind, getattr(kind, "profile_group", "household"))
    rebuild()


def _tariff(kind: Any) -> None:
    from gridagora.markets.tariffs import TARIFFS

    field = kind.model_fields.get("kind")
    if field is None or not isinstance(field.default, str):
        raise ValueError(
            f"tariff {kind.__name__}: no key `kind`; give it one with its name: kind: Literal['mine'] = 'mine'"
        )
    _claim("tariff", field.default, kind, TARIFFS)
    TARIFFS[field.default] = kind
    rebuild()


def _business_model(kind: Any) -> None:
    from gridagora.agents.business_models.catalogue import BUSINESS_MODELS
    from gridagora.scenarios.business_contract import canvas_faults, some_customers

    field = kind.model_fields.get("kind")
    if field is None or not isinstance(field.default, str):
        raise ValueError(
            f"business model {kind.__name__}: no key `kind`; give it one with its name: kind: Literal['mine'] = 'mine'"
        )
    missing = [name for name in ("canvas", "risk_bearers", "asset") if not hasattr(kind, name)]
    if missing:
        raise ValueError(f"business model {kind.__name__}: no {', '.join(missing)}; set them in the class")
    terms = kind()
    if terms.is_offered and (faults := canvas_faults(terms, terms.expected(some_customers()))):
        raise ValueError(f"business model {kind.__name__}: canvas: {'; '.join(faults)}")
    _claim("business model", field.default, kind, BUSINESS_MODELS)
    BUSINESS_MODELS[field.default] = kind
    rebuild()


def _mechanism(kind: Any, name: str) -> None:
    from gridagora.markets.clearing import MECHANISMS
    from gridagora.scenarios import schema_market  # noqa: F401  makes the choices
    from gridagora.scenarios.quantities import CHOICES

    _claim("mechanism", name, kind, MECHANISMS)
    MECHANISMS[name] = kind
    _add(CHOICES["mechanism"], name)


def _metric(function: Any, name: str) -> None:
    from gridagora.scenarios import schema  # noqa: F401  makes the choices
    from gridagora.scenarios.quantities import CHOICES
    from gridagora.sim.metrics import METRICS

    _claim("metric", name, function, METRICS)
    METRICS[name] = function
    _add(CHOICES["metric"], name)


def _mediator(kind: Any, name: str) -> None:
    from gridagora.scenarios.mediators import MEDIATORS

    missing = [part for part in ("before", "record") if not hasattr(kind, part)]
    if missing:
        raise ValueError(f"mediator {name}: no {', '.join(missing)}; see gridagora.scenarios.mediators.Mediator")
    # No scenario names it, so it is no part of what a run depends on: workers and manifests need not know it.
    known = MEDIATORS.setdefault(name, kind)
    if f"{known.__module__}:{known.__qualname__}" != f"{kind.__module__}:{kind.__qualname__}":
        raise ValueError(f"mediator: the name {name!r} is taken by {known.__module__}:{known.__qualname__}; rename")
    MEDIATORS[name] = kind


def _add(choices: list[str], name: str) -> None:
    if name not in choices:
        choices.append(name)
        choices.sort()
