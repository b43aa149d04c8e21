"""Tests the RQ dashboard behind the console's sign-in."""

import re

import pytest

from console.web.app import create_app
from console.web.page_request import Services
from shared.clock import now_ms
from shared.database import open_pool
from shared.redis import Redis
from shared.rq_queue import QUEUE, enqueue, waiting_jobs
from shared.settings import Settings
from tests.integration.console.web.browser import Browser
from tests.integration.console.web.conftest import ON_ONE_PAIR

pytestmark = ON_ONE_PAIR
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture
def job(redis: Redis) -> str:
    """Enqueues a job with a description that is markup; returns its id."""
    enqueue(redis, "drain")
    (waiting,) = redis.lrange(f"rq:queue:{QUEUE}", 0, -1)
    assert isinstance(waiting, bytes)
    job = waiting.decode()
    redis.hset(f"rq:job:{job}", "description", MARKUP)
    return job


def token(admin: Browser) -> dict[str, str]:
    """Returns the headers that its scripts send, as the page sets them up."""
    match = re.search(r'"X-CSRF-Token": "(\w+)"', admin.get("/rq").text)
    assert match
    return {"X-CSRF-Token": match[1], "Origin": "http://console.test"}


@pytest.mark.parametrize(
    "path",
    [
        *("", "/0/view/queues", "/0/view/workers", "/0/view/jobs", "/0/data/queues.json"),
        *("/0/data/workers.json", f"/0/data/jobs/{QUEUE}/queued/8/asc/1.json"),
        *(f"/0/view/jobs/{QUEUE}/failed/8/asc/1", "/static/css/main.css"),
    ],
)
@pytest.mark.usefixtures("job")
def test_an_admin_sees_what_rq_does(admin: Browser, path: str) -> None:
    assert admin.get(f"/rq{path}").status_code == 200


@pytest.mark.parametrize("path", ["", "/0/view/queues", "/0/data/queues.json", "/static/x.js"])
def test_a_viewer_does_not(viewer: Browser, path: str) -> None:
    assert viewer.ask("GET", f"/rq{path}").status_code == 403


def test_a_job_is_shown_as_text(admin: Browser, job: str) -> None:
    shown = admin.get(f"/rq/0/view/job/{job}")
    described = admin.get(f"/rq/0/data/job/{job}.json")

    assert described.json["description"] == MARKUP
    assert described.json["status"] == "queued"
    assert "<%=" not in shown.text
    assert "<%- d.description %>" in shown.text


def test_it_is_in_the_consoles_colours_and_leads_back(admin: Browser) -> None:
    for path in ("", "/0/view/workers", "/0/view/jobs"):
        page = admin.get(f"/rq{path}").text

        assert re.search(r'href="/static/tokens\.\w+\.css"', page)
        assert re.search(r'href="/static/rq\.\w+\.css"', page)
        assert 'href="/operations">Waybill</a>' in page


def test_its_scripts_run_by_a_nonce_that_is_new_each_time(admin: Browser) -> None:
    def nonce() -> str:
        result = admin.get("/rq/0/view/queues")
        policy = result.headers["content-security-policy"]
        (value,) = re.findall(r"'nonce-([\w-]+)'", policy)
        assert "script-src 'self' 'unsafe-eval'" in policy
        assert f'<script nonce="{value}">' in result.text
        assert '<script type="text/javascript">' not in result.text
        return str(value)

    assert nonce() != nonce()


@pytest.mark.parametrize("path", [f"requeue/{QUEUE}", "job/JOB/delete", f"queue/{QUEUE}/compact"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_nothing_changes_without_a_post(
    admin: Browser, redis: Redis, job: str, method: str, path: str
) -> None:
    result = admin.ask(method, f"/rq/{path.replace('JOB', job)}", headers=token(admin))

    assert result.status_code in {404, 405}
    assert waiting_jobs(redis) == 1


def test_a_post_needs_the_sessions_token_and_our_origin(
    admin: Browser, redis: Redis, job: str
) -> None:
    good = token(admin)

    for bad in ({}, {**good, "X-CSRF-Token": "0" * 64}, {**good, "Origin": "https://evil.test"}):
        assert admin.ask("POST", f"/rq/job/{job}/delete", headers=bad).status_code == 403
    assert waiting_jobs(redis) == 1

    assert admin.ask("POST", f"/rq/job/{job}/delete", headers=good).json == {"status": "OK"}
    assert waiting_jobs(redis) == 0


def test_a_failed_job_is_put_back(admin: Browser, redis: Redis, job: str) -> None:
    redis.lrem(f"rq:queue:{QUEUE}", 0, job)
    redis.zadd(f"rq:failed:{QUEUE}", {job: 4_000_000_000})
    redis.hset(f"rq:job:{job}", "status", "failed")

    answer = admin.ask("POST", f"/rq/job/{job}/requeue", headers=token(admin))

    assert answer.json == {"status": "OK"}
    assert waiting_jobs(redis) == 1


def test_a_job_that_rq_has_deleted_is_a_page_that_says_so(admin: Browser) -> None:
    assert admin.get("/rq/0/view/job/unknown").status_code == 404
    assert "kept for a short time" in admin.text


@pytest.mark.parametrize("path", ["0/view/jobs/'-alert(1)-'/queued/8/asc/1", "0/view/jobs/%5C/a"])
def test_names_that_no_queue_has_are_not_put_into_scripts(admin: Browser, path: str) -> None:
    assert admin.get(f"/rq/{path}").status_code == 404


def test_where_it_is_not_installed_no_page_leads_to_it_and_its_own_says_how_to_add_it(
    settings: Settings, redis: Redis, admin: Browser
) -> None:
    assert 'href="/rq"' in admin.get("/operations").text
    with open_pool(settings.database_url, "tests", 2) as pool:
        console = create_app(Services(settings, pool, redis, None, now_ms))
        without = Browser(console, admin.cookies["waybill"])

        assert 'href="/rq"' not in without.get("/operations").text
        assert 'href="/rq"' not in without.get("/operations/jobs").text
        assert without.get("/rq").status_code == 404
        assert "install waybill[dashboard]" in without.text
        path = "/rq/job/unknown/delete"
        assert without.ask("POST", path, headers=token(admin)).status_code == 404
