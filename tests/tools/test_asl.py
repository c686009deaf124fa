"""Definitions of any kind, read as graphs; our own: tests/repository."""

from tools.console.layout import draw
from tools.sources.asl import Reason, parse

DEFINITION = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.paid", "BooleanEquals": True, "Next": "All"},
                {"Condition": "{% $paid %}", "Next": "Wait", "Assign": {"a": 1}},
            ],
            "Default": "Done",
        },
        "All": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Left", "States": {"Left": {"Type": "Pass", "End": True}}},
                {"StartAt": "Right", "States": {"Right": {"Type": "Pass", "End": True}}},
            ],
            "Catch": [
                {"ErrorEquals": ["Named"], "Next": "Wait"},
                {"ErrorEquals": ["States.ALL"], "Next": "Done"},
            ],
            "Next": "Each",
        },
        "Each": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "One", "States": {"One": {"Type": "Pass", "End": True}}},
            "Next": "Done",
        },
        "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Wait"},
        "Done": {"Type": "Succeed"},
    },
}


def test_every_way_out_of_every_state_and_of_those_inside() -> None:
    machine = parse(DEFINITION)

    assert set(machine.states) == {"Ask", "All", "Left", "Right", "Each", "One", "Wait", "Done"}
    assert [(each.target, each.reason) for each in machine.states["Ask"].transitions] == [
        ("All", Reason.CHOICE),
        ("Wait", Reason.CHOICE),
        ("Done", Reason.DEFAULT),
    ]
    assert machine.states["All"].targets == ["Each", "Left", "Right", "Wait", "Done"]
    assert machine.states["Each"].targets == ["Done", "One"]
    assert machine.states["Done"].is_ending


def test_conditions_of_both_languages_and_what_they_assign() -> None:
    jsonpath, jsonata, _ = parse(DEFINITION).states["Ask"].transitions

    assert jsonpath.condition == '{"Variable": "$.paid", "BooleanEquals": true}'
    assert jsonata.condition == "{% $paid %}"
    assert jsonata.assigned == {"a"}


def test_a_picture_has_room_for_every_state_and_joins_what_leads_the_same_way() -> None:
    machine = parse(DEFINITION)
    picture = draw(machine)

    assert set(picture.states) == set(machine.states)
    for x, y in picture.states.values():
        assert picture.node_width / 2 <= x <= picture.width - picture.node_width / 2
        assert 0 < y < picture.height
    assert len(set(picture.states.values())) == len(picture.states)
    drawn = [(each.source, each.target) for each in picture.arrows]
    ways = {(each.source, each.target) for each in machine.transitions}
    assert sorted(drawn) == sorted(ways - {("Wait", "Wait")})
    assert {each.target for each in picture.arrows if each.catches} == {"Wait", "Done"}
