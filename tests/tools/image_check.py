"""Runs the steps of deploy/Dockerfile in clean roots made by debootstrap, without Docker.

    make image-check

Both stages begin with a bare Debian, of the release that BASE names. At the end the image's own
command is started as its user, and its health check is repeated until it succeeds. Needs root,
debootstrap and the registries. It cannot check what only Docker does (layers, the ignore file,
capabilities).
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
STEP_SECONDS_MAX = 900
ANSWER_SECONDS_MAX = 30
# What the steps need from this machine to reach the registries: nothing of it stays in the root.
_NAMES = "etc/resolv.conf"
_TRUSTED = "borrowed-certificates.crt"
_SECRET = "a key of the image check, long enough to be one"


@dataclass
class Stage:
    """A root file system, and what the steps so far have set."""

    root: Path
    folder: str = "/"
    user: str = "0:0"
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/bin"}
    )
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def argv(self, *command: str) -> list[str]:
        user, _, group = self.user.partition(":")
        enter = f"cd {shlex.quote(self.folder)} && exec {shlex.join(command)}"
        # By its path, because the image's PATH has no folder for root's programs.
        return ["/usr/sbin/chroot", f"--userspec={user}:{group}", str(self.root), "sh", "-c", enter]

    def run(self, *command: str, more: Mapping[str, str] | None = None) -> None:
        subprocess.run(
            self.argv(*command),
            env={**self.environment, **(more or {})},
            check=True,
            timeout=STEP_SECONDS_MAX,
        )


def main() -> int:
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        sys.exit("The image check needs root and debootstrap.")
    work = Path(tempfile.mkdtemp(prefix="waybill-image-"))
    try:
        image = build(work)
        size = _size_mb(image.root / "opt/waybill")
        print(f"image: whole {_size_mb(image.root)} MB, of it /opt/waybill {size} MB")
        return 0 if is_healthy(image) else 1
    finally:
        shutil.rmtree(work)


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Splits a Dockerfile into instructions and arguments, lines joined and comments left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in re.sub(r"\\\n\s*", " ", lines).splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name, rest.strip()


def _release() -> str:
    """Returns the release of Debian that the image is built on, unless a digest is named."""
    [release] = re.findall(r"^ARG BASE=debian:(\w+)-slim$", DOCKERFILE.read_text(), re.MULTILINE)
    return str(release)


def build(work: Path) -> Stage:
    """Builds the stages and returns the last. Raises CalledProcessError at the first failing
    step."""
    bare = work / "bare"
    subprocess.run(
        ["debootstrap", "--variant=minbase", _release(), str(bare)],
        check=True, stdout=subprocess.DEVNULL, timeout=STEP_SECONDS_MAX,
    )  # fmt: skip
    stages: dict[str, Stage] = {}
    stage = Stage(bare)
    for name, rest in steps(DOCKERFILE.read_text()):
        print(f"{name} {rest}", flush=True)
        if name == "FROM":
            called = rest.partition(" AS ")[2] or "image"
            stage = stages[called] = Stage(work / called)
            subprocess.run(["cp", "-a", str(bare), str(stage.root)], check=True)
        else:
            _step(stage, stages, name, rest)
    return stage


def _step(stage: Stage, stages: Mapping[str, Stage], name: str, rest: str) -> None:
    if name == "RUN":
        stage.run("sh", "-c", rest, more=_borrow(stage))
        _give_back(stage)
    elif name == "COPY":
        _copy(stage, stages, rest.split())
    elif name == "WORKDIR":
        stage.folder = rest
        (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
    elif name == "ENV":
        stage.environment |= dict(word.split("=", 1) for word in shlex.split(rest))
    elif name == "USER":
        stage.user = rest
    elif name == "CMD":
        stage.command = json.loads(rest)
    elif name == "HEALTHCHECK":
        stage.health = json.loads(rest.partition("CMD ")[2])
    elif name not in {"ARG", "EXPOSE", "LABEL"}:  # these change nothing that runs
        raise ValueError(f"The image check knows no {name}.")


def _copy(stage: Stage, stages: Mapping[str, Stage], words: list[str]) -> None:
    source = ROOT
    if words[0].startswith("--from="):
        source = stages[words.pop(0).removeprefix("--from=")].root
    *paths, into = words
    target = stage.root / Path(stage.folder, into).as_posix().lstrip("/")
    for path in paths:
        origin = source / path.lstrip("/")
        if origin.is_dir():
            shutil.copytree(origin, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy(origin, target / origin.name if target.is_dir() else target)


def _borrow(stage: Stage) -> dict[str, str]:
    """Lends the root what fetching needs, and returns the environment of such steps."""
    shutil.copy(f"/{_NAMES}", stage.root / _NAMES)
    borrowed = {"DEBIAN_FRONTEND": "noninteractive"}
    if trusted := os.environ.get("PIP_CERT"):
        shutil.copy(trusted, stage.root / _TRUSTED)
        borrowed["PIP_CERT"] = f"/{_TRUSTED}"
    return borrowed


def _give_back(stage: Stage) -> None:
    for path in (_NAMES, _TRUSTED):
        (stage.root / path).unlink(missing_ok=True)


def is_healthy(image: Stage) -> bool:
    """Tells whether the image's command, run as its user, passes its own health check.

    Runs in a network namespace, because it listens on every address, and on a root file system that
    is read-only except for /tmp and /dev/shm, as Compose and Kubernetes run it.
    """
    space = f"waybill-image-{os.getpid()}"
    inside = [str(shutil.which("ip")), "netns", "exec", space]
    settings = {
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "WAYBILL_SECRET_KEY": _SECRET,
    }
    (image.root / "dev/shm").mkdir(exist_ok=True)
    subprocess.run(["ip", "netns", "add", space], check=True)
    subprocess.run([*inside, inside[0], "link", "set", "lo", "up"], check=True)
    argv = [*inside, "/bin/sh", "-c", _read_only(image)]
    process = subprocess.Popen(argv, env={**image.environment, **settings})
    try:
        return _answers([*inside, *image.argv(*image.health)], image, process)
    finally:
        process.terminate()
        process.wait(30)
        subprocess.run(["ip", "netns", "del", space], check=True)


def _read_only(image: Stage) -> str:
    # In the mount namespace that `ip netns exec` creates: nobody else sees it.
    root = shlex.quote(str(image.root))
    steps = [
        f"mount --bind {root} {root}",
        f"mount -o remount,bind,ro {root}",
        *(f"mount -t tmpfs tmpfs {root}/{folder}" for folder in ("tmp", "dev/shm")),
        f"exec {shlex.join(image.argv(*image.command))}",
    ]
    return " && ".join(steps)


def _answers(check: list[str], image: Stage, process: "subprocess.Popen[bytes]") -> bool:
    begun = time.monotonic()
    while time.monotonic() - begun < ANSWER_SECONDS_MAX and process.poll() is None:
        check_run = subprocess.run(check, env=image.environment, capture_output=True, check=False)
        if check_run.returncode == 0:
            print(f"healthy after {time.monotonic() - begun:.1f} s, as user {image.user}")
            return True
        time.sleep(0.5)
    print(f"the health check never succeeded; the command's status is {process.poll()}")
    return False


def _size_mb(folder: Path) -> int:
    usage = subprocess.run(["du", "-sxm", str(folder)], check=True, capture_output=True, text=True)
    return int(usage.stdout.split()[0])


if __name__ == "__main__":
    sys.exit(main())
