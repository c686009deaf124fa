"""The local stack on localemu: the same template, after the SAM transform, less what it lacks.

Its CloudFormation knows neither Cognito nor CloudFront, so the pool of the staff and the origin's
headers are made by calls, and the template refers to what was made. State machines are as on AWS.
"""

import re
import tempfile
from typing import TYPE_CHECKING, Any

import boto3
import yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from tools.local.package import Template, adapt, package
from tools.local.stack import REGION, LocalStack
from tools.sources import ROOT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_BUCKET = "artifacts"
_PYTHON = ROOT / ".venv-witness" / "bin" / "python"
_JSONATA = ROOT / "tests" / "reference" / "package.json"
_LACKING = re.compile(
    "AWS::(ApiGateway::(Account|UsagePlan)|CloudFront|CloudWatch|CodeDeploy"
    "|Cognito|Logs::MetricFilter|Route53|S3::BucketPolicy|SES|WAFv2)"
)


class WitnessStack(LocalStack):
    """A local stack whose engine is localemu."""

    ready_seconds = 300.0
    looks_every_seconds = 2.0  # describing a stack of 250 resources takes its time
    _made: dict[str, str] | None = None

    def start_engine(self) -> None:
        """Start localemu alone. Raises StartupError."""
        self._engine_files = tempfile.TemporaryDirectory(
            prefix="rentals-witness-", ignore_cleanup_errors=True
        )
        environment = {
            "TMPDIR": self._engine_files.name,
            "LOCALEMU_VOLUME_DIR": self._engine_files.name,
            "FILESYSTEM_ROOT": self._engine_files.name,
            "CONFIG_DIR": self._engine_files.name,
            "HOME": self._engine_files.name,
            "GATEWAY_LISTEN": f"127.0.0.1:{self.settings.aws_port}",
            "JSONATA_PACKAGE": str(_JSONATA),
            "UNSIGNED_REGION": REGION,
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT": "60",
            "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "1",
        }
        environment |= self._start_snapshot(self._engine_files.name)
        self._spawn(
            "engine",
            ["-m", "tools.witness.launcher"],
            environment | self.settings.engine_environment,
            interpreter=str(_PYTHON),
        )
        self._wait_for("engine", f"{self.settings.aws_url}/_ministack/health")

    def _template(self, s3: "S3Client", release: str) -> Template:
        if self._made is None:
            self._made = self._make()
        template = adapt(
            package(s3, _BUCKET, release=release),
            s3,
            aws_endpoint_url=self.settings.function_endpoint_url or self.settings.aws_url,
            change_definition=bytes,
        )
        api = template["Resources"]["Api"]["Properties"]
        api["DefinitionBody"] = yaml.safe_load((ROOT / "openapi.yaml").read_text())
        translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
        translated = translator.translate(template, {})
        resources = translated["Resources"]
        for name in [n for n, each in resources.items() if _LACKING.match(each["Type"])]:
            del resources[name]
        resources["Api"].pop("Metadata")  # refers to what is gone
        _deploy_after_answers(resources)
        plain: Template = _without_nulls(_referring(translated, self._made))
        return plain

    def _make(self) -> dict[str, str]:
        """What the template names and CloudFormation cannot make: values by reference."""
        resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"]
        cognito = self.client("cognito-idp")
        pool_properties = resources["StaffPool"]["Properties"]
        pool_properties["DeletionProtection"] = "INACTIVE"
        # It finds nobody's groups by an address that is not the name as well.
        del pool_properties["UsernameAttributes"]
        pool = cognito.create_user_pool(PoolName="staff", **pool_properties)["UserPool"]
        client_properties = resources["StaffClient"]["Properties"] | {"UserPoolId": pool["Id"]}
        client = cognito.create_user_pool_client(ClientName="desk", **client_properties)[
            "UserPoolClient"
        ]
        return {
            "StaffPool": pool["Id"],
            "StaffPool.Arn": pool["Arn"],
            "StaffClient": client["ClientId"],
            "SiteDistribution": "none-yet",
            "SiteDistribution.DomainName": "site.example",
            "MailConfigurationSet": f"{self.settings.stack_name}-mails",
        }

    def start_front_door(self) -> None:
        """As elsewhere, for a distribution that is made for its origin's headers alone."""
        name = f"{self.settings.stack_name}/origin-key"
        key = self.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
        origin = {
            "Id": "api",
            "DomainName": "api.example",
            "CustomHeaders": {
                "Quantity": 1,
                "Items": [{"HeaderName": "X-Origin-Key", "HeaderValue": key}],
            },
            "CustomOriginConfig": {
                "HTTPPort": 80,
                "HTTPSPort": 443,
                "OriginProtocolPolicy": "https-only",
            },
        }
        config = {
            "CallerReference": name,
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "api",
                "ViewerProtocolPolicy": "https-only",
            },
        }
        made = self.client("cloudfront").create_distribution(DistributionConfig=config)
        self.outputs["SiteDistributionId"] = made["Distribution"]["Id"]
        super().start_front_door()


def _deploy_after_answers(resources: Template) -> None:
    """A deployment takes the gateway's responses that exist when it is made."""
    answers = [n for n, e in resources.items() if e["Type"] == "AWS::ApiGateway::GatewayResponse"]
    for each in resources.values():
        if each["Type"] == "AWS::ApiGateway::Deployment":
            each["DependsOn"] = answers


def _referring(value: Any, made: dict[str, str]) -> Any:
    """The same with references to what was made replaced by it."""
    match value:
        case {"Ref": name} if name in made:
            return made[name]
        case {"Fn::GetAtt": [name, attribute]} if f"{name}.{attribute}" in made:
            return made[f"{name}.{attribute}"]
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": re.sub(r"\$\{([\w.]+)\}", lambda m: made.get(m[1], m[0]), text)}
        case dict():
            return {key: _referring(each, made) for key, each in value.items()}
        case list():
            return [_referring(each, made) for each in value]
    return value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value
