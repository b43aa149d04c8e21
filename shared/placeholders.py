"""Recognizes placeholders instead of values: a script's `undefined`, a macro not filled in."""

import re

WORDS = frozenset(
    {"", "undefined", "null", "(null)", "none", "nil", "nan", "unknown", "n/a", "na", "false"}
)

# The forms of partners' systems: {gaid}, #{gaid}, ${GAID}, [IDFA], <idfa>, $$AAID$$,
# %%ADVERTISING_ID%%, __IDFA__, and a brace that was percent-encoded twice, %7Bidfa%7D.
MACRO = re.compile(r"[#$]?\{.*\}|\[.*\]|<.*>|\$\$.*\$\$|%%.*%%|%7b.*%7d|__.*__")


def is_placeholder(text: str) -> bool:
    """Tells whether a text is a placeholder."""
    bare = text.strip().lower()
    return bare in WORDS or MACRO.fullmatch(bare) is not None
