"""What of the figures a question is about, as arguments of its statements."""

from datetime import UTC, date, datetime, timedelta

from console.apps.apps import App
from console.reports.names import Breakdown, Names, country_key
from console.reports.question import By, Filters, Question


def bounds_of(app: App, question: Question, names: Names) -> dict[str, object]:
    """Raises OperatorError for a filter that names nothing."""
    filters = question.filters
    place = _place(filters, names)
    return {
        "app_id": app.id,
        "environment": question.environment,
        "grain": "hour" if question.by is By.HOUR else "day",
        "from": midnight(question.period.first),
        "until": midnight(question.period.last + timedelta(days=1)),
        "link_ids": place and list(place.link_ids),
        "partner_id": place and place.partner_id,
        "source": place and place.source,
        "campaign": filters.campaign,
        "country": None if filters.country is None else country_key(filters.country),
        "event": None if filters.event is None else names.event_key(filters.event),
    }


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _place(filters: Filters, names: Names) -> Breakdown | None:
    """A link that is not the partner's is nowhere."""
    partner = None if filters.partner is None else names.place_of_partner(filters.partner)
    link = None if filters.link is None else names.place_of_link(filters.link)
    if partner is None or link is None:
        return link or partner
    is_theirs = set(link.link_ids) <= set(partner.link_ids) and link.source == partner.source
    return link if is_theirs else Breakdown(link.partner_id, (), link.source)
