"""`template.yaml` as MiniStack can run it: the same resources, with what the engine needs put in.

`package` does what `sam package` does; `adapt` changes what SAM, or `package`, made:
- functions run on a custom runtime, see bootstrap.py; libraries that were
  compiled for Lambda's processor come from this interpreter's environment;
- functions find AWS at the engine's address (or at a proxy before it), and say who is calling;
- gateway responses are taken as resources, not from the API's definition, and its request
  validators are not run (what they refuse the functions refuse, tests/repository/test_openapi.py);
- a callback task's TimeoutSeconds must be a number, so the hold is put into the definition;
- the engine's CloudFormation has no state machine versions and aliases, so callers start the
  machine itself (functions are published and called by their aliases, as on AWS);
- alarms on computed metrics watch the first of their metrics only;
- its IAM knows neither the resources nor the conditions of sending mail, so these are left out;
- its streams pass over what a function asks to be handed again, so each record comes alone;
- nothing here is encrypted on its way, so buckets don't ask for it.
"""

import hashlib
import io
import re
import sys
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import yaml
from samtranslator.yaml_helper import yaml_parse

from tools.building.release import stamped
from tools.local import bootstrap
from tools.sources import ROOT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tools.building.build import Package

_RUNTIME = Path(__file__).parent / "lambda_runtime.py"
_FIXED_TIME = (2020, 1, 1, 0, 0, 0)
_GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"
_MACHINE_ALIAS = re.compile(r"(-rental|-fulfillment|\$\{\w+StateMachine\}):live$")

Template = dict[str, Any]


def package(
    s3: "S3Client", bucket: str, *, release: str, built: "Package | None" = None
) -> Template:
    """Upload the code and the definitions, and return the template that refers to them.

    The code is functions/ as it is, or a package that `sam build` has built.
    """
    template: Template = yaml_parse(stamped((ROOT / "template.yaml").read_text(), release))
    folder = built.folder if built else ROOT / "functions"
    files = built.files() if built else sorted(folder.rglob("*.py"))
    code = _zip({str(path.relative_to(folder)): path.read_bytes() for path in files})
    place = f"s3://{bucket}"
    code_uri = upload(s3, place, "functions.zip", code)
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                properties["CodeUri"] = code_uri
            case "AWS::Serverless::StateMachine":
                path = ROOT / properties["DefinitionUri"]
                address = upload(s3, place, path.name, path.read_bytes())
                properties["DefinitionUri"] = _location(address)
            case "AWS::Serverless::Api":
                path = ROOT / openapi_location(properties)
                include = properties["DefinitionBody"]["Fn::Transform"]["Parameters"]
                include["Location"] = upload(s3, place, path.name, path.read_bytes())
    return template


