from console.apps.rules import SETTINGS
from console.web.api.settings import AppSettings, ChangedSettings


def test_every_rule_of_an_app_is_read_and_changed_by_its_name() -> None:
    rules = {setting.option.replace("-", "_") for setting in SETTINGS}

    assert rules < set(AppSettings.__struct_fields__)
    assert rules < set(ChangedSettings.__struct_fields__)
