"""Checks that every deployment gives each program its own logins, and nobody a secret of another.

compose.yaml, the manifests for Kubernetes and the units of systemd; what is created where they name
it, by the scripts beside them.
"""

import base64
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from shared.access.access_urls import ACCESS_KEYS, AccessFolder, Store, login_of
from shared.access.grantees import Grantee
from shared.settings import SETTINGS, read_settings

DEPLOY = Path(__file__).parents[3] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SECRETS = {setting.variable for setting in SETTINGS.values() if setting.is_secret}
LOGINS = {key.file_name for key in ACCESS_KEYS}
MOUNTED = "/run/secrets/waybill"
# The secrets of each program, by their variables; those of the owner of the tables create the rest.
KEYS = {"WAYBILL_SECRET_KEY", "WAYBILL_PREVIOUS_SECRET_KEY"}
STORES = {"REDIS_URL", "DATABASE_URL"}
GIVEN = {
    "ingest": {"REDIS_URL", *KEYS},
    "workers": {*STORES, *KEYS, "WAYBILL_SMTP_URL"},
    "console": {*STORES, *KEYS, "WAYBILL_SMTP_URL", "WAYBILL_OIDC_CLIENT_SECRET"},
    "metrics": {*STORES, *KEYS},
    "migrate": {*STORES, *KEYS},
}
OWN = {"REDIS_URL": "redis_url", "DATABASE_URL": "database_url"}
FILES = {
    "WAYBILL_SECRET_KEY": "secret_key",
    "WAYBILL_PREVIOUS_SECRET_KEY": "previous_secret_key",
    "WAYBILL_SMTP_URL": "smtp_url",
    "WAYBILL_OIDC_CLIENT_SECRET": "oidc_client_secret",
}


