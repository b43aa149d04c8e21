"""Makes the roles of PostgreSQL agree with the declared rights, and says where they do not.

The owner of the tables grants rights in them, when a role is created and after each migration. It
also creates the roles if it may; otherwise an administrator has to have done so.
"""

from contextlib import closing

from shared.access.access_urls import Login
from shared.access.discrepancies import Discrepancy
from shared.access.grantees import Grantee
from shared.access.scram import scram_verifier
from shared.access.table_rights import Privilege, declared_privileges
from shared.database import (
    Connection,
    DatabaseError,
    connect,
    run,
    run_utility,
    sqlstate,
    transaction,
)
from shared.errors import OperatorError

_STORE = "postgresql"
_INSUFFICIENT_PRIVILEGE = "42501"
_ANYBODYS = {("database", "TEMPORARY"), ("database", "CONNECT"), ("schema", "USAGE")}

_CREATE_ROLE = "CREATE ROLE {role} LOGIN PASSWORD {verifier}"
_CHANGE_ROLE = "ALTER ROLE {role} LOGIN PASSWORD {verifier}"
_SET_PATH = "ALTER ROLE {role} IN DATABASE {database} SET search_path = {schema}"
_STATISTICS = {Grantee.METRICS: ["pg_read_all_stats"]}
_FIND = "SELECT rolcanlogin FROM pg_roles WHERE rolname = %s"
_PRESENT = """
WITH tables AS (
    SELECT oid, relname, relkind FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace
      AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
)
SELECT 'table', relname, privilege
FROM tables, unnest(ARRAY[
    'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'
]) AS privilege
WHERE relkind <> 'S' AND has_table_privilege(%(role)s, oid, privilege)
UNION ALL
SELECT 'sequence', relname, privilege
FROM tables, unnest(ARRAY['SELECT', 'UPDATE', 'USAGE']) AS privilege
WHERE relkind = 'S' AND has_sequence_privilege(%(role)s, oid, privilege)
UNION ALL
SELECT 'function', proname, 'EXECUTE' FROM pg_proc
WHERE pronamespace = current_schema()::regnamespace
  AND has_function_privilege(%(role)s, oid, 'EXECUTE')
UNION ALL
SELECT 'schema', '', privilege FROM unnest(ARRAY['USAGE', 'CREATE']) AS privilege
WHERE has_schema_privilege(%(role)s, current_schema(), privilege)
UNION ALL
SELECT 'database', '', privilege FROM unnest(ARRAY['CONNECT', 'CREATE', 'TEMPORARY']) AS privilege
WHERE has_database_privilege(%(role)s, current_database(), privilege)
"""
_POWERS = """
SELECT power FROM pg_roles, LATERAL (VALUES
    ('SUPERUSER', rolsuper), ('CREATEROLE', rolcreaterole), ('CREATEDB', rolcreatedb),
    ('REPLICATION', rolreplication), ('BYPASSRLS', rolbypassrls)
) AS powers (power, has_it)
WHERE rolname = %(role)s AND has_it
UNION ALL
SELECT 'membership of ' || held.rolname FROM pg_auth_members
JOIN pg_roles AS holders ON holders.oid = member
JOIN pg_roles AS held ON held.oid = roleid
WHERE holders.rolname = %(role)s AND held.rolname <> ALL(%(allowed)s)
"""
_NAMES = "SELECT current_schema(), current_database()"
_GRANT = "GRANT {right} ON {kind} {object} TO {role}"
_REVOKE = "REVOKE {right} ON {kind} {object} FROM {role}"


class RoleNotCreated(OperatorError):
    """The owner of the tables may not create roles or change their passwords."""


def can_log_in(connection: Connection, url: str, role: str) -> bool:
    """Tells whether a role exists and its URL opens the database as it. Raises DatabaseError."""
    if run(connection, _FIND, (role,)).fetchone() is None:
        return False
    try:
        with closing(connect(url, "access")) as opened:
            return run(opened, "SELECT current_user").fetchone() == (role,)
    except DatabaseError:
        return False


def ensure_role(connection: Connection, login: Login) -> None:
    """Creates a role that can log in, or gives it this password. Raises RoleNotCreated."""
    is_there = run(connection, _FIND, (login.name,)).fetchone() is not None
    names, texts = {"role": login.name}, {"verifier": scram_verifier(login.password)}
    try:
        run_utility(connection, _CHANGE_ROLE if is_there else _CREATE_ROLE, names, texts)
    except DatabaseError as error:
        if sqlstate(error) != _INSUFFICIENT_PRIVILEGE:
            raise
        raise RoleNotCreated(
            "The role in DATABASE_URL may not create roles, or change this one. Have an "
            f"administrator create {login.name} with LOGIN and its password, then try again."
        ) from error


def allow_statistics(connection: Connection, role: str) -> bool:
    """Lets a role see the state of others' sessions, if the owner of the tables may allow that."""
    try:
        run_utility(connection, "GRANT pg_read_all_stats TO {role}", {"role": role})
    except DatabaseError as error:
        if sqlstate(error) != _INSUFFICIENT_PRIVILEGE:
            raise
        return False
    return True


def grant_rights(
    connection: Connection, role: str, grantee: Grantee, *, revoke: bool = False
) -> int:
    """Grants a role what it lacks, with `revoke` also takes what it has too much.

    Returns the number of changes. Raises DatabaseError.
    """
    [(schema, database)] = run(connection, _NAMES).fetchall()
    missing, extra = _differences(connection, role, grantee)
    extra = extra if revoke else set()
    with transaction(connection):
        for statement, privileges in ((_GRANT, missing), (_REVOKE, extra)):
            for kind, name, right in sorted(privileges):
                named = {"schema": schema, "database": database}.get(kind, name)
                names, words = {"object": named, "role": role}, {"right": right, "kind": kind}
                run_utility(connection, statement, names, words=words)
        if schema != "public":
            names = {"role": role, "database": database, "schema": schema}
            run_utility(connection, _SET_PATH, names)
    return len(missing) + len(extra)


def compare_role(connection: Connection, role: str, grantee: Grantee) -> list[Discrepancy]:
    """Lists what a role has too much, by whatever way, and what it lacks. Raises DatabaseError."""
    if run(connection, _FIND, (role,)).fetchone() is None:
        return [Discrepancy(_STORE, role, "role", is_missing=True)]
    missing, extra = _differences(connection, role, grantee)
    powers = run(
        connection, _POWERS, {"role": role, "allowed": _STATISTICS.get(grantee, [])}
    ).fetchall()
    return [
        *(Discrepancy(_STORE, role, _words(each), is_missing=True) for each in sorted(missing)),
        *(Discrepancy(_STORE, role, _words(each), is_missing=False) for each in sorted(extra)),
        *(Discrepancy(_STORE, role, power, is_missing=False) for (power,) in powers),
    ]


def _differences(
    connection: Connection, role: str, grantee: Grantee
) -> tuple[set[Privilege], set[Privilege]]:
    """Returns what a role lacks, and what it has though it is not declared."""
    declared = declared_privileges(grantee)
    present = {Privilege(*row) for row in run(connection, _PRESENT, {"role": role})}
    extra = {each for each in present - declared if (each.kind, each.right) not in _ANYBODYS}
    return declared - present, extra


def _words(privilege: Privilege) -> str:
    return f"{privilege.right} on {privilege.kind} {privilege.name}".rstrip()
