"""Settings: strict readers, all faults at once, secrets out of sight."""

from pathlib import Path

import pytest

from shared.errors import OperatorError
from shared.setting_sources import PROGRAM_VARIABLES, Variable
from shared.settings import SETTINGS, read_ingest_settings, read_settings
from shared.shards.shard_names import ShardNames
from tests.support.build import VARIABLES, settings

# Of the settings that are numbers. `Variable.unit` is whatever word stands last, so only a list can
# tell a unit from another word.
UNITS = {
    "bytes", "days", "deliveries", "events", "hops", "ms", "percent", "rejections", "replicas",
    "seconds", "shard",
}  # fmt: skip


VALID_SECRETS = {
    "database_url": "postgresql://waybill:a-password@db.internal/waybill",
    "redis_url": "redis://:a-password@redis.internal:6379/0",
    "secret_key": "a key of the installation, of enough characters",
    "previous_secret_key": "the key before it, of enough characters too",
    "oidc_client_secret": "a-password",
    "smtp_url": "smtps://user:a-password@mail.example.com",
}


def refusal(**variables: str) -> str:
    with pytest.raises(OperatorError) as caught:
        settings(**variables)
    return caught.value.message


def test_three_variables_are_enough() -> None:
    read = settings()

    assert read.redis_url == VARIABLES["REDIS_URL"]
    assert read.secret_key == VARIABLES["WAYBILL_SECRET_KEY"].encode()
    assert read.durability == "strict"
    assert read.key_days_min >= 30
    assert read.flush_wait_ms_max < 1000


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(OperatorError) as caught:
        read_settings({"WAYBILL_DURABILITY": "maybe", "WAYBILL_BATCH_EVENTS_MAX": "0"})

    for variable in (*VARIABLES, "WAYBILL_DURABILITY", "WAYBILL_BATCH_EVENTS_MAX"):
        assert f"  {variable} " in caught.value.message


def test_a_program_belongs_to_shard_0_and_another_shard_needs_rqs_own_setting() -> None:
    assert settings().names == ShardNames(0)
    assert settings(WAYBILL_SHARD="3", RQ_KEY_PREFIX="{3}:rq").names == ShardNames(3)

    wanted = "RQ_KEY_PREFIX must be {3}:rq, as WAYBILL_SHARD is 3"
    assert wanted in refusal(WAYBILL_SHARD="3")
    assert wanted in refusal(WAYBILL_SHARD="3", RQ_KEY_PREFIX="{4}:rq")
    assert "RQ_KEY_PREFIX must be rq" in refusal(RQ_KEY_PREFIX="other")
    assert "WAYBILL_SHARD must be a whole number" in refusal(WAYBILL_SHARD="-1")


def test_a_cluster_has_the_keys_of_a_shard_with_a_number_alone() -> None:
    url = "redis+cluster://a:6379,b:6379"
    sharded = settings(REDIS_URL=url, WAYBILL_SHARD="3", RQ_KEY_PREFIX="{3}:rq")
    assert sharded.redis_url == url

    wanted = "WAYBILL_SHARD must be 1 or more, as REDIS_URL is that of a cluster"
    assert wanted in refusal(REDIS_URL=url)
    assert "REDIS_URL must name no database" in refusal(REDIS_URL=f"{url}/2", WAYBILL_SHARD="3")


def test_what_is_not_set_is_explained() -> None:
    with pytest.raises(
        OperatorError, match=r"DATABASE_URL is not set\. libpq URL of PostgreSQL 15"
    ):
        read_settings({})


@pytest.mark.parametrize("url", ["postgresql://waybill@db.internal/waybill", "no URL", None])
def test_ingest_learns_nothing_of_postgresql(url: str | None) -> None:
    told = {name: value for name, value in VARIABLES.items() if name != "DATABASE_URL"}
    variables = told if url is None else {**told, "DATABASE_URL": url}

    assert read_ingest_settings(variables).database_url == ""
    assert read_ingest_settings(variables).redis_url == VARIABLES["REDIS_URL"]


