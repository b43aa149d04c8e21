"""What `waybill metrics` serves: `/metrics`, `/health/live`, `/health/ready` and `/health/lag`.

Live: the process answers, and looks. Ready: the pipeline moves; the answer names what does not.
Lag: what waits and for how long. Every answer comes at once, whatever the stores do.
"""

import falcon
import msgspec
from falcon import App, Request, Response
from gunicorn.errors import AppImportError

from console.metrics.pipeline import Pipeline, observe
from shared import exposition
from shared.clock import now_ms
from shared.database import connect
from shared.errors import OperatorError
from shared.metrics import Source
from shared.redis import connect as connect_redis
from shared.settings import environment, read_settings


class PipelineMetrics:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def on_get(self, _request: Request, response: Response) -> None:
        response.content_type = exposition.CONTENT_TYPE
        response.data = exposition.expose(self._pipeline.series(), Source.PIPELINE)


class PipelineLiveness:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def on_get(self, _request: Request, response: Response) -> None:
        ended = [each.name for each in self._pipeline.observers if not each.is_alive]
        response.status = 503 if ended else 200
        response.data = msgspec.json.encode(
            {"status": "ended" if ended else "live", "failing": ended}
        )


class PipelineReadiness:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def on_get(self, _request: Request, response: Response) -> None:
        failing = self._pipeline.failing()
        response.status = 503 if failing else 200
        response.data = msgspec.json.encode(
            {"status": "unready" if failing else "ready", "failing": failing}
        )


class LagNow:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def on_get(self, _request: Request, response: Response) -> None:
        lag = self._pipeline.lag()
        response.status = 200 if lag else 503
        response.data = msgspec.json.encode(lag or {"status": "unready", "failing": ["redis"]})


def get_app() -> App[Request, Response]:
    """The application, from the environment, its observers at work.

    Raises gunicorn's AppImportError that names every fault of the settings.
    """
    try:
        settings = read_settings(environment())
    except OperatorError as fault:
        raise AppImportError(fault.message) from None
    pipeline = observe(
        connect_redis(settings.redis_url),
        lambda: connect(settings.database_url, "metrics"),
        now_ms,
    )
    for observer in pipeline.observers:
        observer.start()
    return create_app(pipeline)


def create_app(pipeline: Pipeline) -> App[Request, Response]:
    app: App[Request, Response] = App(media_type=falcon.MEDIA_JSON)
    app.add_route("/metrics", PipelineMetrics(pipeline))
    app.add_route("/health/live", PipelineLiveness(pipeline))
    app.add_route("/health/ready", PipelineReadiness(pipeline))
    app.add_route("/health/lag", LagNow(pipeline))
    return app