def secret_of(program: str, variable: str) -> str:
    """Returns the name of the secret that a program is to have for a variable."""
    if variable in FILES:
        return FILES[variable]
    return OWN[variable] if program == "migrate" else f"{program}_{OWN[variable]}"


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The scripts of deploy/, in a folder of their own."""
    for script in DEPLOY.glob("*.sh"):
        shutil.copy(script, tmp_path)
    return tmp_path


def run(script: Path, *arguments: Path) -> str:
    done = subprocess.run(
        ["sh", str(script), *map(str, arguments)], check=True, capture_output=True, text=True
    )
    return done.stdout


# Docker Compose


@pytest.mark.parametrize("program", GIVEN)
def test_compose_gives_a_program_its_own_secrets_and_no_others(program: str) -> None:
    service = COMPOSE["services"][program]
    named = {
        name.removesuffix("_FILE"): value.removeprefix("/run/secrets/")
        for name, value in service["environment"].items()
        if name.endswith("_FILE")
    }

    assert named == {variable: secret_of(program, variable) for variable in GIVEN[program]}
    assert set(service["secrets"]) == set(named.values())


def test_compose_gives_the_logins_of_all_to_the_service_alone_that_creates_them() -> None:
    services = {name: set(each.get("secrets", [])) for name, each in COMPOSE["services"].items()}

    owners = {secret_of("migrate", variable) for variable in GIVEN["migrate"]}
    assert services.pop("logins") == LOGINS | owners
    assert services["postgres"] == {"postgres_password"}
    assert services["redis"] == {"redis_password"}
    assert services["grafana"] == {"grafana_password"}
    assert services["prometheus"] == set()
    assert services.keys() == {*GIVEN, "postgres", "redis", "grafana", "prometheus"}


def test_in_compose_the_logins_are_created_before_the_programs_start() -> None:
    services = COMPOSE["services"]
    done = "service_completed_successfully"

    assert services["logins"]["command"][:5] == [
        *("waybill", "access", "create", "--folder", "/run/secrets")
    ]
    assert services["logins"]["depends_on"] == {"migrate": {"condition": done}}
    for program in Grantee:
        assert services[program]["depends_on"] == {"logins": {"condition": done}}


def test_the_secrets_of_compose_are_created_once_and_are_as_settings_are_read(
    scripts: Path,
) -> None:
    folder = scripts / "secrets"
    created = []
    for _ in range(2):
        run(scripts / "compose-secrets.sh")
        created.append({file.name: file.read_text() for file in folder.iterdir()})

    assert created[0] == created[1]
    assert set(created[0]) == set(COMPOSE["secrets"])
    assert folder.stat().st_mode & 0o777 == 0o700
    files = {
        setting.file_variable: str(folder / name)
        for name, setting in SETTINGS.items()
        if setting.is_secret
    }
    read = read_settings(files)
    assert len(read.secret_key) == 64
    assert created[0]["redis_password"].strip() in read.redis_url
    assert read.smtp_url == read.previous_secret_key == read.oidc_client_secret == ""


def test_the_redis_of_compose_tells_nobody_a_password() -> None:
    """Ingest may ask it for its configuration."""
    script = COMPOSE["services"]["redis"]["command"][2]

    assert "requirepass" not in script
    assert "masterauth" not in script
    assert "--aclfile /data/users.acl" in script


# The logins that the scripts make


@pytest.mark.parametrize(
    "owner",
    [
        {"redis_url": "redis://:p@ss@redis:6379/0", "database_url": "postgresql://w:x@db/waybill"},
        {
            "redis_url": "redis+sentinel://h1:26379,h2:26379/waybill?sentinel_password=s",
            "database_url": "postgresql://db1,db2/waybill?sslmode=require",
        },
    ],
)
def test_the_script_makes_the_logins_that_the_command_would_make(
    scripts: Path, owner: dict[str, str]
) -> None:
    made, expected = scripts / "made", AccessFolder(scripts / "expected")
    made.mkdir()
    for name, url in owner.items():
        (made / name).write_text(f"{url}\n")
    (made / "metrics_redis_url").write_text("redis://my_own:hush@pooler/0\n")
    run(scripts / "access-urls.sh", made)
    expected.make({Store.REDIS: owner["redis_url"], Store.DATABASE: owner["database_url"]})

    logins = dict(AccessFolder(made).logins())
    assert logins.keys() == set(ACCESS_KEYS)
    assert len({login.password for login in logins.values()}) == len(ACCESS_KEYS)
    for key in ACCESS_KEYS:
        url, like = (folder.url(key) or "" for folder in (AccessFolder(made), expected))
        if key.file_name == "metrics_redis_url":
            assert url == "redis://my_own:hush@pooler/0"
            continue
        assert url.replace(login_of(url).password, "") == like.replace(login_of(like).password, "")
        assert len(login_of(url).password) == 64
        assert (made / key.file_name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("database_url", "postgresql://db/waybill?user=waybill&password=owner&sslmode=require"),
        ("database_url", "postgresql://db/waybill?sslmode=require&password=owner"),
        ("redis_url", "unix:///run/redis.sock?password=owner"),
    ],
)
def test_the_script_refuses_a_login_of_the_owner_that_programs_would_keep(
    scripts: Path, name: str, url: str
) -> None:
    urls = {"redis_url": "redis://:p@redis:6379/0", "database_url": "postgresql://w:x@db/w"}
    for each, usual in urls.items():
        (scripts / each).write_text(usual)
    (scripts / name).write_text(url)

    with pytest.raises(subprocess.CalledProcessError):
        run(scripts / "access-urls.sh", scripts)
    assert not [each for each in scripts.glob(f"*_{name}") if "owner" in each.read_text()]


# Kubernetes


def documents(file: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "k8s" / f"{file}.yaml").read_text()))


def pod_of(program: str) -> dict[str, Any]:
    """Returns the specification of a program's pod."""
    kinds = {"Deployment", "Job", "Pod"}
    (document,) = (each for each in documents(program) if each["kind"] in kinds)
    spec = document["spec"]
    return dict(spec["template"]["spec"] if "template" in spec else spec)


@pytest.fixture
def secrets(scripts: Path) -> dict[str, dict[str, str]]:
    """The Secrets that the script writes, by name."""
    folder = scripts / "secrets"
    folder.mkdir()
    (folder / "redis_url").write_text("redis://:hush@redis:6379/0\n")
    (folder / "database_url").write_text("postgresql://waybill:hush@db/waybill\n")
    text = run(scripts / "k8s-secrets.sh", folder)
    assert run(scripts / "k8s-secrets.sh", folder) == text  # what is there is kept
    written = list(yaml.safe_load_all(text))
    for each in written:
        kubernetes_validate.validate(each, "1.29", strict=True)
    return {
        each["metadata"]["name"]: {
            key: base64.b64decode(value).decode() for key, value in each["data"].items()
        }
        for each in written
    }


