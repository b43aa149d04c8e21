"""Views of reports that people save, each person's own for each app.

A view is the query of a page, so its link can be passed on: whoever may see the app sees the same.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from console.accounts.people import Person
from console.apps.apps import App
from console.validation import clean_text, has_control_characters
from shared.database import Connection, run, transaction
from shared.errors import BadValue, OperatorError

NAME_CHARACTERS_MAX = 100
QUERY_CHARACTERS_MAX = 4_000
VIEWS_MAX = 100  # of a person, for an app


@dataclass(frozen=True)
class SavedView:
    """A named query of an app's page of metrics."""

    id: int
    name: str
    query: str


_LIST = """
SELECT id, name, query FROM saved_views WHERE person_id = %s AND app_id = %s ORDER BY lower(name)
"""
_SAVE = """
INSERT INTO saved_views (person_id, app_id, name, query) VALUES (%s, %s, %s, %s)
ON CONFLICT (person_id, app_id, name) DO UPDATE SET query = excluded.query
RETURNING id
"""
_DELETE = """
DELETE FROM saved_views WHERE id = %s AND person_id = %s AND app_id = %s RETURNING name
"""


def list_views(connection: Connection, person: Person, app: App) -> list[SavedView]:
    """Returns a person's views of an app by name."""
    return [SavedView(*row) for row in run(connection, _LIST, (person.id, app.id))]


def save_view(connection: Connection, person: Person, app: App, name: str, query: str) -> SavedView:
    """Saves a view, in place of the person's view of the same name.

    Raises BadValue for a malformed name or query, and OperatorError for too many views.
    """
    name = clean_text("name", name, NAME_CHARACTERS_MAX)
    pairs = parse_qsl(query, keep_blank_values=True)
    is_printable = not any(has_control_characters(text) for pair in pairs for text in pair)
    if len(query) > QUERY_CHARACTERS_MAX or (query and not pairs) or not is_printable:
        raise BadValue("query", "must be the query of a page of reports.")
    with transaction(connection):
        [(view_id,)] = run(connection, _SAVE, (person.id, app.id, name, query))
        if len(list_views(connection, person, app)) > VIEWS_MAX:
            raise OperatorError(f"You have {VIEWS_MAX} views of this app. Delete one first.")
    return SavedView(view_id, name, query)


def delete_view(connection: Connection, person: Person, app: App, view_id: int) -> str:
    """Deletes a person's view and returns its name. Raises OperatorError if there is none."""
    row = run(connection, _DELETE, (view_id, person.id, app.id)).fetchone()
    if row is None:
        raise OperatorError("You have no such view. It may have been deleted already.")
    return str(row[0])
