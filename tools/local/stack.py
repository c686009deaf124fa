"""Starting, deploying and stopping the whole system on this machine."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import ClientError

from api.staff import MANAGERS
from tools.building.build import Package
from tools.building.release import release_of
from tools.importing.seed import seed
from tools.local import bootstrap
from tools.local.package import Template, adapt, package, upload
from tools.local.state import StartupError, hold
from tools.ops import upgrading, webhook
from tools.ops.account import Account, Keys
from tools.ops.domain import domain_of
from tools.ops.staff import Staff
from tools.ops.target import Target
from tools.sources import ROOT

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBServiceResource
    from mypy_boto3_s3 import S3Client

REGION = "ap-southeast-1"
STACK_NAME = "mongocollectibles"
TABLE_PREFIX = "MongoCollectibles"
SECRET_NAME = "mongocollectibles/paymongo"  # noqa: S105 - a name, not a secret
PAYMONGO_SECRET_KEY = "sk_test_sandbox"  # noqa: S105 - opens nothing but the sandbox
MAIL_SENDER = "rentals@mongocollectibles.example"
# A manager of every store, on this machine only.
STAFF_EMAIL, STAFF_PASSWORD = "desk@example.com", "Collectibles1"
# The engine's root credentials.
ACCESS_KEY_ID = SECRET_ACCESS_KEY = "test"  # noqa: S105

_BUCKET = "artifacts"
_STOP_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1  # prctl(2)

# Parameters of a stack whose customers all come from one address.
ONE_ADDRESS = {"MaxOpenRentals": "1000", "UnpaidSharePercent": "100"}

Report = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """Ports on loopback; `hold_seconds` is how long a unit waits for its payment, `day_seconds` how
    long a rental's day lasts. State is kept in `state_dir` between starts, or nowhere.
    """

    port: int = 8000
    aws_port: int = 4566
    paymongo_port: int = 8001
    hold_seconds: int = 900
    day_seconds: int = 86_400
    stack_name: str = STACK_NAME
    table_prefix: str = TABLE_PREFIX
    state_dir: Path | None = None
    log_dir: Path | None = None
    parameters: dict[str, str] = field(default_factory=dict)
    engine_environment: dict[str, str] = field(default_factory=dict)
    sandbox_options: tuple[str, ...] = ()
    function_endpoint_url: str | None = None
    built_package: Package | None = None

    @classmethod
    def on_free_ports(cls, **others: Any) -> "Settings":
        """For a stack beside others; `others` are the fields that differ from the defaults."""
        return cls(port=free_port(), aws_port=free_port(), paymongo_port=free_port(), **others)

    @property
    def site_url(self) -> str:
        """Where a browser goes."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def aws_url(self) -> str:
        """What AWS's clients are pointed at."""
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def paymongo_url(self) -> str:
        """The PayMongo sandbox."""
        return f"http://127.0.0.1:{self.paymongo_port}"

    @property
    def client_environment(self) -> dict[str, str]:
        """The variables that point AWS's clients at the engine, and our tools at the stack."""
        return {
            "STACK_NAME": self.stack_name,
            "AWS_ENDPOINT_URL": self.aws_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        }


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    settings: Settings,
    report: Report = lambda _: None,
    kind: "type[LocalStack] | None" = None,
) -> Iterator["LocalStack"]:
    """The system, up and seeded; stopped on the way out. Raises StartupError."""
    stack = (kind or LocalStack)(settings)
    try:
        stack.start(report)
        yield stack
    finally:
        stack.stop()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C and SIGTERM inside, where Python can: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(each, signal.SIG_IGN) for each in signals]
    try:
        yield
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def _end_with_parent() -> None:
    """In the child: be told to end when the parent is gone, however it went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _session() -> boto3.Session:
    return boto3.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name=REGION)


class LocalStack:
    """The processes of one local stack."""

    # How long a process, or a deploy, may take to be there.
    ready_seconds = 60.0
    looks_every_seconds = 0.1

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.outputs: dict[str, str] = {}
        self._processes: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._engine_files: tempfile.TemporaryDirectory[str] | None = None
        self._held_state: IO[str] | None = None
        self._log_dir = settings.log_dir or Path(tempfile.mkdtemp(prefix="rentals-logs-"))

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client for the engine."""
        return _session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.settings.aws_url,
            **options,
        )

    def dynamodb(self) -> "DynamoDBServiceResource":
        """The engine's DynamoDB, for people's tools: plain Python values."""
        return _session().resource("dynamodb", endpoint_url=self.settings.aws_url)

    def start(self, report: Report = lambda _: None) -> None:
        """Start everything. Raises StartupError."""
        report("Starting MiniStack and the PayMongo sandbox")
        self.start_services()
        report("Registering the webhook")
        self._store_secret()
        self._verify_sender()
        report("Deploying template.yaml")
        self.deploy()
        if self.settings.state_dir is not None:
            report("Carrying over what is kept")
            target = Target(self.settings.stack_name, endpoint_url=self.settings.aws_url)
            with domain_of(target):
                upgrading.upgrade()
        report("Loading the catalogue and a member of staff")
        seed(self.dynamodb(), self.settings.table_prefix)
        staff = Staff(self.client("cognito-idp"), self.outputs["StaffPoolId"])
        staff.add(STAFF_EMAIL, [MANAGERS], STAFF_PASSWORD)
        report("Opening the front door")
        self.start_front_door()

    def start_services(self) -> None:
        """Start what the stack is deployed to, and PayMongo. Raises StartupError."""
        if self.settings.state_dir is not None:
            self._held_state = hold(self.settings.state_dir)
        self._require_free_ports()
        self._start_sandbox()
        self.start_engine()
        self._wait_for("sandbox", f"{self.settings.paymongo_url}/_sandbox/health")

    def start_cloudformation_proxy(self) -> str:
        """Start what lets clients deploy here as on AWS: its address. Raises StartupError."""
        port = free_port()
        command = [
            "-m", "tools.local.cloudformation_proxy",
            "--port", str(port),
            "--engine-url", self.settings.aws_url,
            "--default", f"SiteUrl={self.settings.site_url}",
            "--default", f"PayMongoApiUrl={self.settings.paymongo_url}",
        ]  # fmt: skip
        self._spawn("cloudformation proxy", command, self.settings.client_environment)
        self._wait_for("cloudformation proxy", f"http://127.0.0.1:{port}/_ministack/health")
        return f"http://127.0.0.1:{port}"

    def start_front_door(self) -> None:
        """Serve the site and the API of the stack that is deployed. Raises StartupError."""
        api_url = f"{self.settings.aws_url}/_aws/execute-api/{self.outputs['ApiId']}/prod"
        command = [
            "-m", "tools.local.front_door",
            "--port", str(self.settings.port),
            "--api-url", api_url,
            "--engine-url", self.settings.aws_url,
            "--distribution-id", self.outputs["SiteDistributionId"],
        ]  # fmt: skip
        self._spawn("front door", command, self.settings.client_environment)
        self._wait_for("front door", f"{self.settings.site_url}/api/stores")

    def stop(self) -> None:
        """Stop every process, the newest first; a second Ctrl-C changes nothing."""
        with _uninterrupted():
            self._stop_all()

    def _stop_all(self) -> None:
        while self._processes:
            _, process = self._processes.pop()
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            # Whatever is left of it, workers included.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.wait()
        self._release_state()
        if self._engine_files is not None:
            self._engine_files.cleanup()

    def kill(self) -> None:
        """Kill every process at once, as a power cut would."""
        for _, process in self._processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        for _, process in self._processes:
            process.wait()
        self._processes.clear()
        self._release_state()

    def _release_state(self) -> None:
        if self._held_state is not None:
            self._held_state.close()

    def has_died(self) -> str | None:
        """The name of a process that has ended by itself, or None."""
        return next((name for name, each in self._processes if each.poll() is not None), None)

    def pid_of(self, name: str) -> int:
        """The process id of `engine`, `sandbox` or `front door`."""
        return next(process.pid for each, process in self._processes if each == name)

    def log_of(self, name: str) -> Path:
        """The log file of a process."""
        return self._log_dir / f"{name.replace(' ', '-')}.log"

    def _require_free_ports(self) -> None:
        wanted = {
            "PORT": self.settings.port,
            "AWS_PORT": self.settings.aws_port,
            "PAYMONGO_PORT": self.settings.paymongo_port,
        }
        if len(set(wanted.values())) < len(wanted):
            raise StartupError(f"the ports must differ: {wanted}")
        for name, port in wanted.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except (OSError, OverflowError) as error:
                    raise StartupError(
                        f"port {port} cannot be used ({error}); set {name} to another one"
                    ) from None

    def start_engine(self) -> None:
        """Start MiniStack alone. Raises StartupError."""
        # It leaves the code of functions in its temporary folder.
        self._engine_files = tempfile.TemporaryDirectory(
            prefix="rentals-engine-", ignore_cleanup_errors=True
        )
        environment = {
            "TMPDIR": self._engine_files.name,
            "GATEWAY_PORT": str(self.settings.aws_port),
            "BIND_HOST": "127.0.0.1",
            "AUTH": "true",
            "LOG_LEVEL": "INFO",
            "MINISTACK_REGION": REGION,
            "SFTP_ENABLED": "0",
            # A burst's spare execution environments cost a process each.
            "LAMBDA_WARM_TTL_SECONDS": "60",
        }
        environment |= self._start_snapshot(self._engine_files.name)
        if self.settings.state_dir is not None:
            state_dir = self.settings.state_dir.resolve() / "engine"
            state_dir.mkdir(parents=True, exist_ok=True)
            environment |= {"PERSIST_STATE": "1", "STATE_DIR": str(state_dir)}
            environment |= {"S3_PERSIST": "1", "S3_DATA_DIR": str(state_dir / "s3")}
        self._spawn("engine", ["-m", "ministack"], environment | self.settings.engine_environment)
        self._wait_for("engine", f"{self.settings.aws_url}/_ministack/health")

    def _start_snapshot(self, folder: str) -> dict[str, str]:
        """What functions' environments are forked from; the variables that tell them. Its folder
        is nobody else's to enter.
        """
        if sys.platform != "linux":
            return {}
        address = f"{folder}/fork"
        command = str(Path(bootstrap.__file__).with_name("snapshot.py"))
        self._spawn("snapshot", ["-E", "-s", command, address])
        return {bootstrap.SNAPSHOT_ADDRESS: address}

    def _start_sandbox(self) -> None:
        command = [
            "-m", "tools.paymongo_sandbox",
            "--port", str(self.settings.paymongo_port),
            "--secret-key", PAYMONGO_SECRET_KEY,
            *self.settings.sandbox_options,
        ]  # fmt: skip
        if self.settings.state_dir is not None:
            command += ["--state-file", str(self.settings.state_dir.resolve() / "paymongo.sqlite")]
        self._spawn("sandbox", command)

    def _spawn(
        self,
        name: str,
        arguments: list[str],
        environment: dict[str, str] | None = None,
        interpreter: str = sys.executable,
    ) -> None:
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("AWS_", "PYTHON"))
        }
        self._log_dir.mkdir(parents=True, exist_ok=True)
        with self.log_of(name).open("ab") as log:
            process = subprocess.Popen(
                [interpreter, *arguments],
                cwd=ROOT,
                env={
                    **inherited,
                    "PYTHONPATH": f"{ROOT / 'functions'}{os.pathsep}{ROOT}",
                    **(environment or {}),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is ours to hand on, in the right order.
                start_new_session=True,
                # When we are killed, the state is the next stack's once all of them have ended.
                pass_fds=[self._held_state.fileno()] if self._held_state else (),
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )
        self._processes.append((name, process))

    def _wait_for(self, name: str, url: str) -> None:
        deadline = time.monotonic() + self.ready_seconds
        while time.monotonic() < deadline:
            if (died := self.has_died()) is not None:
                raise StartupError(f"{died} ended at once; its log is {self.log_of(died)}")
            try:
                if httpx.get(url, timeout=10).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise StartupError(f"{name} was not ready in time; its log is {self.log_of(name)}")

    def _store_secret(self) -> None:
        """PayMongo's keys and the webhook's secret, as operators store them on AWS."""
        secrets = self.client("secretsmanager")
        new = {"secretKey": PAYMONGO_SECRET_KEY, "publicKey": "pk_test_sandbox"}
        with suppress(secrets.exceptions.ResourceExistsException):
            secrets.create_secret(Name=SECRET_NAME, SecretString=json.dumps(new))
        keys = Keys(secrets, SECRET_NAME)
        webhook.register(
            Account(self.settings.paymongo_url, PAYMONGO_SECRET_KEY),
            keys,
            f"{self.settings.site_url}/api/webhooks/paymongo",
            # An engine that was killed may have lost what the sandbox kept.
            replace="webhookSecret" not in keys.read(),
        )

    def _verify_sender(self) -> None:
        """The identity that mails come from, as operators make it on AWS."""
        ses = self.client("sesv2")
        with suppress(ses.exceptions.AlreadyExistsException):
            ses.create_email_identity(EmailIdentity=MAIL_SENDER)

    def deploy(self) -> None:
        """Create the stack, or bring it to what files and settings say. Raises StartupError."""
        s3 = self.client("s3")
        try:
            s3.create_bucket(
                Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                raise
        parameters = {
            "SiteUrl": self.settings.site_url,
            "PayMongoSecretName": SECRET_NAME,
            "PayMongoApiUrl": self.settings.paymongo_url,
            "HoldSeconds": str(self.settings.hold_seconds),
            "DaySeconds": str(self.settings.day_seconds),
            "TablePrefix": self.settings.table_prefix,
            "MailSender": MAIL_SENDER,
            **self.settings.parameters,
        }
        template = self._template(s3, release_of(parameters))
        address = upload(s3, f"s3://{_BUCKET}", "template.json", json.dumps(template).encode())
        cloudformation = self.client("cloudformation", config=Config(read_timeout=120))
        request = {
            "StackName": self.settings.stack_name,
            # Too long for a request.
            "TemplateURL": address.replace("s3:/", self.settings.aws_url),
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
        }
        try:
            cloudformation.create_stack(**request)
        except cloudformation.exceptions.AlreadyExistsException:
            self._update(cloudformation, request)
        self.wait_until_deployed()

    def _template(self, s3: "S3Client", release: str) -> Template:
        """The template as the engine can run it."""
        built = self.settings.built_package
        return adapt(
            package(s3, _BUCKET, release=release, built=built),
            s3,
            aws_endpoint_url=self.settings.function_endpoint_url or self.settings.aws_url,
            built=built,
        )

    def tick(self) -> None:
        """Have the clock of fulfillment look now; by itself it looks every minute."""
        self.client("lambda").invoke(
            FunctionName=self.outputs["FollowFulfillmentFunctionName"], InvocationType="Event"
        )

    def _update(self, cloudformation: Any, request: dict[str, Any]) -> None:
        try:
            cloudformation.update_stack(**request)
        except ClientError as error:
            if "No updates" not in error.response["Error"]["Message"]:
                raise

    def wait_until_deployed(self) -> None:
        """Until somebody has deployed the stack; learns its outputs. Raises StartupError."""
        cloudformation = self.client("cloudformation")
        deadline = time.monotonic() + self.ready_seconds
        while time.monotonic() < deadline:
            [stack] = cloudformation.describe_stacks(StackName=self.settings.stack_name)["Stacks"]
            if stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                self.outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
                return
            if "FAILED" in stack["StackStatus"] or "ROLLBACK" in stack["StackStatus"]:
                raise StartupError(f"deploying failed: {stack.get('StackStatusReason')}")
            time.sleep(self.looks_every_seconds)
        raise StartupError("deploying took too long")
