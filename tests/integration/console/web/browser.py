"""Imitates a browser: keeps cookies, follows redirects, sends forms with the fields of the page."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import falcon
from falcon import testing

_HOST = "console.test"


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Document(HTMLParser):
    """A parsed page: its forms, its text as people read it, its tags and attributes."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self.attributes: set[str] = set()
        self.tags: list[str] = []
        self.feed(markup)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append(tag)
        self.attributes.update(attributes)
        if tag == "form":
            self.forms.append(Form(attributes.get("action") or ""))
        elif tag == "input" and self.forms and _is_sent(attributes):
            self.forms[-1].fields[str(attributes["name"])] = attributes.get("value") or ""

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _is_sent(attributes: dict[str, str | None]) -> bool:
    checked = attributes.get("type") not in {"checkbox", "radio"} or "checked" in attributes
    return bool(attributes.get("name")) and checked


class Browser:
    def __init__(
        self, console: falcon.App[falcon.Request, falcon.Response], secret: str | None = None
    ) -> None:
        self._client = testing.TestClient(console)
        self.cookies: dict[str, str] = {"waybill": secret} if secret else {}
        self.path = "/"
        self.page = Document("")

    @property
    def text(self) -> str:
        return self.page.text

    def ask(self, method: str, path: str, **options: Any) -> testing.Result:
        """Sends a single request, without following redirects."""
        result = self._client.simulate_request(
            method, path, cookies=self.cookies, host=_HOST, protocol="http", **options
        )
        for name, cookie in result.cookies.items():
            if cookie.max_age == -1:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value
        return result

    def get(self, path: str) -> testing.Result:
        """Opens a page, following redirects."""
        target, _, query = path.partition("?")
        result = self.ask("GET", target, query_string=query)
        return self._arrive(path, result)

    def send(self, action: str, **values: str | list[str]) -> testing.Result:
        """Sends the form of the current page that goes to `action`, with these values typed in."""
        form = next(
            form for form in self.page.forms if (form.action or self.path).split("?")[0] == action
        )
        return self.post(action, {**form.fields, **values})

    def post(
        self, path: str, values: dict[str, Any], headers: dict[str, str] | None = None
    ) -> testing.Result:
        """Sends any form to any path."""
        result = self.ask(
            "POST",
            path,
            body=urlencode(values, doseq=True),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"http://{_HOST}",
                **(headers or {}),
            },
        )
        return self._arrive(path, result)

    def sign_in(self, name: str, password: str) -> int:
        """Signs in by the form; returns the status of the final response."""
        self.get("/sign-in")
        return self.send("/sign-in", name=name, password=password).status_code

    def is_signed_in(self) -> bool:
        return self.get("/account").status_code == 200 and self.path == "/account"

    def _arrive(self, path: str, result: testing.Result) -> testing.Result:
        if result.status_code == 303:
            return self.get(result.headers["location"])
        self.path = path.split("?", maxsplit=1)[0]
        self.page = Document(result.text)
        return result
