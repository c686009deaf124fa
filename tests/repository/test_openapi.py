"""openapi.yaml is what API Gateway runs, what is published, and what the functions do."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate
from pydantic import ValidationError

from api import desk_money_bodies, routes
from api.authorize_distribution import ORIGIN_KEY_HEADER
from api.bodies import Body, Checkout, Customer, Quote
from api.desk_bodies import DeskAction
from api.session_bodies import Session, SignOut
from rentals import charges, desk, given_back, models
from rentals.payments import Outcome
from tests.support.description import validator_of
from tests.support.samples import checkout_body
from tests.support.sources import openapi, resources, template, translated
from tests.system.browser.states import RENTALS
from tools.sources import ROOT
from tools.sources.openapi import published_description

Json = dict[str, Any]

VERBS = ("get", "post", "options")
INTEGRATION = "x-amazon-apigateway-integration"
# Types of API Gateway's own answers that are 403 unless told otherwise ("Gateway response types" in
# its developer guide).
SAID_WITH_403 = {
    "ACCESS_DENIED",
    "EXPIRED_TOKEN",
    "INVALID_API_KEY",
    "INVALID_SIGNATURE",
    "MISSING_AUTHENTICATION_TOKEN",
    "WAF_FILTERED",
}
REQUESTS: dict[str, type[Body]] = {
    "QuoteRequest": Quote,
    "CheckoutRequest": Checkout,
    "CustomerRequest": Customer,
    "DeskActionRequest": DeskAction,
    "DeskSessionRequest": Session,
    "DeskSignOutRequest": SignOut,
}
DESK = "/api/desk/"
SIGN_IN = {"/api/desk/session", "/api/desk/sign-out"}


def operations() -> Iterator[tuple[str, str, Json]]:
    """(verb, path, operation)."""
    for path, item in openapi()["paths"].items():
        for verb in VERBS:
            if verb in item:
                yield verb, path, item[verb]


def resolved(schema: Any) -> Any:
    """A schema with its references to components put in place."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return resolved(openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        return {key: resolved(value) for key, value in schema.items()}
    return [resolved(each) for each in schema] if isinstance(schema, list) else schema


def schema(name: str) -> Json:
    found: Json = resolved(openapi()["components"]["schemas"][name])
    return found


# --- the document ---


@pytest.mark.parametrize("name", ["openapi.yaml", "template.yaml"])
def test_no_name_stands_twice_in_a_mapping(name: str) -> None:
    """YAML takes the last one in silence."""

    def repeated(node: yaml.Node) -> Iterator[str]:
        if isinstance(node, yaml.SequenceNode):
            yield from (name for each in node.value for name in repeated(each))
        elif isinstance(node, yaml.MappingNode):
            names = Counter(key.value for key, _ in node.value)
            yield from (name for name, times in names.items() if times > 1)
            yield from (name for _, value in node.value for name in repeated(value))

    root = yaml.compose((ROOT / name).read_text(), yaml.SafeLoader)
    assert root is not None
    assert list(repeated(root)) == []


def test_the_published_description_is_valid_and_says_nothing_of_the_inside() -> None:
    published = json.loads(published_description())

    validate(published)
    assert "amazon" not in json.dumps(published)
    assert "Function" not in json.dumps(published)
    assert set(published["paths"]) == set(openapi()["paths"])


def test_its_routes_are_those_of_the_functions() -> None:
    events = {
        (event["Properties"]["Method"].lower(), event["Properties"]["Path"], name)
        for name, function in resources("AWS::Serverless::Function").items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api"
    }
    routes = {
        (verb, path, operation[INTEGRATION]["uri"]["Fn::Sub"].split("${")[-1].split(".Arn")[0])
        for verb, path, operation in operations()
    }

    assert {route for route in routes if route[0] != "options"} == events
    preflights = {route for route in routes if route[0] == "options"}
    assert {name for _, _, name in preflights} == {"OptionsPreflightFunction"}
    # Every route that a page of another origin may call: not the desk, and none of those that
    # PayMongo and its redirects call.
    assert {path for _, path, _ in preflights} == {
        path for _, path, _ in events if path.startswith("/api/") and not path.startswith(DESK)
    } - {"/api/webhooks/paymongo", "/api/partners/collectibles", "/api/partners/stores"}


