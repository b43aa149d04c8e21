"""Tests the command lines of ingest and workers."""

from deploy import programs
from deploy.listen import Listen


def test_each_copy_of_a_program_has_a_name_of_its_own() -> None:
    assert programs.ingest(Listen("127.0.0.1", 8080)).names() == ("ingest",)
    assert programs.workers(3).names() == ("worker-1", "worker-2", "worker-3")
    assert programs.workers(1).names() == ("worker-1",)


def test_ingest_is_ready_where_it_was_told_to_listen() -> None:
    listen = Listen("127.0.0.1", 8080)
    ingest = programs.ingest(listen)
    assert ingest.listen == listen
    assert ingest.argv[-3:] == ("--bind", "127.0.0.1:8080", "ingest.app:get_app()")


def test_a_worker_serves_one_queue_and_takes_no_pickle() -> None:
    (worker,) = {programs.workers(copies).argv for copies in (1, 2)}
    assert worker[worker.index("--serializer") + 1] == "json"
    assert worker[-2:] == ("--quiet", "pipeline")
    assert not any("://" in part for part in worker)
