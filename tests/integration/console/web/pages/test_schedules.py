"""Tests the pages of scheduled reports: from a saved view to what was sent."""

import re

import pytest

from console.apps.apps import App
from shared.database import Connection
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR

pytestmark = ON_ONE_PAIR
FORM = {
    "name": "Weekly <b>",
    "channel": "webhook",
    "target": "https://receiver.invalid/reports?key=s3cret",
    "every": "week",
    "on": "1",
    "hour": "8",
    "zone": "Europe/Berlin",
}


def save_view(browser: Browser, app: App, query: str) -> str:
    """Saves a view of the page of reports and returns the link by which it is sent regularly."""
    browser.get(f"/apps/{app.id}/reports?{query}")
    browser.send(f"/apps/{app.id}/reports/views", name="Partners")
    markup = browser.get(f"/apps/{app.id}/reports").text
    (link,) = re.findall(r'href="([^"]*/schedules/new\?view=\d+)"', markup)
    return str(link)


def test_a_saved_view_is_sent_regularly_until_that_is_ended(
    admin: Browser, shop: App, connection: Connection
) -> None:
    at = f"/apps/{shop.id}/reports/schedules"
    assert "No report is sent yet" in admin.get(at).text
    link = save_view(admin, shop, "period=last_week&split=partner&column=events&currency=USD")
    view = link.partition("view=")[2]
    page = admin.get(link).text
    assert f'<option value="{view}" selected>Partners' in page
    assert re.search(r'<input id="field-name"[^>]* value="Partners"', page)

    admin.send(f"{at}/new", view=view, **FORM)

    assert "Weekly <b> has been created. Test it now." in admin.text
    [(schedule, query)] = connection.execute("SELECT id, query FROM report_schedules").fetchall()
    assert query.startswith("period=last_week&column=events&environment=production")
    assert "currency=USD" in query
    one = f"{at}/{schedule}"
    page = admin.get(one).text
    assert "every Monday at 08:00 (Europe/Berlin)" in page
    assert "whsec_" in page
    assert "s3cret" not in page
    assert "Weekly &lt;b&gt;" in admin.get(at).text

    admin.get(one)
    admin.send(f"{one}/test")
    assert "bytes): " in admin.text
    admin.get(f"{one}/edit")
    admin.send(f"{one}/edit", **{**FORM, "every": "day", "hour": "6", "zone": "UTC"})
    assert "every day at 06:00 (UTC)" in admin.get(one).text
    assert connection.execute("SELECT query FROM report_schedules").fetchone() == (query,)
    for step, words in (("pause", "is paused."), ("resume", "is active again.")):
        admin.get(one)
        admin.send(f"{one}/{step}")
        assert words in admin.text
    admin.get(one)
    admin.send(f"{one}/delete")
    assert "has been deleted" in admin.text
    assert admin.get(one).status_code == 404


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"view": "0"}, "View must be one of yours"),
        ({"on": "Monday"}, "On must be a whole number"),
        ({"on": "9"}, "On must be the day of the week"),
        ({"hour": "25"}, "Hour must be a whole number from 0 to 23"),
        ({"zone": "Moon"}, "Zone must be a time zone"),
        ({"channel": "pigeon"}, "is not one of mail, webhook"),
        ({"channel": "mail"}, "one address of mail"),
    ],
)
def test_a_wrong_form_is_shown_again_with_what_was_typed(
    admin: Browser, shop: App, change: dict[str, str], sentence: str
) -> None:
    link = save_view(admin, shop, "split=partner")
    admin.get(link)

    refused = admin.send(
        f"/apps/{shop.id}/reports/schedules/new",
        **{"view": link.partition("view=")[2], **FORM, **change},
    )

    assert refused.status_code in {400, 422}
    assert sentence in admin.text
    assert 'value="Weekly &lt;b&gt;"' in refused.text


def test_a_viewer_sees_what_is_sent_and_changes_nothing(
    viewer: Browser, admin: Browser, shop: App
) -> None:
    at = f"/apps/{shop.id}/reports/schedules"
    link = save_view(admin, shop, "split=partner")
    admin.get(link)
    admin.send(f"{at}/new", view=link.partition("view=")[2], **FORM)

    page = viewer.get(at).text

    assert "Weekly &lt;b&gt;" in page
    assert "New schedule" not in page
    one = re.findall(rf'href="({at}/\d+)"', page)[0]
    markup = viewer.get(one).text
    assert "Send now" not in markup
    assert "whsec_" not in markup
    assert "s3cret" not in markup
