"""Finds the links of an app by their names, for clicks that name one."""

from collections.abc import Mapping
from typing import NamedTuple

from ingest.credential_store import CredentialStore
from ingest.http.limits import BATCH_PATH
from shared import fields
from shared.events import Environment
from shared.lines.line_format import Destination
from shared.snapshot import Grant, Snapshot


class _Links(NamedTuple):
    by_name: Mapping[str, int]
    by_offer: Mapping[tuple[str, str], int]


class AppLinks:
    """The links of the snapshot in memory, of the apps that have sent a batch since it came."""

    def __init__(self, credential_store: CredentialStore) -> None:
        self._credential_store = credential_store
        self._snapshot: Snapshot | None = None
        self._links: dict[int, _Links] = {}

    def destination(self, grant: Grant, now_ms: int) -> Destination:
        """Returns what events sent with this grant cannot say themselves."""
        links = self._of(grant.app_id)
        return Destination(
            app_id=grant.app_id,
            links_by_name=links.by_name,
            links_by_offer=links.by_offer,
            now_ms=now_ms,
            token_id=grant.token_id,
            endpoint=BATCH_PATH,
            is_test=grant.environment is Environment.SANDBOX,
            read_time=fields.event_time,
            keeps_ids=True,
        )

    def _of(self, app_id: int) -> _Links:
        snapshot = self._credential_store.snapshot
        if snapshot is not self._snapshot:
            self._snapshot, self._links = snapshot, {}
        links = self._links.get(app_id)
        if links is None:
            known = {} if snapshot is None else snapshot.links
            own = {
                key: link
                for key, link in known.items()
                if link.app_id == app_id and not link.is_archived
            }
            by_name = {link.name: link.link_id for link in own.values() if link.name}
            by_offer = {(key.offer_id, key.pub_id): link.link_id for key, link in own.items()}
            links = self._links[app_id] = _Links(by_name, by_offer)
        return links
