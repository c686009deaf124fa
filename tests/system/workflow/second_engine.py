"""What localemu, the second engine (docs/witness.md), has no means for, by file or test: why."""

_VALIDATORS = "request validators answer before the function, as on AWS, and name no field"
_COGNITO = "its Cognito knows no token's lifetime, revokes none and takes access tokens"

CANNOT_RUN = {
    "test_deploying.py": "no distribution, no usage plan, and no second deploy of what it lacks",
    "test_operators.py": "commands look for the pool of the stack, and for functions' settings",
    "test_bad_input.py::test_wrong_field": _VALIDATORS,
    "test_bad_input.py::test_every_wrong_field_is_told_at_once": _VALIDATORS,
    "test_bad_input.py::test_malformed_json": _VALIDATORS,
    "test_bad_input.py::test_wrong_quote": _VALIDATORS,
    "test_bad_input.py::test_wrong_verb_and_unknown_route": "a line break in a path fits a route",
    "test_desk.py::test_what_is_missing_is_told_by_its_field[body4-action]": _VALIDATORS,
    "test_rights.py::test_who_knows_the_id_sees_how_it_stands_and_can_do_nothing": _VALIDATORS,
    "test_desk.py::test_photographs_are_stored_by_a_signed_form_and_shown_with_their_stage": (
        "everybody may read its buckets"
    ),
    "test_desk_rights.py::test_nobody_else_gets_in[POST-rentals/unknown/actions-an_access_token]": (
        _COGNITO
    ),
    "test_desk_rights.py::test_an_identity_token_expires": _COGNITO,
    "test_desk_rights.py::test_a_reset_account_needs_its_new_password_and_its_sessions_end": (
        _COGNITO
    ),
    "test_desk_rights.py::test_a_session_goes_on_until_it_is_signed_out_of": _COGNITO,
    "test_other_origins.py::test_partners_read_the_catalogue_with_their_key": "no usage plan",
    "test_way_in.py::test_the_key_is_rotated_while_customers_come": "no distribution",
    "test_taking_over.py": "no import of resources; protected tables are deleted",
    "test_webhooks.py::test_garbage": "bytes that are no text reach functions as they are",
}


def cannot_run(nodeid: str) -> str | None:
    """Why a test cannot run there; None when it can."""
    path, _, name = nodeid.partition("::")
    file = path.rpartition("/")[2]
    return CANNOT_RUN.get(file) or CANNOT_RUN.get(f"{file}::{name}")
