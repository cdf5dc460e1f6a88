"""Figures and the self-contained HTML report, made from results only."""

from gridagora.sim.report.page import write_report

__all__ = ["write_report"]
