"""What the query of a batch may ask for."""

import pytest

from ingest.batches.options import BatchOptions, read_options
from shared.errors import RequestError


@pytest.mark.parametrize(
    ("query", "options"),
    [
        (b"", BatchOptions()),
        (b"results=all", BatchOptions()),
        (b"results=failed", BatchOptions(failed_only=True)),
        (b"validate=only", BatchOptions(validate_only=True)),
        (b"validate=only&results=failed", BatchOptions(True, True)),
    ],
)
def test_a_query_chooses_verdicts_and_whether_to_store(query: bytes, options: BatchOptions) -> None:
    assert read_options(query) == options


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (b"results=none", "results"),
        (b"validate=true", "validate"),
        (b"validat=only", "validat"),
        (b"s2s_token=t", "s2s_token"),
        (b"validate=only&validate=no", "validate"),
    ],
)
def test_anything_else_is_refused_because_it_may_be_a_misspelt_validate(
    query: bytes, field: str
) -> None:
    with pytest.raises(RequestError) as caught:
        read_options(query)

    assert caught.value.field == field
