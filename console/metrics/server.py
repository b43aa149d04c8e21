"""Configures gunicorn: `gunicorn -c python:console.metrics.server --bind HOST:PORT APP`.

There is one process, whatever WEB_CONCURRENCY says: it reads the stores, and two would read them
twice. The names are those of gunicorn's settings.
"""

proc_name = "metrics"
worker_class = "console.http.thread_worker.WholeRequestWorker"
logger_class = "shared.gunicorn_logger.RedactingLogger"
workers = 1
threads = 8
control_socket_disable = True
keepalive = 75  # longer than the usual interval between two scrapes of Prometheus
timeout = 30
graceful_timeout = 5
preload_app = False
accesslog = None
