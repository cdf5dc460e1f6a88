"""The commented file that ``gridagora init`` writes."""

from __future__ import annotations

_TEXT = """\
# A scenario of your own: it starts from quickstart and names only what differs.
# Check it with `gridagora validate {name}.yaml`, run it with `gridagora run {name}.yaml`.
# All keys, units and bounds: `gridagora schema --markdown`. Remove the "#" before a line to use it.
base: quickstart
name: {name}
description: What this scenario is for, in one line.
seed: 42

time:
  start: 2016-06-06          # profiles serve the days of 2016
  days: 7
#  period_minutes: 15        # 5, 15, 30 or 60

households:
  count: 1000
#  annual_kwh: 2400          # mean of a household
#  pv_share: 0.3
#  storage_share: 0.1        # of the PV owners
#  strategies: {{truthful: 0.2, zi_constrained: 0.8}}

#farms: null                 # no farms at all

#tariffs:
#  residential:
#    kind: time_of_use
#    energy_per_kwh: {{peak: 0.40, valley: 0.20}}
#    windows: {{peak: ["08:00-22:00"], valley: ["22:00-08:00"]}}

#market:
#  mechanism: uniform_price
#  wheeling_per_kwh: 0.05    # what a peer kWh pays in place of the network charge
#  online: false             # no online auction
"""


def starter(name: str) -> str:
    """Return the text of a scenario to start from.

    Parameters
    ----------
    name : str
        Name of the scenario.
    """
    return _TEXT.format(name=name)
