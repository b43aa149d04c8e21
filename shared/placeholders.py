"""Recognizes placeholders instead of values: a script's `undefined`, a macro that nobody filled in.

The rules are the same for every field of every dialect. `is_placeholder` is for any text, such as
the name of a campaign. `is_no_id` is for what names a person, a device, a click or an event: there
`0`, `-1`, `anonymous` and the name of the field itself are placeholders too, and so is a text into
which a macro was pasted (`order-{id}`), for everybody would share it.

Sources of the forms: the macro pages of Swaarm, Adjust, CAKE, Everflow, Google Ads, TikTok and
Mailchimp; the ids that PostHog and Mixpanel refuse (PostHog/posthog 5527, mixpanel-js 345).
"""

import re
from html import unescape
from unicodedata import category, normalize
from urllib.parse import unquote

from shared.names.invisible import trimmed

WORDS = frozenset(
    {
        *(
            "",
            "undefined",
            "null",
            "(null)",
            "(undefined)",
            "none",
            "(none)",
            "nil",
            "(nil)",
            "nan",
        ),
        *("unknown", "(unknown)", "n/a", "#n/a", "n.a.", "na", "false", "void", "nul", "none,none"),
        *("not_available", "not available", "not-available", "notavailable", "unavailable"),
        *("not_set", "not set", "(not set)", "notset", "not_applicable", "not applicable"),
        *("not provided", "(not provided)", "not_provided", "not_found", "no_value", "(empty)"),
        *(
            "not-set",
            "(notset)",
            "not-provided",
            "notprovided",
            "no value",
            "novalue",
            "n-a",
            "n/d",
        ),
        *("infinity", "-infinity", "invalid date", "unknown-unknown", "unknown_unknown"),
        *("optional(nil)", "-", "--", "---", "\u2013", "\u2014", "?", "..."),
        r"\n",  # in capitals PostgreSQL's and MySQL's NULL in a file
    }
)

# What names nobody, though a campaign may well have such a name.
_NOBODY = frozenset(
    {
        *("-1", "-2", "true", "empty", "missing", "default", "anonymous", "guest", "noid", "no_id"),
        *("not_authenticated", "distinctid", "distinct_id", "anonymous_id", "id", "uid", "email"),
        *("user", "user_id", "userid", "user.id", "your_user_id", "customer_id", "external_id"),
        *("click_id", "clickid", "clkid", "pub_click_id", "transaction_id", "transactionid", "tid"),
        *("event_id", "order_id", "orderid", "idempotency_key", "device_id", "deviceid", "value"),
        *("adid", "aaid", "advertising_id", "idfa", "idfv", "gaid", "gps_adid", "google_aid"),
        *("android_id", "google_app_set_id", "fire_adid", "oaid", "win_adid", "rida", "tifa"),
        *("vida", "imei", "meid", "mac", "web_uuid", "external_device_id", "primary_dedupe_token"),
        *("optedout", "opted_out", "opted-out", "opted out", "optout", "opt_out", "opt-out"),
        *("redacted", "anonymized", "anonymised", "0x0", "0x", "+0", "-0"),
    }
)
_NO_NAME = frozenset(
    f"no{sign}{name}" for sign in ("", "-", "_", " ") for name in _NOBODY if name[0].isalpha()
)
_ALL_WORDS = WORDS | _NOBODY | _NO_NAME
_WORD_CHARACTERS_MAX = max(map(len, _ALL_WORDS))

# Full macros: {x} {{x}} ${x} #{x} %{x} @{x} {%x%} {!x} [x] [[x]] <x> <%=x%> __x__.
_FULL = re.compile(r"[#$%@!]{0,2}\{.*\}|\[.*\]|<.*>|__.*__|\$\(.*\)", re.DOTALL)
# Between two equal signs: #x# %x% %%x%% $x$ $$x$$ @x@ !x! ~x~ |x| *|x|* ^x^.
_BETWEEN = re.compile(r"(?P<sign>\*\||[#$%@!~|*^]{1,2})[\w.:\- ]+(?:\|\*|(?P=sign))")
# Of a format that was given no arguments: %s %1$s %(id)s %@, and what Go prints: %!s(<nil>).
_FORMAT = re.compile(
    r"%(?:\([\w.]+\))?(?:\d{1,2}\$)?[-+#0 ]?\d{0,3}l{0,2}[sdiufgvq@]|%![a-z]\(.*\)",
    re.DOTALL | re.IGNORECASE,
)
# Half-open, cut off by a length limit or a typing error: {idfa  ${idfa  idfa}}  [idfa  %%idfa.
_NAME = r"[A-Za-z_][\w.\- ]*"
_HALF = re.compile(
    rf"(?:[#$%@!]{{0,2}}\{{+|\[+|<|%%)\s*(?:{_NAME})?|(?:{_NAME})?\s*(?:\}}+|\]+|>|%%)"
    r"|[$:][A-Za-z_][A-Za-z_.]*"
)
# Pasted into an id: order-{id}, ${user}:${order}, tx_%%id%%.
_PASTED = re.compile(r"\{[^{}]*[A-Za-z_][^{}]*\}|%%[\w.]+%%|\[[A-Za-z_.]+\]|<[A-Za-z_.]+>")
_PASTED_SIGNS = re.compile(r"[{%\[<]")
_PARTS = re.compile(r"[-_:|/.,;+ ]+")
_SCRIPT_WORDS = frozenset({"undefined", "null", "nan", "(null)"})
# What nearly every ID is, in lower case. Decided by one pattern, for each event has several IDs.
_USUAL_ID = re.compile(r"[0-]*[1-9a-z][a-z0-9@.+/_-]*")
_SCRIPT_WORD = re.compile("undefined|null|nan", re.IGNORECASE)
_REPEATED_WORD = re.compile("(?:undefined|null){2,}")
_AROUND = " \t\r\n{}[]<>\"'`"
_ZERO_SIGNS = frozenset("0:-.,")
_ZEROS = re.compile(r"[0:\-.,]+")
# From the example of a guide: your_user_id, YOUR_GAID.
_EXAMPLE_START = "your"
_EXAMPLE = re.compile(r"your[_\- ][a-z_\- ]+")
# What Swift prints of an optional value, and a UUID as a URN.
_WRAPPED = re.compile(r"(?:optional|some)\((.*)\)|urn:uuid:(.*)", re.IGNORECASE | re.DOTALL)
# Quotes and brackets of other scripts, as word processors and keyboards put them.
_PLAIN_SIGNS = str.maketrans(
    "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb\u2039\u203a\u3010\u3011", "\"\"\"'''\"\"''[]"
)

