"""What the translated template allows, in the same terms as what was recorded."""

import re
from collections.abc import Iterator
from typing import Any

from tests.support.recording.calls import IDENTITY
from tests.support.recording.recorder import Use
from tests.support.sources import PARAMETERS, resources, template, translated
from tools.local.stack import REGION, SECRET_NAME, STACK_NAME

Json = dict[str, Any]

# As the local stack is deployed, so that both sides name the same secrets.
_VALUES = {
    "AWS::StackName": STACK_NAME,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::AccountId": "000000000000",
    "PayMongoSecretName": SECRET_NAME,
}
_ALIAS = re.compile(r"(.+)Alias([a-z]+)")


def allowed() -> set[Use]:
    """Every (who, action, resource) that a role's own policies allow."""
    return {
        (principal, action, resource)
        for role, principal in principals().items()
        for policy in _of_type("AWS::IAM::Role")[role].get("Policies", ())
        for statement in _listed(policy["PolicyDocument"]["Statement"])
        for action in _listed(statement["Action"])
        for value in _listed(statement["Resource"])
        for resource in _canonical(value)
    }


def principals() -> dict[str, str]:
    """Who takes each role: a function, a state machine, or the role itself for a service."""
    holders = {role: role for role in _of_type("AWS::IAM::Role")}
    for kind, attribute in (
        ("AWS::Lambda::Function", "Role"),
        ("AWS::StepFunctions::StateMachine", "RoleArn"),
    ):
        for name, properties in _of_type(kind).items():
            holders[properties[attribute]["Fn::GetAtt"][0]] = name
    return holders


def policies_elsewhere() -> list[str]:
    """Policies that are not written in a role: this comparison would not see them."""
    return [
        name
        for name, resource in translated()["Resources"].items()
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    ]


def _of_type(kind: str) -> dict[str, Json]:
    return {
        name: resource.get("Properties", {})
        for name, resource in translated()["Resources"].items()
        if resource["Type"] == kind
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _canonical(value: Any) -> Iterator[str]:
    """A policy's resource as the recorder names it; all branches of a condition."""
    if isinstance(value, dict) and "Fn::If" in value:
        for branch in value["Fn::If"][1:]:
            if branch != {"Ref": "AWS::NoValue"}:
                yield from _canonical(branch)
        return
    yield _from_arn(_text(value))


def _text(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    ((function, argument),) = value.items()
    match function:
        case "Ref":
            return _named(argument)
        case "Fn::GetAtt":
            return _named(argument[0])
        case "Fn::Join":
            return str(argument[0]).join(map(_text, argument[1]))
        case "Fn::Sub":
            text, values = argument if isinstance(argument, list) else (argument, {})
            return re.sub(
                r"\$\{([^}]+)\}",
                lambda name: _text(values[name[1]]) if name[1] in values else _named(name[1]),
                text,
            )
        case _:
            raise NotImplementedError(f"a policy's resource with {function}")


def _named(reference: str) -> str:
    """`UnitsTable.Arn` as `UnitsTable`, an alias as `ReserveUnitFunction:live`."""
    if reference in _VALUES:
        return _VALUES[reference]
    name = reference if reference.startswith("AWS::") else reference.split(".", maxsplit=1)[0]
    if name in template()["Parameters"]:
        return PARAMETERS.get(name) or str(template()["Parameters"][name].get("Default", name))
    if name in resources("AWS::SecretsManager::Secret"):
        secret = resources("AWS::SecretsManager::Secret")[name]
        return f"secret:{_text(secret['Name'])}"
    alias = _ALIAS.fullmatch(name)
    return f"{alias[1]}:{alias[2]}" if alias and alias[1] in translated()["Resources"] else name


def _from_arn(text: str) -> str:
    if not text.startswith("arn:"):
        return text
    named = text.split(":", 5)[5]
    if named == IDENTITY or named.startswith("configuration-set/"):
        return named.removeprefix("configuration-set/")
    kind, _, name = named.partition(":")
    if kind == "secret":
        return f"secret:{name.removesuffix('-??????')}"
    if kind == "execution":
        return f"{_state_machine(name.removesuffix(':*'))} executions"
    if kind == "stateMachine":
        return _state_machine(name)
    return text


def _state_machine(name: str) -> str:
    """The logical id of the state machine that is given this name."""
    for logical_id, properties in resources("AWS::Serverless::StateMachine").items():
        if "Name" in properties and _text(properties["Name"]) == name:
            return logical_id
    return name
