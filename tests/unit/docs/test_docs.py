"""The pages agree with the code: settings, errors, limits, command lines, links."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from console.main import waybill
from deploy import programs
from deploy.listen import Listen
from ingest import archived_links, server
from ingest.app import ROUTES
from ingest.batches import refusals as batch_refusals
from ingest.batches.batch_reader import EVENT_BYTES_MAX
from ingest.batches.body import BATCH_BYTES_MAX
from ingest.batches.envelope import EVENTS_MAX
from ingest.batches.verdict import EventOutcome
from ingest.dialects.dialect import Dialect
from ingest.http import refusals
from ingest.http.limits import KIB, ConnectionLimits
from ingest.parameters import NAME_CHARACTERS_MAX
from ingest.rate_limits import limiter
from ingest.request_body import REQUEST_BYTES_MAX
from ingest.sent_pairs import PARAMETERS_MAX
from shared import errors
from shared import fields as rules
from shared.device_ids import PRIMARY_ORDER
from shared.errors import RequestError, Unavailable
from shared.lines import line
from shared.lines.recent_ids import IDS_MAX
from shared.setting_sources import PROGRAM_VARIABLES
from shared.settings import SETTINGS
from tests.tools import console_docs
from tests.tools.written_docs import WRITTEN, with_written

ROOT = Path(__file__).parents[3]
DIALECTS = ROOT / "docs" / "dialects.md"
OPERATIONS = ROOT / "docs" / "operations.md"
DIALECT_PAGES = ROOT / "docs" / "dialects"
VENDORS = {"appsflyer": "AppsFlyer", "affiliate": "affiliate networks"}  # in their own way
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("docs/*.md")),
    *sorted(DIALECT_PAGES.glob("*.md")),
]

ENDPOINT_HEADINGS = ["Methods", "Token", "Parameters", "Answers", "Examples", "Differences from"]

LIMITS = ConnectionLimits()
REQUEST_LIMITS = {
    "query and form together": f"{REQUEST_BYTES_MAX // KIB} KiB",
    "query string": f"{LIMITS.query_bytes_max // KIB} KiB",
    "request line and header together": f"{LIMITS.head_bytes_max // KIB} KiB",
    "one header field": f"{LIMITS.header_bytes_max // KIB} KiB",
    "header fields": f"{LIMITS.headers_max}",
    "parameters": f"{PARAMETERS_MAX}",
    "name of a parameter": f"{NAME_CHARACTERS_MAX} characters",
    "time for the header": f"{LIMITS.header_seconds_max:g} s",
    "time for the body": f"{LIMITS.body_seconds_max:g} s",
    "time to read the answers": f"{LIMITS.write_seconds_max:g} s",
    "idle connection": f"{server.keepalive} s",
    "requests that wait on one connection": f"{LIMITS.pipelined_requests_max}",
    "connections of one ingest process": f"{LIMITS.connections_max}",
}

ID_LIMIT = f"{rules.ID_CHARACTERS_MAX} characters"
AMOUNT_LIMIT = f"±{rules.AMOUNT_MAX:f}"
POSTBACK_LIMITS = {
    "`user_id`": ID_LIMIT,
    "`event_id`": ID_LIMIT,
    "`click_id`": ID_LIMIT,
    "`ip_address`, also `user_ip`": "",
    "`user_agent`, also `user_ua`": f"{rules.USER_AGENT_CHARACTERS_MAX} characters",
    "`sale_amount`, also spelled `sale_amout`": AMOUNT_LIMIT,
    "`sale_amount_currency`": "",
    "`aggregated_event_value`, also `aggregated_value`": AMOUNT_LIMIT,
    "`event_value`": f"{rules.EVENT_VALUE_BYTES_MAX} bytes",
    "`idfa`, `gaid` and the other [device ids](../dialects.md#how-a-request-is-read)": ID_LIMIT,
    "`event_time`": f"{rules.EVENT_AGE_DAYS_MAX} days back, {rules.EVENT_AHEAD_DAYS_MAX} day ahead",
    "`idempotency_key`": ID_LIMIT,
    "`country`": "",
    "`environment`": "",
    "any other": f"name of {NAME_CHARACTERS_MAX} characters",
}


def under(text: str, heading: str) -> str:
    """Returns the text under a heading, including its subheadings."""
    _, begin, rest = text.partition(f"\n{heading}\n")
    assert begin, f"there is no {heading!r}"
    level = len(heading.partition(" ")[0])
    return re.split(rf"^#{{1,{level}}} ", rest, flags=re.MULTILINE)[0]


def endpoint_section(path: str, dialect: Dialect) -> str:
    """Returns the section of an endpoint on the page of its dialect."""
    return under((DIALECT_PAGES / f"{dialect.name}.md").read_text(), f"## `{path}`")


def table(text: str) -> list[list[str]]:
    """Returns the cells of all tables in the text, without their heads."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    lines = [[cell.strip() for cell in line] for line in lines]
    return [line for line, below in pairwise([*lines, [""]]) if not {line[0], below[0]} & {"---"}]


