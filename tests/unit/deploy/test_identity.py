"""As whom PostgreSQL runs."""

import os
from pathlib import Path

from deploy import identity


def test_a_normal_user_runs_it_as_itself_and_root_never_does() -> None:
    found = identity.candidates()
    if os.geteuid() == 0:
        assert found[-1].name == "nobody"
        assert identity.own() not in found
    else:
        assert found == (identity.own(),)


def test_handing_over_to_oneself_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = tmp_path.stat().st_ctime_ns
    identity.hand_over(tmp_path, identity.own())
    assert tmp_path.stat().st_ctime_ns == before


def test_a_program_that_cannot_be_run_has_no_version(tmp_path: Path) -> None:
    assert identity.version_as(identity.own(), tmp_path / "none", tmp_path) == ""
