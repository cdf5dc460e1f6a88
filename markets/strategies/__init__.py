"""Bidding strategies (model.md A4), one file each, all with the same interface."""
