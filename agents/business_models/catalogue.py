"""The business models that scenarios may name, by kind; callers add theirs through `gridagora.register`."""

from __future__ import annotations

from gridagora.agents.business_models.asset_services import OperationMaintenance, SubstationLease
from gridagora.agents.business_models.electric_nanny import ElectricNanny
from gridagora.agents.business_models.energy_services import EnergyCostTrust, GuaranteedSavings, SharedSavings
from gridagora.agents.business_models.equipment import EquipmentInstalment, EquipmentPurchase, EquipmentRental
from gridagora.agents.business_models.frame import BusinessModel
from gridagora.agents.business_models.microgrid import Microgrid
from gridagora.agents.business_models.norm_feedback import NormFeedback
from gridagora.agents.business_models.optimisation_service import OptimisationService
from gridagora.agents.business_models.premium_supply import PremiumSupply
from gridagora.agents.business_models.price_packages import PricePackages
from gridagora.agents.business_models.pv_investment import PvLease, PvLoan, PvOwner, PvPowerPurchase
from gridagora.agents.business_models.reliability_classes import ReliabilityClasses
from gridagora.agents.business_models.revenue_adequacy import RevenueAdequacy
from gridagora.agents.business_models.service_portal import ServicePortal
from gridagora.agents.business_models.smart_home import HomeEnergyManager

BUSINESS_MODELS: dict[str, type[BusinessModel]] = {
    "shared_savings": SharedSavings,
    "guaranteed_savings": GuaranteedSavings,
    "energy_cost_trust": EnergyCostTrust,
    "pv_power_purchase": PvPowerPurchase,
    "pv_lease": PvLease,
    "pv_loan": PvLoan,
    "pv_owner": PvOwner,
    "operation_maintenance": OperationMaintenance,
    "substation_lease": SubstationLease,
    "equipment_rental": EquipmentRental,
    "equipment_instalment": EquipmentInstalment,
    "equipment_purchase": EquipmentPurchase,
    "electric_nanny": ElectricNanny,
    "premium_supply": PremiumSupply,
    "reliability_classes": ReliabilityClasses,
    "revenue_adequacy": RevenueAdequacy,
    "microgrid": Microgrid,
    "optimisation_service": OptimisationService,
    "service_portal": ServicePortal,
    "price_packages": PricePackages,
    "home_energy_manager": HomeEnergyManager,
    "norm_feedback": NormFeedback,
}
