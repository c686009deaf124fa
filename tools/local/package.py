"""`template.yaml` as MiniStack can run it: the same resources, with what the engine needs put in.

What differs from `sam package`, and why:
- functions run on a custom runtime, see lambda_runtime.py;
- functions find AWS at the engine's address (or at a proxy before it), and say who is calling;
- gateway responses are taken as resources, not from the API's definition, and its request
  validators are not run (what they refuse the functions refuse, tests/repository/test_openapi.py);
- a callback task's TimeoutSeconds must be a number, so the hold is put into the definition;
- the engine's CloudFormation has no state machine versions and aliases, so callers start the
  machine itself (functions are published and called by their aliases, as on AWS);
- alarms on computed metrics watch the first of their metrics only;
- `CodeUri` in Globals is not followed, so every function gets its own.
"""

import hashlib
import io
import json
import re
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from samtranslator.yaml_helper import yaml_parse

from tools.sources import ROOT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tools.building.build import Package

_RUNTIME = Path(__file__).parent / "lambda_runtime.py"
_HOLD_EXPRESSION = '"{% ${HoldSeconds} %}"'
_FIXED_TIME = (2020, 1, 1, 0, 0, 0)
_GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"
_MACHINE_ALIAS = re.compile(r"(-rental|\$\{\w+StateMachine\}):live$")

Template = dict[str, Any]


def package(  # noqa: PLR0913 - what the local stack chooses
    s3: "S3Client",
    bucket: str,
    *,
    aws_endpoint_url: str,
    hold_seconds: int,
    built: "Package | None" = None,
    release: str = "none",
) -> Template:
    """Upload the code and the definitions, and return the template that refers to them.

    The code is functions/ as it is, or a package that `sam build` has built.
    """
    template: Template = _without_machine_aliases(yaml_parse((ROOT / "template.yaml").read_text()))
    code = upload(
        s3,
        bucket,
        "functions.zip",
        _zip_built(built) if built else _zip_functions(ROOT / "functions"),
    )
    defaults = template["Globals"]["Function"]
    del defaults["CodeUri"], defaults["Architectures"]
    defaults["Runtime"] = "provided.al2023"
    defaults["Environment"]["Variables"]["AWS_ENDPOINT_URL"] = aws_endpoint_url
    defaults["Environment"]["Variables"]["RELEASE"] = release
    for name, resource in list(template["Resources"].items()):
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                properties["CodeUri"] = code
                variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
                variables["_HANDLER"] = properties["Handler"]
                variables["AWS_SDK_UA_APP_ID"] = name  # tells whose call it is, for fault tests
            case "AWS::Serverless::StateMachine":
                path = ROOT / properties["DefinitionUri"]
                definition = local_definition(path.read_text(), hold_seconds)
                properties["DefinitionUri"] = upload(s3, bucket, path.name, definition)
                del properties["AutoPublishAlias"], properties["DeploymentPreference"]
            case "AWS::CloudWatch::Alarm" if "Metrics" in properties:
                resource["Properties"] = _plain_alarm(properties)
            case "AWS::Serverless::Api":
                path = ROOT / openapi_location(properties)
                place = upload(s3, bucket, path.name, path.read_bytes())
                include = properties["DefinitionBody"]["Fn::Transform"]["Parameters"]
                include["Location"] = f"s3://{place['Bucket']}/{place['Key']}"
                responses = yaml.safe_load(path.read_text())[_GATEWAY_RESPONSES]
                template["Resources"] |= _gateway_responses(name, responses)
    return template


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


def upload(s3: "S3Client", bucket: str, name: str, content: bytes) -> dict[str, str]:
    """Under a name that changes with the content, so that an update sees that it changed."""
    key = f"{hashlib.sha256(content).hexdigest()[:16]}/{name}"
    s3.put_object(Bucket=bucket, Key=key, Body=content)
    return {"Bucket": bucket, "Key": key}


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


def local_definition(definition: str, hold_seconds: int) -> bytes:
    """A state machine definition with the hold as a literal number of seconds."""
    json.loads(definition)
    return definition.replace(_HOLD_EXPRESSION, str(hold_seconds)).encode()


def _zip_built(built: "Package") -> bytes:
    """As on Lambda: nothing can be imported but the standard library, the package and boto3."""
    start = (
        f"import runpy, sys; sys.path.append({str(built.boto3)!r}); "
        f"runpy.run_path({str(_RUNTIME)!r}, run_name='__main__')"
    )
    files = {str(path.relative_to(built.folder)): path for path in built.files()}
    return _zip(files, f"""#!/bin/sh\nexec "{built.interpreter}" -I -S -c "{start}"\n""")


def _zip_functions(functions: Path) -> bytes:
    files = {str(path.relative_to(functions)): path for path in sorted(functions.rglob("*.py"))}
    # -s and PYTHONPATH unset: only the project's environment and the package are importable.
    return _zip(files, f'#!/bin/sh\nunset PYTHONPATH\nexec "{sys.executable}" -s "{_RUNTIME}"\n')


def zip_functions_of(sources: dict[str, str]) -> bytes:
    """A package of other functions than ours, in the same runtime."""
    with tempfile.TemporaryDirectory() as folder:
        for name, source in sources.items():
            Path(folder, name).write_text(source)
        return _zip_functions(Path(folder))


def _zip(files: dict[str, Path], bootstrap: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            archive.writestr(_entry(name, 0o644), path.read_bytes())
        archive.writestr(_entry("bootstrap", 0o755), bootstrap)
    return buffer.getvalue()


def _entry(name: str, mode: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FIXED_TIME)
    entry.external_attr = mode << 16
    return entry
