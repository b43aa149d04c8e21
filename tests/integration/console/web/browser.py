"""What a browser does: keeps cookies, follows redirects, sends forms as they stand on the page."""

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
    """A page's forms, its text as people read it, and what it is made of."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self.attributes: set[str] = set()
        self.tags: list[str] = []
        self._hidden = 0
        self.feed(markup)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.attributes.update(given)
        if tag == "form":
            self.forms.append(Form(given.get("action") or ""))
        elif tag == "input" and self.forms and _is_sent(given):
            self.forms[-1].fields[str(given["name"])] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _is_sent(given: dict[str, str | None]) -> bool:
    ticked = given.get("type") not in {"checkbox", "radio"} or "checked" in given
    return bool(given.get("name")) and ticked


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

    def ask(self, method: str, path: str, **more: Any) -> testing.Result:
        """One request, nothing followed."""
        result = self._client.simulate_request(
            method, path, cookies=self.cookies, host=_HOST, protocol="http", **more
        )
        for name, cookie in result.cookies.items():
            if cookie.max_age == -1:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = cookie.value
        return result

    def get(self, path: str) -> testing.Result:
        """With redirects, as far as they lead."""
        target, _, query = path.partition("?")
        result = self.ask("GET", target, query_string=query)
        return self._arrive(path, result)

    def send(self, action: str, **values: str | list[str]) -> testing.Result:
        """The form of the present page that goes to `action`, with these values typed in."""
        form = next(
            form for form in self.page.forms if (form.action or self.path).split("?")[0] == action
        )
        return self.post(action, {**form.fields, **values})

    def post(
        self, path: str, values: dict[str, Any], headers: dict[str, str] | None = None
    ) -> testing.Result:
        """Any form, to any path."""
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

    def _arrive(self, path: str, result: testing.Result) -> testing.Result:
        if result.status_code == 303:
            return self.get(result.headers["location"])
        self.path = path.split("?", maxsplit=1)[0]
        self.page = Document(result.text)
        return result
