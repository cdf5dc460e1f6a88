"""Prices and shares inside an energy community (model.md C11), one file each, all pure functions."""
