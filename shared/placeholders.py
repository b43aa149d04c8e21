"""Text that stands where a value should be: a script's `undefined`, a macro nobody filled in."""

import re

WORDS = frozenset(
    {"", "undefined", "null", "(null)", "none", "nil", "nan", "unknown", "n/a", "na", "false"}
)

# As partners' systems write them: {gaid}, #{gaid}, ${GAID}, [IDFA], <idfa>, $$AAID$$,
# %%ADVERTISING_ID%%, __IDFA__, and a brace that was percent-encoded twice, %7Bidfa%7D.
MACRO = re.compile(r"[#$]?\{.*\}|\[.*\]|<.*>|\$\$.*\$\$|%%.*%%|%7b.*%7d|__.*__")


def is_placeholder(text: str) -> bool:
    bare = text.strip().lower()
    return bare in WORDS or MACRO.fullmatch(bare) is not None
