"""Writes country databases for tests, in the forms of their publishers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

BY_NETWORK = {"81.2.69.0/24": "GB", "89.160.20.0/24": "SE", "2a02:c0::/32": "NO"}


def geolite(code: str) -> dict[str, Any]:
    """Returns a record in the form of GeoLite2 Country and DB-IP Lite."""
    return {"country": {"iso_code": code, "names": {"en": "somewhere"}}}


def write_database(
    path: Path, by_network: Mapping[str, Any] = BY_NETWORK, *, ip_version: int = 6
) -> Path:
    """Replaces the file atomically, as `geoipupdate` does. Texts are countries, the rest
    records."""
    writer = MMDBWriter(ip_version=ip_version, ipv4_compatible=ip_version == 6)
    for network, record in by_network.items():
        writer.insert_network(
            IPSet([network]), geolite(record) if isinstance(record, str) else record
        )
    new = path.with_name(f"{path.name}.new")
    writer.to_db_file(str(new))
    new.rename(path)
    return path
