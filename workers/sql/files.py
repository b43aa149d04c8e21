"""Reads the statements that are too long to read well between lines of Python."""

from importlib.resources import files


def read_sql(package: str, name: str) -> str:
    """Returns a .sql file that lies beside the modules of a package."""
    return files(package).joinpath(name).read_text("utf-8")
