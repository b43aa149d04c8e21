"""Serves static files under names that contain a hash of their content, cacheable for ever."""

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
    """The files of console/web/static, read once."""

    def __init__(self) -> None:
        self._urls: dict[str, str] = {}
        self._files: dict[str, _File] = {}
        for file in files("console.web").joinpath("static").iterdir():
            content = file.read_bytes()
            stem, _, ending = file.name.rpartition(".")
            hashed_name = f"{stem}.{sha256(content).hexdigest()[:_HASH_CHARACTERS]}.{ending}"
            content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            if content_type.startswith("text/"):
                content_type += "; charset=utf-8"
            self._urls[file.name] = PREFIX + hashed_name
            self._files[hashed_name] = _File(content, content_type)

    def url(self, name: str) -> str:
        """Returns the path of a file, given its plain name."""
        return self._urls[name]

    def on_get(self, _: falcon.Request, response: falcon.Response, name: str) -> None:
        file = self._files.get(name)
        if file is None:
            raise falcon.HTTPNotFound
        response.data = file.content
        response.content_type = file.content_type
        response.set_header("Cache-Control", _FOR_EVER)
