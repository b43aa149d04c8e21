"""Tests the choice of the account that PostgreSQL runs as."""

import os
from pathlib import Path

from deploy import identity


def test_a_normal_user_runs_it_as_itself_and_root_never_does() -> None:
    accounts = identity.candidate_accounts()
    if os.geteuid() == 0:
        assert accounts[-1].name == "nobody"
        assert identity.launcher_account() not in accounts
    else:
        assert accounts == (identity.launcher_account(),)


def test_handing_over_to_oneself_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = tmp_path.stat().st_ctime_ns
    identity.change_owner(tmp_path, identity.launcher_account())
    assert tmp_path.stat().st_ctime_ns == before


def test_a_program_that_cannot_be_run_has_no_version(tmp_path: Path) -> None:
    assert identity.version_as(identity.launcher_account(), tmp_path / "none", tmp_path) == ""
