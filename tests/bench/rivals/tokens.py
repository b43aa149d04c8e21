"""Checks tokens as both rivals do."""

import hmac
import os

from fastapi import HTTPException

KEY = b"a key of the bench"
_APPS = {hmac.digest(KEY, os.environ["RIVAL_TOKEN"].encode(), "sha256"): 1}


def app_of(parameters: dict[str, str]) -> int:
    """Returns the app of the token, which is taken out. Raises HTTPException."""
    token = parameters.pop("s2s_token", "").encode()
    app_id = _APPS.get(hmac.digest(KEY, token, "sha256"))
    if app_id is None:
        raise HTTPException(401)
    if not parameters.get("user_id") or not parameters.get("event_id"):
        raise HTTPException(400)
    return app_id
