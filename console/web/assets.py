"""Static files under names that change with their content, so that browsers keep them for ever."""

import mimetypes
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

import falcon

PREFIX = "/static/"
_HASH_CHARACTERS = 12
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class _File:
    content: bytes
    content_type: str


class Assets:
    """Every file of console/web/static, read once."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}
        self._files: dict[str, _File] = {}
        for file in files("console.web").joinpath("static").iterdir():
            self._add(file.name, file.read_bytes())

    def address(self, name: str) -> str:
        """Where pages find a file, by its plain name."""
        return self._addresses[name]

    def on_get(self, _: falcon.Request, response: falcon.Response, name: str) -> None:
        found = self._files.get(name)
        if found is None:
            raise falcon.HTTPNotFound
        response.data = found.content
        response.content_type = found.content_type
        response.set_header("Cache-Control", _FOR_EVER)

    def _add(self, name: str, content: bytes) -> None:
        stem, _, ending = name.rpartition(".")
        hashed = f"{stem}.{sha256(content).hexdigest()[:_HASH_CHARACTERS]}.{ending}"
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        if content_type.startswith("text/"):
            content_type += "; charset=utf-8"
        self._addresses[name] = PREFIX + hashed
        self._files[hashed] = _File(content, content_type)
