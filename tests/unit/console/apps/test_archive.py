"""Tests the confirmation of what cannot be undone."""

import pytest

from console.apps.archive import require_typed
from shared.errors import OperatorError


def test_the_name_has_to_be_typed_exactly() -> None:
    require_typed("Shop", " Shop ")
    for typed in ("", "shop", "Shop 2"):
        with pytest.raises(OperatorError, match="Type the name"):
            require_typed("Shop", typed)