# .NET and Windows write a GUID in braces: that is a value.
_VALUE_IN_BRACES = re.compile(
    r"[{\[<]?(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16,64})[}\]>]?", re.IGNORECASE
)
_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}|&(?:#|lt|gt|quot|amp|apos|nbsp|lbrace|lcub|rcub)")
_DECODINGS_MAX = 3
_DECODED_CHARACTERS_MAX = 16_384  # no macro is so long, and decoding would hold an ingest process
_SIGNS_MAX = 64  # each sign alone is looked up, and a request may have half a million

_FIRST = frozenset("{[<#$%@!~|*^_:&\"'`\\")
_LAST = frozenset("}]>#$%@!~|*^_;)\"'`\\")


def is_placeholder(text: str) -> bool:
    """Tells whether a text is a placeholder."""
    bare = trimmed(text)
    if len(bare) <= _WORD_CHARACTERS_MAX and bare.lower() in WORDS:
        return True
    return _may_be_macro(bare) and any(map(_is_macro, _decoded(bare)))


def is_no_id(text: str) -> bool:
    """Tells whether a text cannot be an id, because it is or contains a placeholder."""
    lowered = text.lower()
    if _USUAL_ID.fullmatch(lowered) and lowered not in _ALL_WORDS:
        has_word = "null" in lowered or "nan" in lowered or "undefined" in lowered
        if not has_word and not lowered.startswith(_EXAMPLE_START):
            return False
    bare = trimmed(text)
    decoded = _decoded(bare)  # once: of a long text it is most of the work
    if any(map(_is_nobody, decoded)):
        return True
    if _may_be_macro(bare) and any(map(_is_macro, decoded)):
        return True
    if _PASTED_SIGNS.search(bare) and any(map(_has_pasted, decoded)):
        return True
    if not _SCRIPT_WORD.search(bare):
        return False
    parts = _PARTS.split(bare.lower())
    return any(part in _SCRIPT_WORDS or _REPEATED_WORD.fullmatch(part) for part in parts)


def _may_be_macro(bare: str) -> bool:
    is_plain = bare[0] not in _FIRST and bare[-1] not in _LAST and "%" not in bare
    return not (is_plain and bare.isascii())


def _is_nobody(text: str) -> bool:
    """Tells whether a text is a word for nobody, zeros, signs alone, or the example of a guide."""
    bare = text if text.isascii() else trimmed(normalize("NFKC", text).translate(_PLAIN_SIGNS))
    wrapped = _WRAPPED.fullmatch(bare)
    bare = (wrapped[1] or wrapped[2] or "") if wrapped else bare
    bare = bare.strip(_AROUND)
    lowered = bare.lower()
    return (
        lowered in _ALL_WORDS
        or lowered.strip("-_.") in WORDS
        or is_zero(bare)
        or _EXAMPLE.fullmatch(lowered) is not None
        or (len(bare) <= _SIGNS_MAX and all(map(_is_sign, bare)))
    )


def _is_sign(character: str) -> bool:
    return category(character)[0] in "PZ" or category(character) in {"Sm", "Sk", "Sc"}


def is_zero(text: str) -> bool:
    """Tells whether a text is zeros in any grouping: an id that was reset or withheld."""
    return text[:1] in _ZERO_SIGNS and _ZEROS.fullmatch(text) is not None


def _decoded(text: str) -> list[str]:
    """Returns a text as it is, and as it is meant if it was encoded once more or twice."""
    texts = [text]
    if len(text) > _DECODED_CHARACTERS_MAX:
        return texts
    while len(texts) <= _DECODINGS_MAX and _ESCAPED.search(texts[-1]):
        decoded = trimmed(unescape(unquote(texts[-1])))
        if decoded == texts[-1]:
            break
        texts.append(decoded)
    return texts


def _is_macro(text: str) -> bool:
    written = trimmed(text)
    if not written.isascii():  # the name of a macro is ASCII, that of a campaign need not be
        plain = normalize("NFKC", written).translate(_PLAIN_SIGNS)
        written = plain if plain.isascii() else written
    bare = trimmed(written.strip("\"'`\\"))
    if bare.lower() in WORDS or written.lower() in WORDS:
        return True
    if _VALUE_IN_BRACES.fullmatch(bare):
        return False
    return any(form.fullmatch(bare) is not None for form in (_FULL, _BETWEEN, _HALF, _FORMAT))


def _has_pasted(text: str) -> bool:
    return (
        any(_VALUE_IN_BRACES.fullmatch(pasted[0]) is None for pasted in _PASTED.finditer(text))
        or trimmed(text).lower() in _NOBODY
    )
