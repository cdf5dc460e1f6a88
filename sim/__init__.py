"""The kernel: calendar, streams, books, metrics, results; knows no market and no agent."""

if __name__ != "gridagora.sim":  # a second copy of every class would break isinstance
    raise ImportError("import gridagora.sim, not sim: the folder is a part of the package gridagora")