def answerable() -> dict[str, int]:
    """Returns the status by code of every answer to a sender other than 200."""
    groups = (RequestError, Unavailable)
    modules = (errors, refusals, batch_refusals, line, limiter, archived_links)
    named = [value for module in modules for value in vars(module).values()]
    kinds = [kind for kind in named if isinstance(kind, type) and issubclass(kind, groups)]
    return {kind.code: kind.status for kind in kinds if kind not in groups}


@pytest.mark.parametrize("page", sorted({page for page, _ in WRITTEN}))
def test_what_pages_repeat_from_the_code_is_what_make_docs_writes(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()

    assert with_written(page, text) == text


@pytest.mark.parametrize("page", sorted(console_docs.PAGES))
def test_what_the_console_repeats_from_a_page_is_what_make_docs_writes(page: str) -> None:
    written = (console_docs.TEMPLATES / console_docs.PAGES[page]).read_text()

    assert console_docs.template(page, (ROOT / "docs" / page).read_text()) == written
    anchors = set(re.findall(r'href="#([^"]*)"', written))
    assert anchors <= set(re.findall(r'id="([^"]*)"', written))


def test_no_page_names_a_setting_that_there_is_not() -> None:
    known = {setting.variable for setting in (*SETTINGS.values(), *PROGRAM_VARIABLES)}
    known |= {f"{variable}_FILE" for variable in known}

    for page in PAGES:
        named = set(re.findall(r"\bWAYBILL_[A-Z_]+\b", page.read_text()))
        assert named <= known, page.name


def test_every_error_has_its_row_with_the_same_status_and_every_row_is_an_error() -> None:
    documented = table(under(DIALECTS.read_text(), "### Errors"))

    assert {code.strip("`"): int(status) for status, code, *_ in documented} == answerable()


def test_the_limits_of_a_request_are_those_of_the_code() -> None:
    documented = table(under(DIALECTS.read_text(), "### Limits of a request"))

    limits = {what: limit for what, limit, *_ in documented}
    assert limits.keys() == REQUEST_LIMITS.keys()
    for what, limit in REQUEST_LIMITS.items():
        assert re.match(rf"{limit}\b", limits[what]), what


@pytest.mark.parametrize(("path", "dialect"), ROUTES)
def test_every_endpoint_has_a_section_with_the_same_headings_and_calls(
    path: str, dialect: Dialect
) -> None:
    endpoint = endpoint_section(path, dialect)

    *headings, last = ENDPOINT_HEADINGS
    expected = [*headings, f"{last} {VENDORS.get(dialect.name, dialect.name.capitalize())}"]
    assert re.findall(r"^### (.*)$", endpoint, re.MULTILINE) == expected
    called = re.sub(r"{\w+}", r"[\\w.-]+", path)
    assert re.search(rf"\bcurl [^`]*{called}\b", under(endpoint, "### Examples"))
    assert f"[`{path}`](dialects/{dialect.name}.md#" in DIALECTS.read_text()


@pytest.mark.parametrize("dialect", sorted({dialect.name for _, dialect in ROUTES}))
def test_every_dialect_has_a_page_with_a_guide_for_switching(dialect: str) -> None:
    vendor = VENDORS.get(dialect, dialect.capitalize())

    guide = under((DIALECT_PAGES / f"{dialect}.md").read_text(), f"## Switch from {vendor}")
    assert re.search(r"^1\. ", guide, re.MULTILINE)
    assert f"[{vendor}](dialects/{dialect}.md)" in DIALECTS.read_text()


@pytest.mark.parametrize(("path", "dialect"), ROUTES)
def test_every_name_of_a_token_is_documented(path: str, dialect: Dialect) -> None:
    token = under(endpoint_section(path, dialect), "### Token")

    names = set(re.findall(r"`([a-z0-9_]\w*)`", token)) - {"events", "sessions", "i"}
    own_header = {dialect.token_header} if dialect.token_header else set()
    assert names - {"__open"} == dialect.token_names | own_header


def test_the_limits_and_verdicts_of_a_batch_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "batch.md").read_text()
    limits = {cells[0]: cells[1] for cells in table(under(page, "## Limits"))}
    outcomes = [cells[0].strip("`") for cells in table(under(page, "## The answer"))]

    assert limits["events of a batch"] == f"{EVENTS_MAX:,}"
    assert limits["body, as sent and inflated"] == f"5 MB ({BATCH_BYTES_MAX:,} bytes)"
    assert limits["one event"] == f"{EVENT_BYTES_MAX // KIB} KiB"
    assert set(EventOutcome) < set(outcomes)
    assert f"the last {IDS_MAX:,} IDs" in page