def test_every_route_calls_a_function_by_its_alias_and_may() -> None:
    for _, _, operation in operations():
        integration = operation[INTEGRATION]
        assert integration["type"] == "aws_proxy"
        assert integration["httpMethod"] == "POST"
        assert integration["uri"]["Fn::Sub"].endswith("Function.Arn}:live/invocations")


def paths_that_ask_for(scheme: str) -> set[str]:
    return {
        path for _, path, operation in operations() if {scheme: []} in operation.get("security", ())
    }


def test_every_route_wants_the_distribution_and_partners_routes_a_key_as_well() -> None:
    wanted = {path: operation["security"] for _, path, operation in operations()}

    partners = {path for path in wanted if path.startswith("/api/partners/")}
    assert all(wanted[path] == [{"distribution": [], "partner_key": []}] for path in partners)
    others = wanted.keys() - partners - paths_that_ask_for("staff")  # API Gateway takes one only
    assert all(wanted[path] == [{"distribution": []}] for path in others)
    assert "security" not in openapi()  # of each operation: API Gateway ignores it here
    schemes = openapi()["components"]["securitySchemes"]
    assert schemes["partner_key"]["name"] == "x-api-key"  # the only name that API Gateway knows
    assert schemes["distribution"]["name"] == ORIGIN_KEY_HEADER
    authorizer = schemes["distribution"]["x-amazon-apigateway-authorizer"]
    assert authorizer["identitySource"] == f"method.request.header.{ORIGIN_KEY_HEADER}"


def test_the_distribution_sends_the_key_as_it_is_stored() -> None:
    distribution = resources("AWS::CloudFront::Distribution")["SiteDistribution"]
    (api,) = (each for each in distribution["DistributionConfig"]["Origins"] if each["Id"] == "api")
    sent = {each["HeaderName"]: each["HeaderValue"] for each in api["OriginCustomHeaders"]}

    stored = "{{resolve:secretsmanager:${OriginSecret}:SecretString}}"
    assert sent[ORIGIN_KEY_HEADER] == {"Fn::Sub": stored}


def test_what_callers_read_says_nothing_of_the_distributions_key() -> None:
    assert ORIGIN_KEY_HEADER.encode() not in published_description()
    assert b"distribution" not in published_description()


def test_every_route_of_the_desk_but_signing_in_asks_for_an_identity_token() -> None:
    desk = {path for _, path, _ in operations() if path.startswith(DESK)}

    assert paths_that_ask_for("staff") == desk - SIGN_IN
    scheme = openapi()["components"]["securitySchemes"]["staff"]
    assert scheme["x-amazon-apigateway-authorizer"] == {
        "type": "cognito_user_pools",
        "providerARNs": [{"Fn::GetAtt": ["StaffPool", "Arn"]}],
    }
    # With scopes, API Gateway would take access tokens (and no others).
    assert all(
        scopes == []
        for _, _, operation in operations()
        for each in operation.get("security", ())
        for scopes in each.values()
    )


def test_what_api_gateway_answers_by_itself_is_in_the_envelope() -> None:
    responses = openapi()["x-amazon-apigateway-gateway-responses"]

    assert {"MISSING_AUTHENTICATION_TOKEN", "DEFAULT_4XX", "DEFAULT_5XX"} <= set(responses)
    # API Gateway's own text is kept whatever is written here (its "important notes").
    assert "REQUEST_TOO_LARGE" not in responses
    for response in responses.values():
        text = response["responseTemplates"]["application/json"]
        # API Gateway puts a JSON string, quotes included, in place of messageString.
        body = json.loads(text.replace("$context.error.messageString", '"message"'))
        assert Draft4Validator(schema("Failure")).is_valid(body)
        assert body["code"].isupper()


def test_the_api_never_answers_403() -> None:
    """The distribution shows the site's 404 page for any 403: S3 says it of missing files."""
    distribution = template()["Resources"]["SiteDistribution"]["Properties"]["DistributionConfig"]
    shown = {
        each["ErrorCode"]
        for each in distribution["CustomErrorResponses"]
        if "ResponsePagePath" in each
    }
    answers = {int(status) for _, _, operation in operations() for status in operation["responses"]}
    responses = openapi()["x-amazon-apigateway-gateway-responses"]

    assert shown == {403}
    assert 403 not in answers
    assert 403 not in {status.value for status, _ in routes._ANSWERS.values()}
    for kind in SAID_WITH_403:
        assert responses[kind]["statusCode"] != "403"


