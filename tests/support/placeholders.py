"""Placeholders as senders really send them, written down apart from the code that knows them."""

from urllib.parse import quote

from hypothesis import strategies as st

WORDS = (
    *("undefined", "null", "(null)", "none", "nil", "NaN", "n/a", "unknown", "not_available"),
    *("not available", "not set", "(not set)", "[object Object]", "<null>", "Optional(nil)", "-"),
    *('""', "''", '"undefined"', "false", "NULL", "None", r"\N", "%s", "%d", "%@", "%1$s"),
    *("%(user_id)s", "%!s(<nil>)"),
)
# White space, and what comes with text that was copied: zero-width, marks of bytes and direction.
AROUND = " \t\n\u200b\ufeff\u2060\u00ad\u200e\u202c\u3164"
NAMES = ("gaid", "IDFA", "user_id", "aff_id", "click.publisher.clickId", "advertising id", "x")
SPELLINGS = (
    *("{@}", "{{@}}", "{{ @ }}", "${@}", "#{@}", "%{@}", "#@#", "%@%", "%%@%%", "$@$", "$$@$$"),
    *("[@]", "[[@]]", "<@>", "<%= @ %>", "__@__", "{@", "{{@", "${@", "@}", "[@", "<@", "{%@%}"),
    *("*|@|*", "{!@}", "$(@)", "{@!}"),
)
MACROS = tuple(spelling.replace("@", name) for spelling in SPELLINGS for name in NAMES)


@st.composite
def placeholders(draw: st.DrawFn) -> str:
    """A word or macro of any name, in any case, encoded up to twice, with invisible ones around."""
    names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.]{0,20}", fullmatch=True)
    macros = st.builds(
        lambda form, name: form.replace("@", name), st.sampled_from(SPELLINGS), names
    )
    text = draw(st.sampled_from(WORDS) | macros)
    text = draw(st.sampled_from([text, text.lower(), text.upper()]))
    for _ in range(draw(st.integers(0, 2))):
        text = quote(text, safe=draw(st.sampled_from(["", "/#$"])))
    around: st.SearchStrategy[str] = st.sampled_from(["", *AROUND])
    return f"{draw(around)}{text}{draw(around)}"
