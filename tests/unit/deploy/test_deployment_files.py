"""Checks the files that cannot run here against schemas and code: Kubernetes, Compose, units.

`data/compose_spec.json` is the schema of the Compose specification (Apache-2.0), as Docker Compose
1.29.2 ships it.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from click import Group

from console.main import waybill
from console.metrics.lag import Lag
from deploy import programs
from deploy.listen import Listen
from shared.setting_sources import PROGRAM_VARIABLES
from shared.settings import SETTINGS

DEPLOY = Path(__file__).parents[3] / "deploy"
K8S = DEPLOY / "k8s"
COMPOSE = DEPLOY / "compose.yaml"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SCHEMA = Path(__file__).parent / "data" / "compose_spec.json"
KUBERNETES = ("1.29", "1.37")
IMAGES = {f"{name}_IMAGE" for name in ("BASE", "POSTGRES", "REDIS", "PROMETHEUS", "GRAFANA")}
OF_COMPOSE = {"COMPOSE_PROJECT_NAME"}
SECRETS = {setting.variable for setting in SETTINGS.values() if setting.is_secret}


def documents(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(folder.rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            yield f"{file.relative_to(folder)}:{document['kind']}", document


RESOURCES = {
    name: document
    for name, document in documents(K8S)
    if not document["apiVersion"].startswith(("kustomize.config.k8s.io/", "keda.sh/"))
}
PODS = {
    name: document if document["kind"] == "Pod" else document["spec"]["template"]
    for name, document in RESOURCES.items()
    if document["kind"] == "Pod" or "template" in document.get("spec", {})
}


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("name", RESOURCES)
def test_every_resource_is_what_kubernetes_takes(name: str, version: str) -> None:
    kubernetes_validate.validate(RESOURCES[name], version, strict=True)


def test_every_file_for_kubernetes_is_named_by_a_kustomization() -> None:
    named: set[Path] = set()
    for file in K8S.rglob("kustomization.yaml"):
        text = re.sub(r"^( *)# (?=- \w+$)", r"\1", file.read_text(), flags=re.MULTILINE)
        kustomization = yaml.safe_load(text)
        parts = [*kustomization.get("resources", []), *kustomization.get("components", [])]
        named |= {(file.parent / part).resolve() for part in parts} | {file.resolve()}
    existing = {file.resolve() for file in K8S.rglob("*.yaml")}

    assert {path for path in named if path.suffix} == existing
    assert all(path.exists() for path in named)


@pytest.mark.parametrize("name", PODS)
def test_a_pod_may_do_nothing_that_it_need_not(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    for container in containers(PODS[name]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


def test_what_selects_pods_selects_some() -> None:
    labels_of_pods = [pod["metadata"]["labels"] for pod in PODS.values()]
    selectors = [
        document["spec"].get("selector", document["spec"].get("podSelector"))
        for document in RESOURCES.values()
        if {"selector", "podSelector"} & document.get("spec", {}).keys()
    ]
    assert len(selectors) > len(PODS)
    for selector in selectors:
        wanted = selector.get("matchLabels", selector) if selector else {}
        assert any(wanted.items() <= labels.items() for labels in labels_of_pods), selector


def test_nothing_is_started_anew_because_a_store_is_away() -> None:
    probes = [
        container[probe]
        for pod in PODS.values()
        for container in containers(pod)
        for probe in ("startupProbe", "livenessProbe")
        if probe in container
    ]

    assert probes
    for probe in probes:
        assert "tcpSocket" in probe or probe["httpGet"]["path"] == "/health/live"


def test_the_console_is_reached_though_postgresql_is_away() -> None:
    """Its page of Operations is looked at just then."""
    (console,) = containers(PODS["console.yaml:Deployment"])
    asked = yaml.safe_load(COMPOSE.read_text())["services"]["console"]["healthcheck"]["test"]

    assert console["readinessProbe"]["httpGet"]["path"] == "/health/live"
    assert "http://127.0.0.1:8081/health/live" in asked[-1]


def test_keda_reads_a_number_that_the_pipeline_tells() -> None:
    scaled = [
        document for name, document in documents(K8S / "keda") if name.endswith(":ScaledObject")
    ]
    (trigger,) = scaled[0]["spec"]["triggers"]

    assert trigger["metadata"]["valueLocation"] in {field.name for field in fields(Lag)}
    assert trigger["metadata"]["url"].endswith("/health/lag")
    assert scaled[0]["spec"]["scaleTargetRef"]["name"] in {
        document["metadata"]["name"] for document in RESOURCES.values()
    }


def test_compose_keeps_to_its_specification() -> None:
    schema = jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text()))

    schema.validate(yaml.safe_load(COMPOSE.read_text()))


def test_compose_asks_for_the_variables_that_its_example_names() -> None:
    variables = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE.read_text()))

    assert variables | OF_COMPOSE == set(variables_of(DEPLOY / "compose.env.example"))


def test_compose_hands_out_files_that_there_are() -> None:
    compose = yaml.safe_load(COMPOSE.read_text())
    volumes = [
        volume for service in compose["services"].values() for volume in service.get("volumes", [])
    ]
    named = [volume.partition(":")[0] for volume in volumes if volume.startswith(".")]
    named += [config["file"] for config in compose["configs"].values()]

    assert len(named) >= 4
    assert all((DEPLOY / name).exists() for name in named)


def test_prometheus_asks_for_services_that_compose_has() -> None:
    scraped = re.findall(r'"(\w+):\d+"', (DEPLOY / "prometheus" / "prometheus.yml").read_text())

    assert scraped
    assert set(scraped) <= yaml.safe_load(COMPOSE.read_text())["services"].keys()


def test_no_secret_is_in_an_environment_or_in_a_file_of_compose() -> None:
    compose = yaml.safe_load(COMPOSE.read_text())
    environments = [each.get("environment", {}) for each in compose["services"].values()]
    passed = [(name, value) for each in environments for name, value in each.items()]

    for name, value in passed:
        assert name.removesuffix("_FILE") not in SECRETS or name.endswith("_FILE")
        if name.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in compose["secrets"], name
    asked = variables_of(DEPLOY / "compose.env.example")
    assert not [name for name in asked if re.search("PASSWORD|SECRET|KEY", name)]
    assert "deploy/secrets/" in (DEPLOY.parent / ".gitignore").read_text().split()
    assert "deploy/secrets" in (DEPLOY.parent / ".dockerignore").read_text().split()


def test_the_log_of_erasures_outlives_every_container() -> None:
    compose = yaml.safe_load(COMPOSE.read_text())
    for name in ("workers", "console"):
        service = compose["services"][name]
        volume = next(each for each in service["volumes"] if each.startswith("erasures:"))
        source, _, folder = volume.partition(":")
        assert source in compose["volumes"]
        assert service["environment"]["WAYBILL_ERASURE_LOG"].startswith(f"{folder}/")
        assert folder in (DEPLOY / "Dockerfile").read_text()
    component = (K8S / "erasures" / "kustomization.yaml").read_text()
    assert "waybill-(workers|console)" in component


def test_day_files_have_a_volume_that_workers_and_the_console_share() -> None:
    compose = yaml.safe_load(COMPOSE.read_text())
    assert "day_files" in compose["volumes"]
    for name in ("workers", "console"):
        service = compose["services"][name]
        folder = service["environment"]["WAYBILL_DAY_FILES"]
        assert f"day_files:{folder}" in service["volumes"]
        assert folder in (DEPLOY / "Dockerfile").read_text().split()
    component = yaml.safe_load((K8S / "day-files" / "kustomization.yaml").read_text())
    (patch,) = component["patches"]
    added = [each["value"] for each in yaml.safe_load(patch["patch"])]
    mounts = {each["name"]: each["mountPath"] for each in added if "mountPath" in each}
    variables = {each["name"]: each["value"] for each in added if "value" in each}
    assert patch["target"]["name"] == "waybill-(workers|console)"
    assert variables["WAYBILL_DAY_FILES"] == mounts["day-files"]
    assert variables["TMPDIR"] == mounts["scratch"]


def test_everything_has_a_limit_of_memory() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    limits = [each["resources"]["limits"] for pod in PODS.values() for each in containers(pod)]

    assert all("mem_limit" in each and "pids_limit" in each for each in services.values())
    assert all("memory" in each for each in limits)
    assert all("\nMemoryMax=" in unit.read_text() for unit in UNITS)


def test_every_image_can_be_pinned_by_its_digest() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    images = {name: each["image"] for name, each in services.items() if each["image"] != "waybill"}
    named = variables_of(DEPLOY / "compose.env.example")
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    (base,) = re.findall(r"^ARG BASE=(.*)$", dockerfile, re.MULTILINE)

    assert images.keys() == {"postgres", "redis", "prometheus", "grafana"}
    for image in images.values():
        variable, tag = re.fullmatch(r"\$\{(\w+_IMAGE):-([\w./]+:[\w.-]+)\}", image).groups()  # type: ignore[union-attr]
        assert variable in named
        assert not tag.endswith("latest")
    assert re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE) == ["${BASE}", "${BASE}"]
    assert services["migrate"]["build"]["args"] == {"BASE": f"${{BASE_IMAGE:-{base}}}"}


def test_an_image_tells_where_it_comes_from() -> None:
    labels = re.findall(r"org\.opencontainers\.image\.(\w+)", (DEPLOY / "Dockerfile").read_text())

    assert {"title", "licenses", "version", "revision"} <= set(labels)


def test_in_compose_nothing_is_reached_from_other_machines_without_a_proxy() -> None:
    compose = yaml.safe_load(COMPOSE.read_text())
    ports = {
        name: service["ports"]
        for name, service in compose["services"].items()
        if "ports" in service
    }
    assert compose["networks"]["inside"] == {"internal": True}
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)


def variables_of(file: Path) -> list[str]:
    return re.findall(r"^(\w+)=", file.read_text(), re.MULTILINE)


def test_no_file_sets_a_variable_that_nobody_reads() -> None:
    known = {setting.variable for setting in (*SETTINGS.values(), *PROGRAM_VARIABLES)}
    known |= {setting.file_variable for setting in SETTINGS.values() if setting.is_secret}
    named = set(re.findall(r"\b(?:WAYBILL|WEB)_[A-Z_]+\b", COMPOSE.read_text()))
    for file in DEPLOY.rglob("*.example"):
        named |= {name for name in variables_of(file) if not name.startswith("PYTHON")}
    kustomization = yaml.safe_load((K8S / "kustomization.yaml").read_text())
    (settings,) = kustomization["configMapGenerator"]
    named |= {literal.partition("=")[0] for literal in settings["literals"]}

    assert named <= known | OF_COMPOSE | IMAGES


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yields every command line of Waybill in any of the files."""
    for name, pod in PODS.items():
        for container in containers(pod):
            if "command" in container and container["command"][0] != "sleep":
                yield name, container["command"]
    for name, service in yaml.safe_load(COMPOSE.read_text())["services"].items():
        if service.get("image") == "waybill" and "command" in service:
            yield f"compose:{name}", service["command"]
    for unit in UNITS:
        for line in re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE):
            yield unit.name, shlex.split(line)