def test_errors_are_not_kept_by_the_distribution_while_pages_ask_again() -> None:
    """It keeps a 404 and any 5xx for 10 s unless told otherwise; 403 is S3's."""
    distribution = template()["Resources"]["SiteDistribution"]["Properties"]["DistributionConfig"]
    kept = {
        each["ErrorCode"]: each["ErrorCachingMinTTL"]
        for each in distribution["CustomErrorResponses"]
    }

    assert {code for code, seconds in kept.items() if not seconds} == {404, 500, 502, 503, 504}


# --- requests ---


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_a_request_has_the_fields_that_its_function_takes(name: str) -> None:
    taken = REQUESTS[name].model_json_schema()

    assert set(schema(name)["properties"]) == set(taken["properties"])
    assert set(schema(name).get("required", ())) == set(taken.get("required", ()))


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_limits_are_told(name: str) -> None:
    limits = REQUESTS[name].model_json_schema()["properties"]
    for field, each in schema(name)["properties"].items():
        told = each.get("description", "")
        for key in ("maxLength", "maximum", "minimum"):
            if key in limits[field]:
                assert str(limits[field][key]) in told, (field, key)
        if field == "payment_method":
            missing = [method for method in models.PaymentMethod if method not in told]
            assert not missing, f"name {missing} in the description of {name}.{field}"


def test_money_at_the_desk_has_the_fields_of_its_actions() -> None:
    taken = [each.model_json_schema() for each in desk_money_bodies._BODIES.values()]
    told = schema("DeskMoneyRequest")

    fields = [each["properties"] for each in taken]
    assert set(told["properties"]) == {name for each in fields for name in each}
    for each, action in zip(taken, desk_money_bodies.MoneyAction, strict=True):
        needed = [name for name in each["required"] if name != "action"]
        assert f"{action} ({', '.join(needed)})" in told["properties"]["action"]["description"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
valid_checkout = checkout_body(customer={"email": "ana@example.com"})


@st.composite
def almost_checkouts(draw: st.DrawFn) -> Json:
    """A valid body with some fields left out, changed or added."""
    body = {**valid_checkout, "customer": dict(valid_checkout["customer"])}
    parts: list[Json] = [body, body["customer"]]
    for part in parts:
        for key in draw(st.lists(st.sampled_from(sorted(part)), max_size=2, unique=True)):
            if draw(st.booleans()):
                part[key] = draw(json_values)
            else:
                del part[key]
        part.update(draw(st.dictionaries(st.text(max_size=4), json_values, max_size=1)))
    return body


def is_accepted(kind: type[Body], body: Any) -> bool:
    try:
        kind.model_validate(body)
    except ValidationError:
        return False
    return True


@settings(max_examples=300, deadline=None)
@given(almost_checkouts() | json_values)
def test_api_gateway_refuses_nothing_that_checkout_would_take(body: Any) -> None:
    # The JSON Schema draft that API Gateway checks with.
    if not Draft4Validator(schema("CheckoutRequest")).is_valid(body):
        assert not is_accepted(Checkout, body)


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "collectible_id": json_values | st.just("col-001"),
            "store_id": json_values | st.just("store-a"),
            "duration": json_values | st.integers(1, 365),
        },
    )
)
def test_api_gateway_refuses_nothing_that_quote_would_take(body: Json) -> None:
    if not Draft4Validator(schema("QuoteRequest")).is_valid(body):
        assert not is_accepted(Quote, body)


def test_bodies_are_checked_where_there_are_any() -> None:
    validators = openapi()["x-amazon-apigateway-request-validators"]
    assert validators[openapi()["x-amazon-apigateway-request-validator"]] == {
        "validateRequestParameters": True,
        "validateRequestBody": True,
    }
    with_body = {path for _, path, operation in operations() if "requestBody" in operation}
    # Not the webhook's: what PayMongo signed is answered by the function, whatever it is.
    of_desk = {f"/api/desk/rentals/{{rental_id}}/{what}" for what in ("actions", "money")}
    mails = {"/api/rentals/find", "/api/waiting-list"}
    of_rentals = {"/api/rentals/quote", "/api/rentals/checkout"} | of_desk
    assert with_body == of_rentals | mails | SIGN_IN


