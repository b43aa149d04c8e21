"""An application that logs everything it receives, in the ways in which libraries do."""

import logging
from typing import Any

logger = logging.getLogger("a.library")


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    logger.debug("asked %r", scope)
    logger.warning("%s %s with %r", scope["path"], scope["query_string"].decode(), body)
    if scope["path"] == "/fail":
        raise ValueError(f"cannot read {scope['query_string']!r} of {scope['headers']!r}")
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


async def _live(receive: Any, send: Any) -> None:
    for stage in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{stage}.complete"})
