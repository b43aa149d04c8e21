"""The RQ dashboard, as a part of the console: one sign-in, admins only.

rq-dashboard 0.9.0 is a Flask application without any protection, written for RQ 2 and pickles. It
is called inside of us, request by request, and mended: it reads JSON jobs, and never a pickle; it
uses our connection; its GET requests change nothing; what stands in a job is shown as text; its
scripts run under a policy that lets no other run. It is in the console's colours, fits on a phone,
names its fields, and leads back.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from rq_dashboard import web
from werkzeug.test import Client

from console.web.assets import Assets
from shared.redis import Redis

PREFIX = "/rq"
# What only looks; everything else has to be a POST, which the console's door checks.
_LOOKS = re.compile(r"\d+/(view|data)(/[\w.:-]+)*|static(/[\w.-]+)+", re.ASCII)
_CHANGES = re.compile(r"(job|queue|requeue)(/[\w.:-]+)+", re.ASCII)
_START = re.compile(r"\d*/?")
# Its pages fill templates of Underscore, which compiles them, and carry styles of their own.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval' 'nonce-{nonce}'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_INLINE = '<script type="text/javascript">'
_BRAND = '<a class="navbar-brand">RQ-dashboard</a>'
_WAY_BACK = '<a class="navbar-brand" href="/operations">Waybill</a>'
# Fields that only a title names, and what cannot be scrolled by keyboard.
_FIELD = re.compile(r'(<(?:input|select) [^>]*?)title="([\w ]+)"')
_SCROLLED = re.compile(r'<div class="table-responsive(?:-md)?">')


@dataclass(frozen=True)
class DashboardReply:
    """`policy` is empty where the console's own holds."""

    status: int
    content_type: str
    body: bytes
    policy: str = ""


class RqDashboard:
    """One for the process. The module of rq-dashboard is mended in place: it knows no other way."""

    def __init__(self, redis: Redis) -> None:
        _mend(redis)
        # Its pages ask the application itself for the icon, not only their own part of it.
        app = Flask(__name__, static_folder=str(Path(web.__file__).parent / "static"))
        app.url_map.redirect_defaults = False  # else /0/view leads to / and / to /0/view
        app.config.update(RQ_DASHBOARD_REDIS_URL="redis", RQ_DASHBOARD_POLL_INTERVAL=5000)
        web.setup_rq_connection(app)
        app.register_blueprint(web.blueprint)
        self._client = Client(app, use_cookies=False)
        assets = Assets()
        self._styles = "".join(
            f'<link rel="stylesheet" href="{assets.address(name)}">\n'
            for name in ("tokens.css", "rq.css")
        )

    @staticmethod
    def looks(path: str) -> bool:
        """Whether a GET of this path may be served."""
        return bool(_LOOKS.fullmatch(path) or _START.fullmatch(path))

    @staticmethod
    def changes(path: str) -> bool:
        """Whether a POST to this path may be served: its names go into scripts as they are."""
        return bool(_CHANGES.fullmatch(path))

    def ask(self, method: str, path: str, csrf: str) -> DashboardReply:
        """`path` is below PREFIX, without a slash in front."""
        path = f"{path.strip('/') or 0}/view" if _START.fullmatch(path) else path
        base = f"http://console{PREFIX}"
        with self._client.open(f"/{path}", method=method, base_url=base) as response:
            body = response.get_data()
        if response.mimetype != "text/html":
            return DashboardReply(response.status_code, response.content_type or "", body)
        nonce = secrets.token_urlsafe(16)
        page = self._mend_page(body.decode(), nonce, csrf)
        return DashboardReply(
            response.status_code, "text/html; charset=utf-8", page, _POLICY.format(nonce=nonce)
        )

    def _mend_page(self, page: str, nonce: str, csrf: str) -> bytes:
        # `<%=` puts text into the page as markup, `<%-` as text: a message may hold somebody's
        # data.
        page = page.replace("<%=", "<%-").replace("</head>", f"{self._styles}</head>")
        page = page.replace(_BRAND, _WAY_BACK)
        page = _SCROLLED.sub('<div class="table-responsive" tabindex="0" role="group">', page)
        page = _FIELD.sub(r'\1aria-label="\2"', page)
        ours = f'$.ajaxSetup({{headers: {{"X-CSRF-Token": "{csrf}"}}}});'
        return page.replace(_INLINE, f'<script nonce="{nonce}">{ours}').encode()


def _mend(redis: Redis) -> None:
    serializer = web.Queue("pipeline", connection=redis, serializer="json").serializer
    web.config.serializer = serializer
    # Its own way opens a connection with each request, and knows no Sentinel of ours.
    web.from_url = lambda *_args, **_options: (None, redis)
    json_job = _json_job(serializer)
    web.Job = json_job
    web.Worker = _json_worker(serializer)
    web.requeue_job = lambda job_id, connection: json_job.fetch(job_id, connection).requeue()


def _json_job(serializer: Any) -> Any:
    class JsonJob(web.Job):  # type: ignore[misc]  # ships no types
        @classmethod
        def fetch(cls, id: str, connection: Redis, **_: object) -> Any:  # noqa: A002 - RQ's name
            return super().fetch(id, connection=connection, serializer=serializer)

        @property
        def dependency_ids(self) -> list[bytes]:
            """As bytes, as in RQ 2, which the dashboard decodes."""
            return [str(name).encode() for name in super().dependency_ids]

    return JsonJob


def _json_worker(serializer: Any) -> Any:
    class JsonWorker(web.Worker):  # type: ignore[misc]  # ships no types
        @classmethod
        def all(cls, connection: Redis, **_: object) -> Iterable[Any]:
            found: Iterable[Any] = super().all(connection=connection, serializer=serializer)
            return found

    return JsonWorker
