"""Serves `waybill metrics`: `/metrics`, `/health/live`, `/health/ready` and `/health/lag`.

Live: the process answers and its observers run. Ready: the pipeline makes progress; the answer
names the parts that do not. Lag: the number of waiting events and their delay. Every answer is
immediate, whatever the stores do.
"""

import falcon
import msgspec
from falcon import App, Request, Response
from gunicorn.errors import AppImportError

from console.metrics.pipeline import Pipeline, create_pipeline
from shared import exposition
from shared.clock import now_ms
from shared.database import connect
from shared.errors import OperatorError
from shared.http.host_names import KnownHosts, NameCheck, name_check
from shared.metrics import Source
from shared.redis import connect as connect_redis
from shared.settings import environment, read_settings


class PipelineMetrics:
    """`/metrics`: the metrics of the pipeline in Prometheus's text format."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def on_get(self, _request: Request, response: Response) -> None:
        response.content_type = exposition.CONTENT_TYPE
        response.data = exposition.expose(self._pipeline.series(), Source.PIPELINE)

    on_head = on_get


class PipelineLiveness:
    """`/health/live`: 503 when an observer has ended."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def on_get(self, _request: Request, response: Response) -> None:
        ended = [observer.name for observer in self._pipeline.observers if not observer.is_alive]
        response.status = 503 if ended else 200
        response.data = msgspec.json.encode(
            {"status": "ended" if ended else "live", "failing": ended}
        )

    on_head = on_get


class PipelineReadiness:
    """`/health/ready`: 503 with the parts that keep events from becoming rows."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def on_get(self, _request: Request, response: Response) -> None:
        failing = self._pipeline.failing()
        response.status = 503 if failing else 200
        response.data = msgspec.json.encode(
            {"status": "unready" if failing else "ready", "failing": failing}
        )

    on_head = on_get


class PipelineLag:
    """`/health/lag`: the backlog and its delay; 503 while Redis does not answer."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def on_get(self, _request: Request, response: Response) -> None:
        lag = self._pipeline.lag()
        response.status = 200 if lag else 503
        response.data = msgspec.json.encode(lag or {"status": "unready", "failing": ["redis"]})

    on_head = on_get


def get_app() -> App[Request, Response]:
    """Creates the application from the environment and starts its observers.

    Raises gunicorn's AppImportError, which names every error in the settings.
    """
    try:
        settings = read_settings(environment())
    except OperatorError as error:
        raise AppImportError(error.message) from None
    pipeline = create_pipeline(
        connect_redis(settings.redis_url, settings.names),
        lambda: connect(settings.database_url, "metrics"),
        now_ms,
    )
    for observer in pipeline.observers:
        observer.start()
    return create_app(pipeline, name_check(settings.hosts, settings.console_url))


def create_app(pipeline: Pipeline, is_known_host: NameCheck) -> App[Request, Response]:
    app: App[Request, Response] = App(
        media_type=falcon.MEDIA_JSON, middleware=[KnownHosts(is_known_host)]
    )
    app.add_route("/metrics", PipelineMetrics(pipeline))
    app.add_route("/health/live", PipelineLiveness(pipeline))
    app.add_route("/health/ready", PipelineReadiness(pipeline))
    app.add_route("/health/lag", PipelineLag(pipeline))
    return app