def adapt(
    template: Template,
    s3: "S3Client",
    *,
    aws_endpoint_url: str,
    built: "Package | None" = None,
    change_definition: Callable[[bytes], bytes] | None = None,
) -> Template:
    """A packaged template as the engine can run it; what had to be changed of what it refers to is
    uploaded beside it. With `built`, functions have nothing but that package and boto3.
    """
    template = _without_machine_aliases(template)
    defaults = template["Globals"]["Function"]
    del defaults["Architectures"]
    defaults["Runtime"] = "provided.al2023"
    defaults["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = aws_endpoint_url
    runnable = cache(lambda place: _changed(s3, place, lambda code: _runnable(code, built)))
    for name, resource in list(template["Resources"].items()):
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                properties["CodeUri"] = runnable(properties["CodeUri"])
                variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
                variables["_HANDLER"] = properties["Handler"]
                variables["AWS_SDK_UA_APP_ID"] = name  # tells whose call it is, for fault tests
                _allow_all_mail(properties)
            case "AWS::Lambda::EventSourceMapping":
                properties["BatchSize"] = 1
            case "AWS::Serverless::StateMachine":
                address = "s3://{Bucket}/{Key}".format_map(properties["DefinitionUri"])
                changed = _changed(s3, address, change_definition or local_definition)
                properties["DefinitionUri"] = _location(changed)
                del properties["AutoPublishAlias"], properties["DeploymentPreference"]
            case "AWS::S3::BucketPolicy":
                _allow_http(template["Resources"], name)
            case "AWS::CloudWatch::Alarm" if "Metrics" in properties:
                resource["Properties"] = _plain_alarm(properties)
            case "AWS::Serverless::Api":
                document = yaml.safe_load(download(s3, openapi_location(properties)))
                template["Resources"] |= _gateway_responses(name, document[_GATEWAY_RESPONSES])
    return template


def _allow_all_mail(function: Template) -> None:
    for policy in function.get("Policies", ()):
        for statement in policy["Statement"]:
            if statement["Action"] == "ses:SendEmail":
                statement["Resource"] = "*"
                del statement["Condition"]


def _allow_http(resources: Template, policy: str) -> None:
    document = resources[policy]["Properties"]["PolicyDocument"]
    document["Statement"] = [
        each for each in document["Statement"] if each["Sid"] != "OnlyEncryptedConnections"
    ]
    if not document["Statement"]:
        del resources[policy]


def openapi_location(api: Template) -> str:
    """The file that an API's definition includes."""
    location: str = api["DefinitionBody"]["Fn::Transform"]["Parameters"]["Location"]
    return location


def _without_machine_aliases(value: Any) -> Any:
    """The same with every ARN of a state machine's alias shortened to the machine's own."""
    if isinstance(value, dict):
        return {key: _without_machine_aliases(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_without_machine_aliases(each) for each in value]
    return _MACHINE_ALIAS.sub(r"\1", value) if isinstance(value, str) else value


def upload(s3: "S3Client", folder: str, name: str, content: bytes) -> str:
    """Under a name that changes with the content, so that an update sees that it changed.

    Returns its address, `s3://bucket/key`.
    """
    address = f"{folder}/{hashlib.sha256(content).hexdigest()[:16]}-{name}"
    s3.put_object(**_location(address), Body=content)
    return address


def download(s3: "S3Client", address: str) -> bytes:
    """What is at `s3://bucket/key`."""
    return s3.get_object(**_location(address))["Body"].read()


class _Location(TypedDict):
    Bucket: str
    Key: str


def _location(address: str) -> _Location:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


def _changed(s3: "S3Client", address: str, change: Callable[[bytes], bytes]) -> str:
    """The address of a changed copy. It is beside the original, where `sam delete` finds it."""
    folder, _, name = address.rpartition("/")
    return upload(s3, folder, name, change(download(s3, address)))


def _plain_alarm(properties: Template) -> Template:
    metrics = [each["MetricStat"] for each in properties["Metrics"] if "MetricStat" in each]
    first = metrics[0]
    rest = {key: value for key, value in properties.items() if key != "Metrics"}
    return {**rest, **first["Metric"], "Period": first["Period"], "Statistic": first["Stat"]}


def _gateway_responses(api: str, responses: Template) -> Template:
    # A deployment takes the responses that exist when it is made, and the engine makes resources in
    # the order of their names: "ApiAnswer..." comes before SAM's "ApiDeployment...".
    return {
        f"{api}AnswerTo{kind.title().replace('_', '')}": {
            "Type": "AWS::ApiGateway::GatewayResponse",
            "Properties": {
                "RestApiId": {"Ref": api},
                "ResponseType": kind,
                **{key[0].upper() + key[1:]: value for key, value in response.items()},
            },
        }
        for kind, response in responses.items()
    }


def local_definition(definition: bytes) -> bytes:
    """A state machine definition whose hold is a number once HoldSeconds is substituted."""
    return definition.replace(b'"{% ${HoldSeconds} %}"', b"${HoldSeconds}")


def zip_functions_of(sources: dict[str, str]) -> bytes:
    """A package of other functions than ours, in the same runtime."""
    return _with_bootstrap({name: source.encode() for name, source in sources.items()}, None)


def _runnable(package: bytes, built: "Package | None") -> bytes:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    if built is None:
        compiled = {name.split("/")[0] for name in files if name.endswith(".so")}
        files = {name: each for name, each in files.items() if name.split("/")[0] not in compiled}
    return _with_bootstrap(files, built)


def _with_bootstrap(files: dict[str, bytes], built: "Package | None") -> bytes:
    if built:  # as on Lambda: nothing can be imported but the standard library, it and boto3
        start = (
            f"import runpy, sys; sys.path.append({str(built.boto3)!r}); "
            f"runpy.run_path({str(_RUNTIME)!r}, run_name='__main__')"
        )
        command = f'exec "{built.interpreter}" -I -S -c "{start}"'
    else:  # -E, -s: only the project's environment and the package
        command = f'exec "{sys.executable}" -E -s "{bootstrap.__file__}"'
    return _zip({**files, "bootstrap": f"#!/bin/sh\n{command}\n".encode()})


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(_entry(name, 0o755 if name == "bootstrap" else 0o644), content)
    return buffer.getvalue()


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FIXED_TIME)
    entry.external_attr = mode << 16
    return entry