def test_the_limits_of_a_postback_are_those_of_the_code() -> None:
    page = (DIALECT_PAGES / "swaarm.md").read_text()
    parameters = under(under(page, "## `/postback`"), "### Parameters")

    assert {cells[0]: cells[-1] for cells in table(parameters)} == POSTBACK_LIMITS
    prose = " ".join(parameters.split())
    assert f"in up to {rules.AMOUNT_CHARACTERS_MAX} characters" in prose
    assert f"{rules.AMOUNT_PLACES} places are stored" in prose


@pytest.mark.parametrize("command", sorted(waybill.commands))
def test_every_command_is_in_the_table_of_commands(command: str) -> None:
    documented = [cells[0] for cells in table(under(OPERATIONS.read_text(), "## Commands"))]

    assert [cell for cell in documented if re.match(rf"`waybill {command}\b", cell)]


@pytest.mark.parametrize(
    "program",
    [
        programs.ingest(Listen("127.0.0.1", 8080)),
        programs.workers(),
        programs.console(Listen("127.0.0.1", 8081)),
    ],
    ids=lambda program: program.name,
)
def test_the_documented_command_lines_are_those_of_the_launcher(program: programs.Program) -> None:
    text = under(OPERATIONS.read_text(), "## The programs one by one")
    lines = re.findall(r"^\.venv/bin/python -m .*$", text, re.MULTILINE)

    assert tuple(program.argv[1:]) in [tuple(shlex.split(line)[1:]) for line in lines]


def test_every_test_that_the_page_on_security_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "security.md").read_text()))
    written = "\n".join(path.read_text() for path in ROOT.glob("tests/**/test_*.py"))

    assert named
    assert named <= set(re.findall(r"^(?:async )?def (test_\w+)", written, re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """Returns the anchors that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_page_names_every_kind_of_device_id_in_the_order_of_choice() -> None:
    text = under(DIALECTS.read_text(), "### How a request is read")
    _, _, listed = text.partition("as they were sent:")

    named = re.findall(r"`(\w+)`", listed.partition(". 256 characters")[0])
    assert named == list(PRIMARY_ORDER)
