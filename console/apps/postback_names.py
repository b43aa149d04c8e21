"""Names of fields in the postbacks of a link's network, where they are not the usual ones."""

from collections.abc import Mapping

import msgspec

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.apps.links import Link, list_links
from console.audit import Action, Change, record_change
from console.publication import publishing_transaction
from console.resources import Resources
from console.validation import clean_text
from shared.database import run
from shared.errors import BadValue, OperatorError
from shared.names.postback_names import PostbackField

NAME_CHARACTERS_MAX = 64


def set_postback_names(
    resources: Resources, actor: Actor, app: App, link_id: int, names: Mapping[str, str]
) -> Link:
    """Replaces the names of a link; a field without a name, or with a blank one, has the usual.

    Raises OperatorError for a field that there is not, a name that two fields have, or a link of
    another app; NotAllowed for a viewer.
    """
    require_admin(actor)
    cleaned = clean_names(names)
    with publishing_transaction(resources):
        before = find_link(resources, app, link_id)
        run(
            resources.connection,
            "UPDATE links SET postback_names = %s WHERE id = %s",
            (msgspec.json.encode(cleaned).decode(), link_id),
        )
        change = Change(
            Action.LINK_POSTBACK_NAMES, before.name, dict(before.postback_names), cleaned
        )
        record_change(resources.connection, actor, app.id, change)
        return find_link(resources, app, link_id)


def find_link(resources: Resources, app: App, link_id: int) -> Link:
    """Returns a link of the app. Raises OperatorError."""
    for link in list_links(resources.connection, app):
        if link.id == link_id:
            return link
    raise OperatorError("This app has no such link.", "See `waybill link list`.")


def clean_names(names: Mapping[str, str]) -> dict[str, str]:
    """Returns the names by field, without blank ones. Raises BadValue."""
    known = tuple(str(field) for field in PostbackField)
    cleaned: dict[str, str] = {}
    for field, name in names.items():
        if field not in known:
            raise BadValue("names", f"may have the fields {', '.join(known)}.")
        if not name.strip():
            continue
        text = clean_text(field.replace("_", "-"), name, NAME_CHARACTERS_MAX)
        if text in cleaned.values():
            raise BadValue(field.replace("_", "-"), "is the name of another field too.")
        cleaned[field] = text
    return cleaned
