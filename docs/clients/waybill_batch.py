"""Sends events to Waybill in batches. Python 3.9 or newer, nothing else. See docs/batch.md.

    client = BatchClient("https://events.example", token)
    verdicts = client.send(events)

As a program it reads events from standard input, a line each:

    EVENTS_URL=… EVENTS_TOKEN=… python3 waybill_batch.py < events.ndjson
"""

import gzip
import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter

EVENTS_MAX = 500
BYTES_MAX = 4_000_000  # of JSON; Waybill takes 5,000,000
ANSWER_SECONDS_MAX = 30
PAUSE_SECONDS_MAX = 60


class BatchRefusedError(Exception):
    """Waybill refuses the whole batch, and would refuse it again: nothing of it was stored."""


class GaveUpError(Exception):
    """There was no way through in time. `events` have no verdict yet: keep them."""

    def __init__(self, events):
        super().__init__(f"gave up on {len(events)} events")
        self.events = events


class BatchClient:
    """A sender of batches, to one address with one token."""

    def __init__(self, url, token, give_up_seconds=900):
        self._url = url.rstrip("/") + "/batch"
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }
        self._give_up_seconds = give_up_seconds

    def send(self, events):
        """Returns the verdict on each event, in their order.

        Events without an `id` get one, in place: so an event that is sent again by a later call
        still counts once. Raises BatchRefusedError, GaveUpError.
        """
        verdicts = []
        for event in events:
            event.setdefault("id", str(uuid.uuid4()))
        for batch in _packed(events):
            verdicts += self._send_batch(batch)
        return verdicts

    def _send_batch(self, batch):
        verdicts, pending = [None] * len(batch), list(range(len(batch)))
        gives_up_at, pause = time.monotonic() + self._give_up_seconds, 1.0
        while True:
            answer, retry_after = self._post([batch[index] for index in pending])
            if answer is not None:
                left = []
                for result in answer["results"]:
                    index = pending[result["index"]]
                    if result["status"] == "retry":
                        left.append(index)
                    else:
                        verdicts[index] = result
                if not left:
                    return verdicts
                pause = 1.0 if len(left) < len(pending) else pause
                pending = left
            if time.monotonic() > gives_up_at:
                raise GaveUpError([batch[index] for index in pending])
            time.sleep(max(retry_after, pause) * random.uniform(1.0, 1.5))
            pause = min(PAUSE_SECONDS_MAX, pause * 2)

    def _post(self, events):
        """Returns the answer, None if the batch has to be sent again, and the seconds to wait."""
        body = gzip.compress(json.dumps(events).encode(), 6)
        request = urllib.request.Request(self._url, body, self._headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_MAX) as response:
                return json.load(response), _seconds(response.headers)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            if error.code in (408, 429) or error.code >= 500 or "incomplete_body" in text:
                return None, _seconds(error.headers)
            raise BatchRefusedError(f"{error.code} {text}") from None
        except (OSError, http.client.HTTPException, ValueError):
            return None, 0  # the answer was lost: what was stored will be told as a duplicate


def _packed(events):
    batch, size = [], 0
    for event in events:
        bytes_of_event = len(json.dumps(event)) + 2
        if batch and (len(batch) == EVENTS_MAX or size + bytes_of_event > BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += bytes_of_event
    if batch:
        yield batch


def _seconds(headers):
    value = headers.get("Retry-After", "")
    return int(value) if value.isdigit() else 0


def main():
    client = BatchClient(os.environ["EVENTS_URL"], os.environ["EVENTS_TOKEN"])
    counts, events = Counter(), []

    def flush():
        for verdict in client.send(events):
            counts[verdict["status"]] += 1
            if verdict["status"] == "rejected":
                print(json.dumps(verdict), file=sys.stderr)
        events.clear()

    for line in sys.stdin:
        if line.strip():
            events.append(json.loads(line))
        if len(events) == EVENTS_MAX:
            flush()
    flush()
    print(json.dumps(counts))
    return 1 if counts["rejected"] else 0


if __name__ == "__main__":
    sys.exit(main())
