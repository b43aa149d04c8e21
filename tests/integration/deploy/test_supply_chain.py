"""What is shipped: the wheel is the same bytes wherever it is built, and the list of it whole."""

import json
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCES = ("console", "deploy", "ingest", "shared", "workers")
FILES = ("pyproject.toml", "README.md", "LICENSE")


def built(folder: Path, mask: int) -> str:
    """The digest of the wheel that is built from a copy of the tree in this folder."""
    copy, wheels = folder / "copy", folder / "wheels"
    copy.mkdir(parents=True)
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copyfile(ROOT / name, copy / name)
    for path in copy.rglob("*"):
        os.utime(path, (1_700_000_000 + mask, 1_700_000_000 + mask))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--no-index", "-w", str(wheels), "."],
        cwd=copy,
        check=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1767225600"},
        umask=mask,
        stderr=subprocess.DEVNULL,
    )
    (wheel,) = wheels.iterdir()
    return sha256(wheel.read_bytes()).hexdigest()


def test_the_wheel_is_the_same_bytes_wherever_and_whenever_it_is_built(tmp_path: Path) -> None:
    assert built(tmp_path / "one", 0o022) == built(tmp_path / "another" / "deeper", 0o027)


def test_the_bill_of_materials_names_every_pinned_package_with_its_digests(tmp_path: Path) -> None:
    bill = tmp_path / "waybill.cdx.json"
    command = [str(Path(sys.executable).with_name("cyclonedx-py")), "requirements"]
    subprocess.run(
        [*command, "requirements.lock", "--pyproject", "pyproject.toml", "-o", str(bill)],
        cwd=ROOT,
        check=True,
        stderr=subprocess.DEVNULL,
    )
    content = json.loads(bill.read_text())
    lock = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^([\w.-]+)==([\w.]+)", lock, re.MULTILINE)

    assert {(each["name"], each["version"]) for each in content["components"]} == set(pinned)
    assert all(each["externalReferences"][0]["hashes"] for each in content["components"])
    assert content["metadata"]["component"]["name"] == "waybill"
