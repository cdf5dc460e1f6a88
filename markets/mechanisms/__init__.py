"""Auction mechanisms, one file each, all with the same interface."""
