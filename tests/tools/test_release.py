"""A release is named by what it is."""

import pytest

from tests.support.sources import template
from tools.building import release
from tools.sources import ROOT


def test_the_name_changes_with_a_parameter_and_with_the_contents() -> None:
    names = {
        release.release_of({"A": "1"}, b"code"),
        release.release_of({"A": "2"}, b"code"),
        release.release_of({"A": "1"}, b"other"),
        release.release_of({"A": "1"}, b"co", b"de"),
    }

    assert len(names) == 4
    assert release.release_of({"A": "1"}, b"code") in names


def test_the_template_has_one_place_for_it() -> None:
    text = (ROOT / "template.yaml").read_text()

    stamped = release.stamped(text, "r123")

    assert "        RELEASE: r123\n" in stamped
    assert release.stamped(stamped, "none") == text
    with pytest.raises(ValueError, match="places"):
        release.stamped("Resources: {}", "r123")


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_settings_name_parameters_that_exist(environment: str) -> None:
    parameters = release.parameters_of(environment, [])

    known = template()["Parameters"]
    for name, value in parameters.items():
        assert name in known
        assert value in map(str, known[name].get("AllowedValues", [value]))
    assert parameters["Environment"] == environment


def test_environments_share_nothing_that_has_a_name() -> None:
    dev, prod = (release.settings_of(each) for each in ("dev", "prod"))
    names = [release.parameters_of(each, []) for each in ("dev", "prod")]

    assert dev["stack_name"] != prod["stack_name"]
    for name in ("TablePrefix", "PayMongoSecretName"):
        default = template()["Parameters"][name]["Default"]
        assert names[0].get(name, default) != names[1].get(name, default)


def test_a_parameter_can_be_given_for_once() -> None:
    assert release.parameters_of("prod", ["ShiftReleases=false"])["ShiftReleases"] == "false"
    with pytest.raises(ValueError, match="Name=value"):
        release.parameters_of("prod", ["ShiftReleases"])
