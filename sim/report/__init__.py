"""Figures and the self-contained HTML report, made from results only."""
