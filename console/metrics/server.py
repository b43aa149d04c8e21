"""gunicorn's configuration: `gunicorn -c python:console.metrics.server --bind HOST:PORT APP`.

One process, whatever WEB_CONCURRENCY says: it looks at the stores, and two would look twice. Each
name is the one that gunicorn gives the setting.
"""

proc_name = "metrics"
worker_class = "gthread"
logger_class = "shared.gunicorn_logger.RedactingLogger"
workers = 1
threads = 8
control_socket_disable = True
keepalive = 75  # longer than Prometheus pauses between two scrapes, mostly
timeout = 30
graceful_timeout = 5
preload_app = False
accesslog = None
