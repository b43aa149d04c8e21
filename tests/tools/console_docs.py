"""Writes pages of docs/ as templates of the console, so that both say the same: `make docs`.

Links into the docs lose their target, because the console has no other page of them; links within
the page keep theirs. Nothing in the text is a template's.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "console/web/templates"
# The template by the page.
PAGES = {"attribution.md": "how_attribution_works.html"}

_TEMPLATE = """\
{{# Written by `make docs` from docs/{page}: change that. #}}
{{% extends "layout.html" %}}
{{% block title %}}{title}{{% endblock %}}
{{% block actions %}}
<a class="button" href="/apps/{{{{ app.id }}}}/why">Why organic?</a>
{{% endblock %}}
{{% block content %}}
<article class="card prose">
{{% raw %}}{body}{{% endraw %}}
</article>
{{% endblock %}}
"""
# What may be wider than a phone can be scrolled without a mouse.
_SCROLLS = 'role="region" tabindex="0" aria-label="{}"'


def template(page: str, text: str) -> str:
    """Returns the template of a page of the docs."""
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(text)
    title = tokens[1].content
    body = markdown.renderer.render(list(_for_console(tokens[3:])), markdown.options, {})
    body = re.sub(r'<th scope="col"></th>', "<td></td>", body)
    return _TEMPLATE.format(page=page, title=title, body=body)


def _for_console(tokens: Sequence[Token]) -> Iterator[Token]:
    heading = ""
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following is not None:
            heading = following.content
            token.attrSet("id", re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-"))
        elif token.type == "th_open":
            token.attrSet("scope", "col")
        elif token.type == "inline":
            token.children = list(_without_targets(token.children or []))
        if token.type == "fence":
            label = f"{heading}: {'commands' if token.info else 'drawing'}"
            content = f"<code>{escapeHtml(token.content)}</code>"
            yield _html(f"<pre {_SCROLLS.format(label)}>{content}</pre>\n")
            continue
        if token.type == "table_open":
            yield _html(f'<div class="table" {_SCROLLS.format(f"{heading}: table")}>\n')
        yield token
        if token.type == "table_close":
            yield _html("</div>\n")


def _html(content: str) -> Token:
    return Token("html_block", "", 0, content=content)


def _without_targets(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yields the tokens of a text, without the links that lead to other pages."""
    is_outside = False
    for token in tokens:
        if token.type == "link_open":
            is_outside = not str(token.attrGet("href")).startswith("#")
        if not (is_outside and token.type in ("link_open", "link_close")):
            yield token


def main() -> None:
    for page, name in PAGES.items():
        path = TEMPLATES / name
        path.write_text(template(page, (ROOT / "docs" / page).read_text()))
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
