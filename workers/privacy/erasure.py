"""Carries out erasures: durable, in small steps, each of which may run twice.

    people → users → clicks → copies → inbox → log → done

`people` finds whom the ids lead to and buries the ids, until nothing new is found; from then on
nothing more is stored. `inbox` waits until what had arrived before has been left out, `log` until
Redis has written its log anew and the app's own systems were told. The ids go with the last step.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from secrets import token_urlsafe
from uuid import UUID

import msgspec

from shared.clock import Clock
from shared.database import Connection, run, transaction
from shared.day_files.faults import DayFilesUnreadable
from shared.day_files.folder import delete_replaced
from shared.inbox import oldest_time_ms
from shared.privacy.erasure_log import ErasureLog
from shared.privacy.identities import IdKind, PersonId
from shared.privacy.person import LOOKS_MAX
from shared.privacy.subject import find_subject
from shared.redis import Redis, ResponseError
from shared.shards.advisory_locks import AdvisoryLock, try_lock_session, unlock_session
from workers.privacy.begun_erasure import Erasure
from workers.privacy.burial import Burial
from workers.privacy.click_traces import delete_callbacks_of_click, empty_click
from workers.privacy.contests import forget_contests
from workers.privacy.erased_callbacks import end_erased_callbacks, write_erased_callbacks
from workers.privacy.redis_log import rewrite_log
from workers.privacy.stored_copies import (
    clean_attributions,
    clean_quarantine,
    clean_rejections,
    delete_access_requests,
    delete_seen_markers,
)
from workers.privacy.tombstone_filter import wait_for_batches
from workers.privacy.user_traces import ErasedUser, empty_chunk

_PAUSE_SECONDS = 0.1
_LAST_USER = "contests_after"  # in the progress: whose decisions no longer name the clicks

_log = logging.getLogger(__name__)

_OLDEST = """
SELECT id, app_id, action, subject, phase, progress, counts FROM erasures
WHERE state IN ('received', 'running') AND id <> ALL(%s) ORDER BY requested_at, id LIMIT 1
"""
# Ids are only ever added: a drain may have found some meanwhile.
_ADVANCE = """
UPDATE erasures SET
    state = 'running', phase = %s, progress = %s, counts = %s,
    subject = coalesce((
        SELECT jsonb_agg(DISTINCT each)
        FROM jsonb_array_elements(coalesce(subject, '[]') || %s::jsonb) AS each
    ), '[]')
WHERE id = %s AND state IN ('received', 'running')
"""
_FINISH = """
UPDATE erasures SET
    state = 'done', phase = 'done', subject = NULL, progress = '{}', counts = %s, done_at = now()