def test_ingest_is_told_of_every_other_fault() -> None:
    with pytest.raises(OperatorError) as caught:
        read_ingest_settings({"WAYBILL_DURABILITY": "maybe"})

    assert "DATABASE_URL" not in caught.value.message
    for variable in ("REDIS_URL", "WAYBILL_SECRET_KEY", "WAYBILL_DURABILITY"):
        assert f"  {variable} " in caught.value.message


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "1e3", "+1", "1_000", "0x10", "", "many", "²"])
def test_a_count_is_a_whole_number_above_zero(count: str) -> None:
    fault = "WAYBILL_BATCH_EVENTS_MAX must be a whole number above 0"

    assert fault in refusal(WAYBILL_BATCH_EVENTS_MAX=count)


def test_a_count_of_too_many_digits_is_a_fault_and_no_crash() -> None:
    assert "WAYBILL_BATCH_EVENTS_MAX" in refusal(WAYBILL_BATCH_EVENTS_MAX="9" * 5000)


def test_the_path_of_a_country_database_starts_at_the_root() -> None:
    assert "WAYBILL_COUNTRY_DATABASE must be an absolute path" in refusal(
        WAYBILL_COUNTRY_DATABASE="a.mmdb"
    )
    assert settings(WAYBILL_COUNTRY_DATABASE=" /a.mmdb ").country_database == "/a.mmdb"
    assert not settings().country_database


@pytest.mark.parametrize("percent", ["0", "101", "70%", "-1", ""])
def test_a_percentage_lies_between_1_and_100(percent: str) -> None:
    assert "WAYBILL_MEMORY_PERCENT_MAX" in refusal(WAYBILL_MEMORY_PERCENT_MAX=percent)


@pytest.mark.parametrize("percent", ["1", "100"])
def test_the_ends_of_a_percentage_belong_to_it(percent: str) -> None:
    assert settings(WAYBILL_MEMORY_PERCENT_MAX=percent).memory_percent_max == int(percent)


@pytest.mark.parametrize("hops", ["-1", "17", "1.5", "", "all"])
def test_trusted_proxies_are_counted(hops: str) -> None:
    assert "WAYBILL_FORWARDED_HOPS" in refusal(WAYBILL_FORWARDED_HOPS=hops)


def test_no_proxy_is_trusted_unless_it_is_said() -> None:
    assert settings().forwarded_hops == 0
    assert settings(WAYBILL_FORWARDED_HOPS="2").forwarded_hops == 2


@pytest.mark.parametrize("replicas", ["-1", "9", "1.5", "", "all"])
def test_replicas_that_confirm_are_counted(replicas: str) -> None:
    assert "WAYBILL_REPLICAS_MIN must be a whole number from 0 to 8" in refusal(
        WAYBILL_REPLICAS_MIN=replicas
    )


def test_no_replica_has_to_confirm_unless_it_is_said() -> None:
    assert settings().replicas_min == 0
    assert settings(WAYBILL_REPLICAS_MIN="1").replicas_min == 1


def test_redis_may_stand_behind_sentinels_which_have_to_be_named() -> None:
    url = "redis+sentinel://a:26379,b:26379/main"

    assert settings(REDIS_URL=url).redis_url == url
    assert "REDIS_URL must be like redis+sentinel://" in refusal(REDIS_URL="redis+sentinel://a")


def test_durability_is_one_of_two_words() -> None:
    assert settings(WAYBILL_DURABILITY="relaxed").durability == "relaxed"
    assert "must be strict or relaxed" in refusal(WAYBILL_DURABILITY="Strict")


@pytest.mark.parametrize("url", ["", "  ", "localhost:6379", "http://localhost", "redis:"])
def test_a_url_of_another_kind_is_a_fault(url: str) -> None:
    assert "REDIS_URL must start with redis://" in refusal(REDIS_URL=url)
    assert "DATABASE_URL must start with postgresql://" in refusal(DATABASE_URL=url)


def test_a_key_of_fewer_than_32_bytes_is_a_fault() -> None:
    assert "WAYBILL_SECRET_KEY must be at least 32" in refusal(WAYBILL_SECRET_KEY="k" * 31)
    assert settings(WAYBILL_SECRET_KEY="k" * 32).secret_key == b"k" * 32


