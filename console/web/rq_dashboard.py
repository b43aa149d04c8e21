"""Embeds the RQ dashboard in the console where the extra `dashboard` is installed, for admins only.

rq-dashboard 0.9.0 is a Flask application without any protection. The console calls it in its own
process, request by request, with these fixes: it reads JSON jobs and never a pickle; it uses our
connection; its GET requests change nothing; the contents of jobs are shown as text; its scripts run
under a policy that allows no others. It has the console's colours, fits on a phone, labels its
fields, and links back to the console.
"""

import re
import secrets
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from console.web.assets import Assets
from shared.redis import Redis

try:
    from flask import Flask
    from rq_dashboard import web
    from werkzeug.test import Client
except ModuleNotFoundError:  # the extra `dashboard` is not installed
    web = None

PREFIX = "/rq"
# Read-only paths; everything else has to be a POST, which the page dispatcher checks.
_READS = re.compile(r"\d+/(view|data)(/[\w.:-]+)*|static(/[\w.-]+)+", re.ASCII)
_CHANGES = re.compile(r"(job|queue|requeue)(/[\w.:-]+)+", re.ASCII)
_START = re.compile(r"\d*/?")
# Its pages fill templates of Underscore, which compiles them, and contain inline styles.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval' 'nonce-{nonce}'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_INLINE_SCRIPT = '<script type="text/javascript">'
_BRAND = '<a class="navbar-brand">RQ-dashboard</a>'
_LINK_BACK = '<a class="navbar-brand" href="/operations">Waybill</a>'
# Fields that are named only by a title, and tables that cannot be scrolled by keyboard.
_FIELD = re.compile(r'(<(?:input|select) [^>]*?)title="([\w ]+)"')
_SCROLLED = re.compile(r'<div class="table-responsive(?:-md)?">')


@dataclass(frozen=True)
class DashboardReply:
    """A response of the dashboard. `policy` is empty where the console's own applies."""

    status: int
    content_type: str
    body: bytes
    policy: str = ""


class RqDashboard:
    """The dashboard's application, one per process.

    The module of rq-dashboard is patched in place, since it offers no other way.
    """

    def __init__(self, redis: Redis) -> None:
        _patch_dashboard(redis)
        # Its pages request the icon from the application itself, not only from its blueprint.
        app = Flask(__name__, static_folder=str(Path(web.__file__).parent / "static"))
        app.url_map.redirect_defaults = False  # else /0/view redirects to / and / to /0/view
        app.config.update(RQ_DASHBOARD_REDIS_URL="redis", RQ_DASHBOARD_POLL_INTERVAL=5000)
        web.setup_rq_connection(app)
        app.register_blueprint(web.blueprint)
        self._client = Client(app, use_cookies=False)
        assets = Assets()
        self._styles = "".join(
            f'<link rel="stylesheet" href="{assets.url(name)}">\n'
            for name in ("tokens.css", "rq.css")
        )

    @staticmethod
    def may_get(path: str) -> bool:
        """Tells whether a GET of this path may be served."""
        return bool(_READS.fullmatch(path) or _START.fullmatch(path))

    @staticmethod
    def may_post(path: str) -> bool:
        """Tells whether a POST to this path may be served: scripts contain its names verbatim."""
        return bool(_CHANGES.fullmatch(path))

    def request(self, method: str, path: str, csrf: str) -> DashboardReply:
        """Requests a path below PREFIX, given without a leading slash."""
        path = f"{path.strip('/') or 0}/view" if _START.fullmatch(path) else path
        base = f"http://console{PREFIX}"
        with self._client.open(f"/{path}", method=method, base_url=base) as response:
            body = response.get_data()
        if response.mimetype != "text/html":
            return DashboardReply(response.status_code, response.content_type or "", body)
        nonce = secrets.token_urlsafe(16)
        # `<%=` inserts text into the page as markup, `<%-` as text: a message may contain foreign
        # data.
        page = body.decode().replace("<%=", "<%-").replace("</head>", f"{self._styles}</head>")
        page = page.replace(_BRAND, _LINK_BACK)
        page = _SCROLLED.sub('<div class="table-responsive" tabindex="0" role="group">', page)
        page = _FIELD.sub(r'\1aria-label="\2"', page)
        setup = f'$.ajaxSetup({{headers: {{"X-CSRF-Token": "{csrf}"}}}});'
        page = page.replace(_INLINE_SCRIPT, f'<script nonce="{nonce}">{setup}')
        policy = _POLICY.format(nonce=nonce)
        content_type = "text/html; charset=utf-8"
        return DashboardReply(response.status_code, content_type, page.encode(), policy)


def open_dashboard(redis: Redis) -> RqDashboard | None:
    """Returns the dashboard, None where it is not installed."""
    return None if web is None else RqDashboard(redis)


def _patch_dashboard(redis: Redis) -> None:
    """Has every look-up of the module read JSON: half of them pass a serializer, half none."""
    serializer = web.Queue("pipeline", connection=redis, serializer="json").serializer
    web.config.serializer = serializer
    web.Job = SimpleNamespace(fetch=partial(web.Job.fetch, serializer=serializer))
    web.Worker = SimpleNamespace(all=partial(web.Worker.all, serializer=serializer))
    web.requeue_job = partial(web.requeue_job, serializer=serializer)
    # The original opens a connection with each request, and does not know our Sentinels.
    web.from_url = lambda *_args, **_options: (None, redis)
