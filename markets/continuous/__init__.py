"""Continuous double auction with price-time priority (C6, P7): engine, live book, log, sessions, measures."""