def test_white_space_around_a_key_is_no_part_of_it() -> None:
    assert settings(WAYBILL_SECRET_KEY=f" {'k' * 32}\n").secret_key == b"k" * 32
    assert "at least 32" in refusal(WAYBILL_SECRET_KEY="k" * 31 + "\n")


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    file.write_text("from a file, with enough characters\n")
    variables = {**VARIABLES, "WAYBILL_SECRET_KEY_FILE": str(file)}
    del variables["WAYBILL_SECRET_KEY"]

    assert read_settings(variables).secret_key == b"from a file, with enough characters"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_the_end_of_the_last_line_is_no_part_of_a_secret(tmp_path: Path, end: str) -> None:
    for name, declared in SETTINGS.items():
        if declared.is_secret and name != "secret_key":
            text = VALID_SECRETS[name]
            (tmp_path / name).write_bytes(text.encode() + end.encode())
            variables = {k: v for k, v in VARIABLES.items() if k != declared.variable}
            read = read_settings({**variables, declared.file_variable: str(tmp_path / name)})
            assert getattr(read, name) == text


def test_every_secret_that_is_set_twice_is_refused_without_its_text(tmp_path: Path) -> None:
    for name, declared in SETTINGS.items():
        if declared.is_secret:
            text = VALID_SECRETS[name]
            (tmp_path / name).write_text(text)
            variables = {**VARIABLES, declared.variable: text}
            with pytest.raises(OperatorError) as caught:
                read_settings({**variables, declared.file_variable: str(tmp_path / name)})
            assert f"{declared.variable} is set twice, also by {declared.file_variable}" in str(
                caught.value
            )
            assert text not in str(caught.value)


def test_an_empty_variable_leaves_the_word_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("redis://in-a-file\n")

    assert settings(REDIS_URL="", REDIS_URL_FILE=str(file)).redis_url == "redis://in-a-file"


def test_a_secret_file_has_a_limit(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("x" * 65_537)

    with pytest.raises(OperatorError, match="it has more than 65536 bytes"):
        settings(REDIS_URL="", REDIS_URL_FILE=str(file))


def test_a_file_that_is_not_there_is_one_fault_among_the_others(tmp_path: Path) -> None:
    variables = {"REDIS_URL_FILE": str(tmp_path / "nowhere"), "WAYBILL_DURABILITY": "maybe"}

    with pytest.raises(OperatorError) as caught:
        read_settings(variables)

    assert "REDIS_URL cannot be read from its file: No such file or directory" in str(caught.value)
    assert "WAYBILL_DURABILITY" in str(caught.value)


def test_a_file_that_is_not_text_is_a_fault_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    file.write_bytes(b"\xff" * 32)
    variables = {**VARIABLES, "WAYBILL_SECRET_KEY_FILE": str(file)}
    del variables["WAYBILL_SECRET_KEY"]

    with pytest.raises(OperatorError, match="WAYBILL_SECRET_KEY cannot be read from its file"):
        read_settings(variables)


def test_only_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "durability"
    file.write_text("relaxed")

    assert settings(WAYBILL_DURABILITY_FILE=str(file)).durability == "strict"


def test_a_secret_is_not_in_what_settings_say_of_themselves() -> None:
    shown = repr(settings())

    assert not any(value in shown for value in VARIABLES.values())
    assert "batch_events_max=500" in shown


def test_a_fault_does_not_repeat_what_was_set() -> None:
    assert "hunter2" not in refusal(WAYBILL_SECRET_KEY="hunter2", WAYBILL_DURABILITY="hunter2")


def test_every_setting_has_a_variable_and_a_sentence() -> None:
    declared = [*SETTINGS.values(), *PROGRAM_VARIABLES]

    assert len({each.variable for each in declared}) == len(declared)
    assert all(each.sentence.endswith(".") for each in declared)


def test_every_number_has_its_unit_last_in_its_name() -> None:
    numbers = [each for each in SETTINGS.values() if isinstance(read_default(each), int)]

    assert {each.unit for each in numbers} == UNITS


def test_every_default_is_one_that_its_reader_takes() -> None:
    for each in SETTINGS.values():
        assert each.default is None or str(read_default(each)) == each.default


def read_default(declared: Variable) -> object:
    return None if declared.default is None else declared.read(declared.default)
