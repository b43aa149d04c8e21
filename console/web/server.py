"""Configures gunicorn: `gunicorn -c python:console.web.server --bind HOST:PORT APP`.

It runs threads, because pages wait for PostgreSQL and a few of them at once are enough; requests
are read before a thread is taken, so that slow clients hold none. The number of processes comes
from WEB_CONCURRENCY (1 if unset). Each name is a setting of gunicorn.
"""

from console.web.app import THREADS

proc_name = "console"
worker_class = "console.http.thread_worker.WholeRequestWorker"
threads = THREADS
logger_class = "shared.gunicorn_logger.RedactingLogger"
control_socket_disable = True
keepalive = 75  # longer than load balancers keep an idle connection
timeout = 60
graceful_timeout = 10
preload_app = False
accesslog = None
