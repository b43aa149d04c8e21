"""A body with a field that its call does not have is refused, and nothing is done."""

from console.audit import list_changes
from console.web.api.document import plain_path
from console.web.api.endpoints import ENDPOINTS
from shared.database import Connection
from tests.integration.console.web.api import test_endpoints
from tests.integration.console.web.api.test_endpoints import BODIES, Ask, called, filled
from tests.integration.console.web.conftest import ON_ONE_PAIR

pytestmark = ON_ONE_PAIR
ask, world = test_endpoints.ask, test_endpoints.world


def test_a_field_that_a_call_does_not_have_is_refused_and_nothing_is_done(
    ask: Ask, world: dict[str, str], connection: Connection
) -> None:
    def changes() -> list[str]:
        entries = list_changes(connection, None, 1_000)
        own = ("access.", "key.")  # of the calls themselves, each with a key of its own
        return [each.action for each in entries if not each.action.startswith(own)]

    before, taken = changes(), []
    with_body = [each for each in ENDPOINTS if each.body_type not in {None, bytes}]
    for endpoint in with_body:
        body = BODIES[plain_path(endpoint.path)]
        assert isinstance(body, dict)
        result = ask(endpoint.method, filled(endpoint.path, world), body={**body, "typo": None})
        if result.status_code != 400 or "typo" not in result.json["error"]["message"]:
            taken.append(called(endpoint))

    assert len(with_body) > 30
    assert taken == []
    assert changes() == before
