"""Who acts: populations of members in columns and the institutions around them."""

if __name__ != "gridagora.agents":  # a second copy of every class would break isinstance
    raise ImportError("import gridagora.agents, not agents: the folder is a part of the package gridagora")
