"""The id of a callback: the same for ever, and another one for everything else.

And what an endpoint hears of, by its level and status.
"""

from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.callbacks.activities import (
    LEVELS,
    REJECTIONS,
    STATUSES,
    Activity,
    callback_id,
    level_and_status,
    partner_activities,
)

texts = st.text(st.characters(), max_size=12)
subjects = st.tuples(
    st.tuples(st.integers(1, 10**6), st.sampled_from(["production", "sandbox"])),
    texts,
    st.sampled_from(Activity),
    texts,
    st.integers(1, 10**6),
)
Subject = tuple[tuple[int, str], str, Activity, str, int]


def as_documented(subject: Subject) -> UUID:
    """Derives the id in the plainest way: each part after its length, hashed, as a UUIDv5."""
    (app_id, environment), user_id, activity, cause, endpoint_id = subject
    parts = (str(app_id), environment, user_id, activity, cause, str(endpoint_id))
    content = "".join(f"{len(part)}:{part}" for part in parts)
    return UUID(bytes=sha256(content.encode(errors="surrogatepass")).digest()[:16], version=5)


def test_ids_that_were_given_out_stay() -> None:
    install = callback_id((1, "production"), "user-1", Activity.INSTALL, "", 7)
    event = callback_id((1, "sandbox"), "Jürgen", Activity.EVENT, "3 abc", 12)

    assert (str(install), str(event)) == (
        "2963e7bd-8db8-5219-996c-2cd09bdf7e85",
        "a81929f4-91a9-5412-9195-637c10b29e73",
    )


@given(subjects)
def test_an_id_is_derived_as_it_always_was(subject: Subject) -> None:
    assert callback_id(*subject) == as_documented(subject)
    assert callback_id(*subject).version == 5


@given(subjects, subjects)
def test_different_callbacks_have_different_ids(one: Subject, other: Subject) -> None:
    assert (callback_id(*one) == callback_id(*other)) == (one == other)


def test_a_status_chooses_among_what_a_level_hears_of() -> None:
    assert partner_activities("install", None) == LEVELS["install"]
    assert partner_activities("install", "rejected") == REJECTIONS
    assert partner_activities("both", "both") == (*LEVELS["both"], *REJECTIONS)
    assert not set(partner_activities("all", "approved")) & set(REJECTIONS)
    assert partner_activities("event", "rejected") == ()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("status", [None, *STATUSES])
def test_the_same_is_heard_of_by_the_level_and_status_that_are_read_back(
    level: str, status: str | None
) -> None:
    told = partner_activities(level, status)

    if told:
        assert set(partner_activities(*level_and_status(told))) == set(told)
