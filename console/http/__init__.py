"""Serves HTTP for the console and the metrics: threads that only ever meet whole requests.

Reading order: request_buffer, thread_worker.
"""
