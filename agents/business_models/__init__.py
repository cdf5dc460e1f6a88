"""Business models: terms, valuation and cash flows of the contracts that run on simulated days (model.md D)."""
