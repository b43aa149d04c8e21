"""Advisory locks are taken in one place, which tells the shards of a database apart."""

import ast

from shared.shards.advisory_locks import AdvisoryLock
from tests.unit.test_house import modules, tree

# Text that names a function of PostgreSQL's locks elsewhere, and why that is right.
ELSEWHERE = {
    "shared.shards.advisory_locks": "the one place",
    "workers.decisions.coupling.click_uses": "locks several apps at once, by the key of apps",
    "workers.maintenance.audit_expiry": "the audit log is of the installation, not of a shard",
}


def test_no_other_module_takes_an_advisory_lock() -> None:
    found = {
        name
        for name in modules()
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant) and "advisory_" in str(node.value)
        if "pg_" in str(node.value)
    }

    assert found == set(ELSEWHERE)


def test_no_two_locks_have_one_number_and_each_fits_the_lower_half_of_a_key() -> None:
    numbers = [each.value for each in AdvisoryLock.__members__.values()]

    assert len(numbers) == len(set(numbers))
    assert all(0 < number < 1 << 31 for number in numbers)
    assert 7_246_021 not in numbers  # that of `chain_audit_entry`
