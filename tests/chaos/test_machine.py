"""The short run of `make chaos`, and the negative controls of its judge.

Only what is wrong fails it: pauses and delays are printed (`pytest -s`), for this machine may be
busy with something else.
"""

import os
from pathlib import Path

import pytest

from tests.chaos.machine.controls import CONTROLS, SOUND, Control, patched_tree
from tests.chaos.machine.faults import ACTS
from tests.chaos.machine.judge import Verdict
from tests.chaos.machine.machine import Machine, Setup
from tests.chaos.machine.schedule import Kind, draw, printed
from tests.chaos.machine.trial import Trial, report

SEED = int(os.environ.get("CHAOS_SEED", "2"))
SECONDS = 180.0
CONTROL_SECONDS = 10.0


def test_a_schedule_is_the_same_for_the_same_seed_and_has_every_kind() -> None:
    schedule = draw(SEED, SECONDS, list(ACTS))

    assert schedule == draw(SEED, SECONDS, list(ACTS))
    assert schedule != draw(SEED + 1, SECONDS, list(ACTS))
    assert {fault.kind for fault in schedule} == {kind.name for kind in ACTS}


def test_two_faults_of_one_part_are_never_done_at_once() -> None:
    parts = {kind.name: kind.part for kind in ACTS}
    schedule = draw(SEED, 1_800, list(ACTS))

    at_once = [
        (one, other)
        for place, one in enumerate(schedule)
        for other in schedule[place + 1 : place + 4]
        if other.at_seconds < one.at_seconds + one.seconds
    ]
    assert at_once
    assert all(parts[one.kind] != parts[other.kind] for one, other in at_once)


def test_kinds_have_names_of_their_own() -> None:
    assert len({kind.name for kind in ACTS}) == len(ACTS)
    assert all(isinstance(kind, Kind) for kind in ACTS)


@pytest.mark.usefixtures("tools")
def test_whatever_is_broken_nothing_is_missing_twice_or_decided_otherwise() -> None:
    schedule = draw(SEED, SECONDS, list(ACTS))
    print(f"\nseed {SEED}, {len(schedule)} faults:\n{printed(schedule)}")
    with Machine(Setup(SEED)) as machine:
        trial = Trial(machine)
        trial.run(schedule, SECONDS)
        verdict = trial.verdict(SEED)
        print(f"\n{report(trial, verdict)}")
        machine.keeps = bool(verdict.violations() or trial.broken)

        assert verdict.violations() == {}, f"seed {SEED}, kept in {machine.folder}"
        assert trial.broken == []
        assert verdict.acknowledged > 1_000


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_the_judge_finds_a_broken_promise(control: Control, tmp_path: Path) -> None:
    verdict = _tried(control, patched_tree(control, tmp_path))

    assert control.finds & set(verdict.violations()), "the judge is blind to this"


@pytest.mark.usefixtures("tools")
def test_the_same_without_the_defect_is_sound() -> None:
    assert _tried(SOUND, None).violations() == {}


def _tried(control: Control, tree: Path | None) -> Verdict:
    setup = Setup(SEED, appendfsync=control.appendfsync, tree=tree)
    with Machine(setup) as machine:
        trial = Trial(machine)
        trial.run(control.faults, CONTROL_SECONDS)
        verdict = trial.verdict(SEED, is_replayed=control.is_replayed)
    print(f"\n{control.name}: {verdict.violations()}")
    assert trial.broken == []
    return verdict