@pytest.mark.parametrize(("where", "command"), [*commands()], ids=lambda value: str(value)[:40])
def test_every_command_is_one_of_waybills_or_ingest(where: str, command: list[str]) -> None:
    program = Path(command[0]).name
    if program == "waybill":
        program_command = waybill.commands[command[1]]
        if isinstance(program_command, Group):
            program_command = program_command.commands[command[2]]
        options = {option for parameter in program_command.params for option in parameter.opts}
        assert {word for word in command[2:] if word.startswith("--")} <= options, where
    else:
        assert tuple(command[1:]) == programs.ingest(Listen("127.0.0.1", 8080)).argv[1:], where


def test_the_image_runs_ingest_as_nobody_in_particular() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    (started,) = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)

    assert tuple(json.loads(started)[1:]) == programs.ingest(Listen("0.0.0.0", 8080)).argv[1:]
    (user,) = re.findall(r"^USER (.*)$", text, re.MULTILINE)
    assert user == "10001:10001"
    assert all(pod["spec"]["securityContext"]["runAsUser"] == 10001 for pod in PODS.values())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_is_confined_in_the_same_way(unit: Path) -> None:
    def confinement(of: Path) -> str:
        return of.read_text().partition("User=waybill")[2].partition("[Install]")[0].strip()

    assert confinement(unit) == confinement(UNITS[0])
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(
        confinement(unit).splitlines()
    )
