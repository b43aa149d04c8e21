"""Histories that people would argue about, each with the answer that the design gives.

The facts of a world are in the order in which they arrive. The answers were worked out by hand.
"""

from tests.scenarios.identities import IDENTITIES
from tests.scenarios.origins import FIRST_ORIGINS
from tests.scenarios.returns import RETURNS
from tests.scenarios.scenario import Scenario
from tests.scenarios.visits import VISITS

SCENARIOS: list[Scenario] = [*FIRST_ORIGINS, *IDENTITIES, *RETURNS, *VISITS]
