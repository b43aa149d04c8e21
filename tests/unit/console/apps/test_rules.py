import pytest

from console.apps.rules import SETTINGS, RuleSetting
from shared.rules import LIMITS, Rules


def test_every_rule_but_the_version_can_be_set() -> None:
    assert {setting.rule for setting in SETTINGS} == set(LIMITS) - {"version"}


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.option)
def test_a_settings_own_limits_are_within_those_of_the_rule(setting: RuleSetting) -> None:
    for value in (setting.smallest, setting.largest):
        rules = Rules(**{setting.rule: value * setting.unit_ms})
        assert getattr(rules, setting.rule) == value * setting.unit_ms
    for value in (setting.smallest - 1, setting.largest + 1):
        with pytest.raises(ValueError, match=setting.rule):
            Rules(**{setting.rule: value * setting.unit_ms})


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.option)
def test_a_default_is_a_whole_number_of_its_setting(setting: RuleSetting) -> None:
    assert getattr(Rules(), setting.rule) % setting.unit_ms == 0