WHERE id = %s RETURNING app_id, source, action, proof
"""
_AUDIT = """
INSERT INTO audit_log (actor, app_id, action, subject, before, after)
VALUES (%s, %s, %s, %s, NULL, %s)
"""
_PLAN_USER = """
INSERT INTO erasing_users (erasure_id, user_ref, pseudonym) VALUES (%s, %s, %s)
ON CONFLICT DO NOTHING
"""
_NEXT_USER = """
SELECT users.id, app_id, environment, user_id, pseudonym, event_time, receipt
FROM erasing_users JOIN users ON users.id = user_ref
WHERE erasure_id = %s ORDER BY users.id LIMIT 1 FOR UPDATE OF users
"""
_NOTE_USER = """
UPDATE erasing_users SET event_time = %s, receipt = %s WHERE erasure_id = %s AND user_ref = %s
"""
_FORGET_USER = "DELETE FROM erasing_users WHERE erasure_id = %s AND user_ref = %s"


class Eraser:
    """A worker's way to carry out erasures, with the stores and the key that they need."""

    def __init__(
        self, connection: Connection, redis: Redis, secret_key: bytes, now: Clock,
        log: ErasureLog | None = None,
    ) -> None:  # fmt: skip
        self._connection = connection
        self._redis = redis
        self._now = now
        self._burial = Burial(connection, redis, secret_key, log)
        # Each tells whether it is done; if not, it waits for somebody else.
        self._steps: dict[str, Callable[[Erasure], bool]] = {
            "people": self.find_people,
            "users": self.empty_users,
            "clicks": self.empty_clicks,
            "copies": self.remove_copies,
            "inbox": self.await_inbox,
            "log": self.renew_log,
        }

    def run(self, seconds_max: float) -> bool:
        """Works until nothing is left or time is up; tells whether something is left."""
        ends_at = time.monotonic() + seconds_max
        if not try_lock_session(self._connection, AdvisoryLock.ERASE):
            return False
        waiting: list[UUID] = []
        try:
            while row := run(self._connection, _OLDEST, (waiting,)).fetchone():
                if time.monotonic() >= ends_at:
                    return True
                id_, app_id, action, subject, phase, progress, counts = row
                ids = frozenset(PersonId(IdKind(kind), value) for kind, value in subject)
                erasure = Erasure(id_, app_id, action, ids, phase, progress, Counter(counts))
                is_done = False
                with suppress(DayFilesUnreadable, OSError):  # alerts say which file
                    is_done = self._steps[phase](erasure)
                if not is_done:
                    waiting.append(id_)
            return bool(waiting)
        finally:
            unlock_session(self._connection, AdvisoryLock.ERASE)

    def find_people(self, erasure: Erasure) -> bool:
        """Finds whom the ids lead to, and buries the ids, until nothing new is found."""
        connection, known = self._connection, erasure.subject
        for _ in range(LOOKS_MAX):
            found = self._burial.look(erasure.id, erasure.app_id, erasure.subject)
            with transaction(connection):
                for user in found.users:
                    pseudonym = f"{erasure.action}:{token_urlsafe(12)}"
                    run(connection, _PLAN_USER, (erasure.id, user.id, pseudonym))
                if not erasure.is_reset:
                    self._burial.bury(erasure.id, erasure.app_id, found.ids)
                erasure = erasure._replace(subject=erasure.subject | found.ids)
                self._advance(erasure, "people")
            wait_for_batches(connection)
            if found.ids <= known:
                break
            known = erasure.subject
        seconds, microseconds = self._redis.time()
        buried_ms = seconds * 1000 + microseconds // 1000
        progress = {**erasure.progress, "buried_ms": buried_ms}
        pairs = [(user.environment, user.user_id) for user in found.users]
        delete_seen_markers(connection, self._redis, erasure.app_id, pairs, self._now())
        with transaction(connection):
            if not erasure.is_reset:
                environments = {user.environment for user in found.users}
                write_erased_callbacks(connection, erasure.app_id, erasure.id, environments)
            self._advance(erasure._replace(progress=progress), "users")
        return True

    def _bury_keys(self, erasure: Erasure, ids: Iterable[PersonId]) -> None:
        if keys := frozenset(each for each in ids if each.kind is IdKind.KEY):
            self._burial.bury(erasure.id, erasure.app_id, keys)

    def empty_users(self, erasure: Erasure) -> bool:
        """Empties the next signals of the next user."""
        connection = self._connection
        with transaction(connection):
            row = run(connection, _NEXT_USER, (erasure.id,)).fetchone()
            if row is None:
                self._advance(erasure, "copies" if erasure.is_reset else "clicks")
                return True
            user = ErasedUser(*row)
            chunk = empty_chunk(connection, user, is_reset=erasure.is_reset)
            if chunk.ids - erasure.subject and not erasure.is_reset:
                self._bury_keys(erasure, chunk.ids)
            where = (erasure.id, user.id)
            if chunk.is_last:
                run(connection, _FORGET_USER, where)
            else:
                run(connection, _NOTE_USER, (chunk.user.event_time, chunk.user.receipt, *where))
            erasure = erasure._replace(counts=erasure.counts + chunk.counts)
            self._advance(erasure, "users")
        return True

    def empty_clicks(self, erasure: Erasure) -> bool:
        """Empties the clicks of the person, once no decision about others names one."""
        connection, counts = self._connection, erasure.counts.copy()
        found = find_subject(connection, erasure.app_id, erasure.subject)
        if not self._forget_contests(erasure, {click.click_id for click in found.clicks}):
            return True
        for click in found.clicks:
            with transaction(connection):
                counts["callbacks"] += delete_callbacks_of_click(connection, erasure.app_id, click)
                ids = empty_click(connection, erasure.app_id, click)
                counts["clicks"] += ids is not None
                self._bury_keys(erasure, ids or ())
        self._advance(erasure._replace(counts=counts), "copies")
        return True

    def _forget_contests(self, erasure: Erasure, click_ids: set[str]) -> bool:
        """Takes clicks out of the decisions about more users; tells whether that were the last."""
        click_ids |= {each.value for each in erasure.subject if each.kind is IdKind.CLICK}
        after = erasure.progress.pop(_LAST_USER, 0)
        last = forget_contests(self._connection, erasure.app_id, click_ids, after)
        if last is not None:
            progress = {**erasure.progress, _LAST_USER: last}
            self._advance(erasure._replace(progress=progress), "clicks")
        return last is None

    def remove_copies(self, erasure: Erasure) -> bool:
        """Removes what quarantine and the rejection log have."""
        counts = erasure.counts.copy()
        if not erasure.is_reset:
            counts["quarantine"] += clean_quarantine(
                self._connection, erasure.app_id, erasure.subject
            )
            counts["rejections"] += clean_rejections(self._redis, erasure.app_id, erasure.subject)
            clean_attributions(self._redis, erasure.app_id, erasure.subject, self._now())
            delete_access_requests(self._connection, erasure.app_id, erasure.subject)
        self._advance(erasure._replace(counts=counts), "inbox")
        return True

    def await_inbox(self, erasure: Erasure) -> bool:
        """Waits until what had arrived before has been left out."""
        oldest_ms = oldest_time_ms(self._redis, exactly=True)
        if oldest_ms is not None and oldest_ms <= erasure.progress["buried_ms"]:
            return False
        if erasure.is_reset:
            return self._finish(erasure)
        if self._has_more(erasure):
            rounds = erasure.progress.get("rounds", 0) + 1
            again = erasure._replace(progress={**erasure.progress, "rounds": rounds})
            self._advance(again, "people")
        else:
            # What was in quarantine or refused while the inbox was being emptied.
            clean_quarantine(self._connection, erasure.app_id, erasure.subject)
            clean_rejections(self._redis, erasure.app_id, erasure.subject)
            clean_attributions(self._redis, erasure.app_id, erasure.subject, self._now())
            self._advance(erasure, "log")
        return True

    def _has_more(self, erasure: Erasure) -> bool:
        """Tells whether what waited in the inbox has led to more of the person."""
        found = self._burial.look(erasure.id, erasure.app_id, erasure.subject)
        is_new = bool(found.users) or not found.ids <= erasure.subject
        return is_new and erasure.progress.get("rounds", 0) < LOOKS_MAX

    def renew_log(self, erasure: Erasure) -> bool:
        """Has Redis write its log anew, so that it holds nothing of what was deleted.

        Where it does not let us, as some hosted ones, `log_rewritten` is missing in the counts.
        """
        try:
            if "rewriting" not in erasure.progress:
                begun = rewrite_log(self._redis)
                progress = {**erasure.progress, "rewriting": 1} if begun else erasure.progress
                self._advance(erasure._replace(progress=progress), "log")
                return begun
            state = self._redis.info("persistence")
        except ResponseError as error:
            _log.warning("Redis did not write its log anew: %s", type(error).__name__)
        else:
            if state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"]:
                time.sleep(_PAUSE_SECONDS)
                return True
            erasure.counts["log_rewritten"] = 1
        waited_ms = self._now() - erasure.progress["buried_ms"]
        is_told = end_erased_callbacks(self._connection, erasure.id, waited_ms)
        return is_told and self._finish(erasure)

    def _advance(self, erasure: Erasure, phase: str) -> None:
        subject = msgspec.json.encode(sorted(erasure.subject)).decode()
        progress = msgspec.json.encode(erasure.progress).decode()
        counts = msgspec.json.encode(dict(erasure.counts)).decode()
        run(self._connection, _ADVANCE, (phase, progress, counts, subject, erasure.id))

    def _finish(self, erasure: Erasure) -> bool:
        """Deletes the ids from the request and writes the proof, which names nobody.

        Tells whether it did: while somebody reads what day files had of the person, it waits.
        """
        connection, counts = self._connection, dict(erasure.counts)
        if not delete_replaced(connection):
            return False
        with transaction(connection):
            text = msgspec.json.encode(counts).decode()
            [(app_id, source, action, proof)] = run(
                connection, _FINISH, (text, erasure.id)
            ).fetchall()
            after = msgspec.json.encode({"proof": proof, "counts": counts}).decode()
            done = {"erase": "user.erased", "reset": "user.reset"}[action]
            run(connection, _AUDIT, (source, app_id, done, str(erasure.id), after))
        return True
