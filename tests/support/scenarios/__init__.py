"""Disputable histories, each with the answer that the design gives.

The facts of a world are in the order in which they arrive. The answers were worked out by hand.
"""

from tests.support.scenarios.identities import IDENTITIES
from tests.support.scenarios.origins import FIRST_ORIGINS
from tests.support.scenarios.returns import RETURNS
from tests.support.scenarios.scenario import Scenario
from tests.support.scenarios.visits import VISITS

SCENARIOS: list[Scenario] = [*FIRST_ORIGINS, *IDENTITIES, *RETURNS, *VISITS]
