"""Composition: scenario files, real input, the simulation and the command line."""

if __name__ != "gridagora.scenarios":  # a second copy of every class would break isinstance
    raise ImportError("import gridagora.scenarios, not scenarios: the folder is a part of the package gridagora")