# --- answers: words; whole answers are checked in tests/system/workflow (shop.py) ---


@pytest.mark.parametrize(
    ("name", "field", "words"),
    [
        ("Collectible", "size", list(models.Size)),
        ("RentalView", "status", list(models.PaymentStatus)),
        ("RentalView", "reason", list(models.EndReason)),
        ("RentalView", "payment_method", list(models.PaymentMethod)),
        ("RentalView", "fulfillment_status", list(models.FulfillmentStatus)),
        ("RentalView", "closed_reason", list(models.ClosedReason)),
        ("WebhookOutcome", "result", list(Outcome)),
        ("DeskLine", "fulfillment_status", list(models.FulfillmentStatus)),
        ("DeskLine", "closed_reason", list(models.ClosedReason)),
        ("DeskEntry", "action", list(desk.Action)),
        ("DeskEntry", "condition", list(desk.Condition)),
        ("DeskPhotograph", "stage", list(models.FulfillmentStatus)),
        ("Charge", "kind", list(charges.ChargeKind)),
        ("Charge", "status", list(charges.ChargeStatus)),
        ("Refund", "purpose", [*given_back.Purpose, "second_payment"]),
    ],
)
def test_words_are_those_of_the_domain(name: str, field: str, words: list[str]) -> None:
    assert schema(name)["properties"][field]["enum"] == words


@pytest.mark.parametrize("state", RENTALS)
def test_the_states_that_pages_are_shown_in_are_answers_of_the_api(state: str) -> None:
    schemas = json.loads(published_description())["components"]["schemas"]
    parts = [schemas["RentalView"], schemas["Statement"]]

    assert set(RENTALS[state]) == {name for part in parts for name in part["properties"]}
    assert list(validator_of("RentalDetails").iter_errors(RENTALS[state])) == []


def test_an_answer_that_may_be_null_may_be_null_as_published() -> None:
    """In the file that CloudFormation reads it is not in `enum`, where OpenAPI wants it."""
    schemas = json.loads(published_description())["components"]["schemas"]
    reason = schemas["RentalView"]["properties"]["reason"]

    assert reason["enum"] == [*models.EndReason, None]
    assert OAS30Validator(reason).is_valid(None)


def test_the_apis_name_is_the_stacks_which_alarms_watch_and_its_published_title_is_the_shops() -> (
    None
):
    assert openapi()["info"]["title"] == {"Fn::Sub": "${AWS::StackName}"}
    assert resources("AWS::Serverless::Api")["Api"]["Name"] == {"Ref": "AWS::StackName"}
    assert json.loads(published_description())["info"]["title"] == "MongoCollectibles rentals"


# --- CORS ---


def test_other_origins_are_named_and_never_all() -> None:
    stage = translated()["Resources"]["ApiprodStage"]["Properties"]
    pattern = template()["Parameters"]["OtherOrigins"]["AllowedPattern"]

    assert "AllowedOrigins" in stage["Variables"]
    assert "*" in pattern  # excluded from every origin, in brackets
    assert pattern.count("[^/,*]") == 2


def test_what_api_gateway_answers_by_itself_can_be_read_by_the_same_origins() -> None:
    """By the distribution: API Gateway's own answers take a constant, or any asker's origin."""
    policy = resources("AWS::CloudFront::ResponseHeadersPolicy")["ApiHeadersPolicy"]
    cors = policy["ResponseHeadersPolicyConfig"]["CorsConfig"]

    assert cors["AccessControlAllowOrigins"]["Items"] == {
        "Fn::Split": [",", {"Ref": "OtherOrigins"}]
    }
    assert cors["AccessControlAllowCredentials"] is False
    assert cors["OriginOverride"] is False  # what a function says stands
    said = {
        "Access-Control-Allow-Methods": cors["AccessControlAllowMethods"]["Items"],
        "Access-Control-Allow-Headers": cors["AccessControlAllowHeaders"]["Items"],
        "Access-Control-Expose-Headers": cors["AccessControlExposeHeaders"]["Items"],
    }
    assert {name: ", ".join(items) for name, items in said.items()} | {
        "Access-Control-Max-Age": str(cors["AccessControlMaxAgeSec"])
    } == routes._CORS_HEADERS
    for answer in openapi()["x-amazon-apigateway-gateway-responses"].values():
        assert "Access-Control-Allow-Origin" not in str(answer)