@pytest.mark.parametrize("program", [*GIVEN, "owner/pod"])
def test_kubernetes_mounts_a_program_the_secret_of_its_own_as_files(
    program: str, secrets: dict[str, dict[str, str]]
) -> None:
    pod = pod_of(program)
    name = program if program in set(Grantee) else "owner"
    named = {
        each["name"]: each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each
    }
    expected = {"secrets": f"waybill-{name}"}
    assert named == expected | ({"logins": "waybill-logins"} if program == "migrate" else {})
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        environment = {each["name"]: each.get("value", "") for each in container.get("env", [])}
        assert not SECRETS & environment.keys()
        assert all("secretRef" not in each for each in container.get("envFrom", []))
        files = {text for key, text in environment.items() if key.removesuffix("_FILE") in SECRETS}
        assert files == {f"{MOUNTED}/{key}" for key in secrets[f"waybill-{name}"]}
        assert {f"{MOUNTED}/{key}" for key in GIVEN.get(program, GIVEN["migrate"])} == files


def test_a_secret_of_kubernetes_holds_the_logins_of_its_program(
    secrets: dict[str, dict[str, str]],
) -> None:
    logins = secrets.pop("waybill-logins")
    assert logins.keys() == LOGINS
    for program in Grantee:
        for variable in STORES & secrets[f"waybill-{program}"].keys():
            url = secrets[f"waybill-{program}"][variable]
            assert login_of(url).name == f"waybill_{program}"
            assert url == logins[f"{program}_{OWN[variable]}"]
    owner = secrets["waybill-owner"]
    assert owner["DATABASE_URL"].strip() == "postgresql://waybill:hush@db/waybill"
    others = [each for name, each in secrets.items() if name != "waybill-owner"]
    assert "hush" not in str(others)
    assert len({each["WAYBILL_SECRET_KEY"] for each in secrets.values()}) == 1


def test_in_kubernetes_the_job_that_migrates_creates_the_logins_afterwards() -> None:
    pod = pod_of("migrate")
    (migrate,), (logins,) = pod["initContainers"], pod["containers"]

    assert migrate["command"] == ["waybill", "migrate"]
    mounted = {each["name"]: each["mountPath"] for each in logins["volumeMounts"]}
    assert logins["command"] == [
        *("waybill", "access", "create", "--folder", mounted["logins"], "--only-add")
    ]


# systemd


def unit(program: str) -> str:
    return (DEPLOY / "systemd" / f"waybill-{program}.service").read_text()


def lines(text: str, name: str) -> list[str]:
    """Returns the values of a directive of a unit."""
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("program", GIVEN)
def test_systemd_hands_a_unit_its_own_secrets_and_no_others(program: str) -> None:
    text = unit(program)
    loaded = dict(line.split(":") for line in lines(text, "LoadCredential"))
    passed = dict(
        pair.split("=") for line in lines(text, "Environment") for pair in shlex.split(line)
    )
    files = {
        name.removesuffix("_FILE"): value.removeprefix("%d/")
        for name, value in passed.items()
        if name.removesuffix("_FILE") in SECRETS
    }

    assert {
        variable: loaded[name].removeprefix("/etc/waybill/secrets/")
        for variable, name in files.items()
    } == {variable: secret_of(program, variable) for variable in GIVEN[program]}
    others = {name: path for name, path in loaded.items() if name not in files.values()}
    created = {name: f"/etc/waybill/secrets/{name}" for name in LOGINS}
    assert others == (created if program == "migrate" else {})
    # A variable of the environment would set it twice, which is refused.
    (unset,) = lines(text, "UnsetEnvironment")
    assert GIVEN[program] <= set(unset.split())


def test_no_deployment_tells_ingest_where_postgresql_is() -> None:
    ingest = COMPOSE["services"]["ingest"]
    assert not {"DATABASE_URL", "DATABASE_URL_FILE"} & ingest["environment"].keys()
    assert "database_url" not in " ".join(ingest["secrets"])
    assert "DATABASE_URL" not in str(pod_of("ingest"))
    (unset,) = lines(unit("ingest"), "UnsetEnvironment")
    assert {"DATABASE_URL", "DATABASE_URL_FILE"} <= set(unset.split())
    assert "database_url" not in unit("ingest")


def test_under_systemd_the_unit_that_migrates_creates_the_logins_afterwards() -> None:
    migrate, create = (line.split()[1:] for line in lines(unit("migrate"), "ExecStart"))

    assert migrate == ["migrate"]
    assert create == ["access", "create", "--folder", "%d", "--only-add"]
    assert "EnvironmentFile=/etc/waybill/waybill.env" in unit("migrate")
    example = (DEPLOY / "systemd" / "waybill.env.example").read_text()
    assert not [name for name in SECRETS if re.search(rf"^{name}=", example, re.MULTILINE)]
