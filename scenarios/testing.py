"""Contracts of own classes: inherit one in a test module, and pytest runs its tests on your class."""

from gridagora.scenarios.business_contract import BusinessModelContract
from gridagora.scenarios.mechanism_contract import MechanismContract
from gridagora.scenarios.population_contract import PopulationContract
from gridagora.scenarios.strategy_contract import StrategyContract
from gridagora.scenarios.tariff_contract import TariffContract

__all__ = ["BusinessModelContract", "MechanismContract", "PopulationContract", "StrategyContract", "TariffContract"]