def behaviours() -> dict[str, Any]:
    """The distribution's behaviours that lead to the API, by path."""
    distribution = resources("AWS::CloudFront::Distribution")["SiteDistribution"]
    return {
        each["PathPattern"]: each for each in distribution["DistributionConfig"]["CacheBehaviors"]
    }


def test_every_route_of_the_api_gets_those_headers() -> None:
    policies = {path: each["ResponseHeadersPolicyId"] for path, each in behaviours().items()}
    redirects = policies.pop("/payment/*")

    assert len(policies) == 3
    for policy in policies.values():
        assert policy == {"Fn::If": ["HasOtherOrigins", {"Ref": "ApiHeadersPolicy"}, redirects]}


# --- who asks ---


def rate_limits() -> list[Json]:
    """The web ACL's: of what comes through the distribution, and of what comes past it."""
    rules = resources("AWS::WAFv2::WebACL")["ApiWebAcl"]["Rules"]
    return [rule["Statement"]["RateBasedStatement"] for rule in rules]


def test_what_comes_past_the_distribution_is_counted_by_the_address_it_comes_from() -> None:
    """There a client could leave the header out, or write what it likes."""
    through, past = rate_limits()
    distribution = resources("AWS::CloudFront::Distribution")["SiteDistribution"]
    (api,) = (each for each in distribution["DistributionConfig"]["Origins"] if each["Id"] == "api")
    # The distribution writes these over the client's.
    sent = next(
        each for each in api["OriginCustomHeaders"] if each["HeaderName"] != ORIGIN_KEY_HEADER
    )
    _, is_through = through["ScopeDownStatement"]["AndStatement"]["Statements"]

    assert is_through["ByteMatchStatement"]["FieldToMatch"] == {
        "SingleHeader": {"Name": sent["HeaderName"].lower()}
    }
    assert is_through["ByteMatchStatement"]["SearchString"] == sent["HeaderValue"]
    assert is_through["ByteMatchStatement"]["PositionalConstraint"] == "EXACTLY"
    # Nothing that somebody outside can know.
    assert sent["HeaderValue"] == {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    assert past["AggregateKeyType"] == "IP"
    assert past["ScopeDownStatement"] == {"NotStatement": {"Statement": is_through}}
    assert past["Limit"] == through["Limit"]


def test_the_web_acl_counts_by_a_header_that_the_distribution_writes_over_the_clients() -> None:
    through, _ = rate_limits()
    name = through["ForwardedIPConfig"]["HeaderName"]
    code = resources("AWS::CloudFront::Function")["ClientAddressFunction"]["FunctionCode"]
    forwarded = resources("AWS::CloudFront::OriginRequestPolicy")["ClientAddressRequestPolicy"]

    assert f'event.request.headers["{name.lower()}"] = {{ value: event.viewer.ip }};' in code
    headers = forwarded["OriginRequestPolicyConfig"]["HeadersConfig"]
    assert headers == {"HeaderBehavior": "whitelist", "Headers": [name]}
    assert len(behaviours()) == 4
    for path, behaviour in behaviours().items():
        associations = behaviour["FunctionAssociations"]
        if path != "/api/*":  # where checkouts are limited by it, web ACL or not
            condition, associations, _ = associations["Fn::If"]
            assert condition == "LimitsAddresses"
        (association,) = associations
        assert association["EventType"] == "viewer-request"
        policy = behaviour["OriginRequestPolicyId"]
        if isinstance(policy, dict):
            assert policy["Fn::If"][:2] == [
                "LimitsAddresses",
                {"Ref": "ClientAddressRequestPolicy"},
            ]
        else:  # AllViewerExceptHostHeader takes what the function adds along
            assert policy == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
