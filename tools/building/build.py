"""The package as it ships, built by `sam build`: for Lambda, and for this machine to try it.

SAM's python-uv builder needs neither Docker nor Lambda's Python version: it takes wheels for the
architecture and version that are asked for.
"""

import io
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tools.sources import ROOT

SAM = ROOT / ".venv-sam" / "bin" / "sam"
BUILD = ROOT / ".aws-sam" / "build"
LAMBDA_PYTHON = "3.13"
# What Lambda takes without S3 is 50 MB; ours is far less, because size is cold start.
TARGET_BYTES = 5_000_000
_FIXED_TIME = 1577836800  # 2020-01-01, seconds; archives know no time before 1980
# What the runtime brings along, in the version that tests run with.
BOTO3 = f"boto3=={metadata.version('boto3')}"
_HOST_BUILD = ROOT / ".aws-sam" / "host"

app = typer.Typer(no_args_is_help=True, add_completion=False)


@dataclass(frozen=True)
class Package:
    """A built package: its folder, the interpreter that can run it, and a folder with boto3, which
    Lambda's runtime brings along.
    """

    folder: Path
    interpreter: Path
    boto3: Path

    def zipped_bytes(self) -> int:
        """Its size as it is uploaded."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in self.files():
                archive.write(path, path.relative_to(self.folder))
        return len(buffer.getvalue())

    def files(self) -> list[Path]:
        """Every file of it."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


def build_for_lambda(target: Path = BUILD) -> Path:
    """Build as it is deployed: arm64, Lambda's Python. Returns the package's folder."""
    _sam_build(ROOT / "template.yaml", target, "arm64")
    return _package_of(target)


def build_for_this_machine(target: Path = _HOST_BUILD) -> Package:
    """Build for an interpreter that can run it here: Lambda's Python if there is one, else ours."""
    interpreter, version = host_python()
    architecture = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"
    _sam_build(_template_for(version), target, architecture)
    boto3 = target / "boto3"
    if not boto3.exists():
        install(boto3, interpreter, BOTO3)
    return Package(_package_of(target), interpreter, boto3)


def install(folder: Path, interpreter: Path, *requirements: str) -> None:
    """Install distributions for an interpreter into a folder, as `uv pip install` names them."""
    command = [_uv(), "pip", "install", "--quiet", "--python", str(interpreter)]
    _run([*command, "--target", str(folder), *requirements])


def host_python() -> tuple[Path, str]:
    """An interpreter on this machine and its version: Lambda's version if there is one."""
    candidates = [shutil.which(f"python{LAMBDA_PYTHON}")]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += map(str, sorted(pyenv.glob(f"{LAMBDA_PYTHON}.*/bin/python{LAMBDA_PYTHON}")))
    for each in filter(None, candidates):
        # A shim of a version manager is there for versions that are not chosen, too.
        answer = subprocess.run([each, "--version"], capture_output=True, text=True, check=False)
        if answer.stdout.startswith(f"Python {LAMBDA_PYTHON}."):
            return Path(each), LAMBDA_PYTHON
    return Path(sys.executable), f"{sys.version_info.major}.{sys.version_info.minor}"


def _template_for(version: str) -> Path:
    template = ROOT / "template.yaml"
    if version == LAMBDA_PYTHON:
        return template
    text = template.read_text().replace(f"python{LAMBDA_PYTHON}", f"python{version}")
    for path in ("functions/", "statemachines/", "openapi.yaml"):
        text = text.replace(f": {path}", f": ../{path}")
    copy = ROOT / ".aws-sam" / f"template-python{version}.yaml"
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(text)
    return copy


def _sam_build(template: Path, target: Path, architecture: str) -> None:
    _run(
        [
            str(SAM), "build", "--beta-features", "--template", str(template),
            "--build-dir", str(target), "--parameter-overrides", f"Architecture={architecture}",
        ]
    )  # fmt: skip


def _run(command: list[str]) -> None:
    path = f"{Path(_uv()).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"}
    environment.pop("PYTHONPATH", None)
    answer = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:2])} failed:\n{answer.stdout}{answer.stderr}")


def _uv() -> str:
    found = shutil.which(os.environ.get("UV", "uv")) or str(ROOT / ".uv" / "bin" / "uv")
    return str(Path(found).resolve())


def _package_of(target: Path) -> Path:
    """The folder of the package: SAM builds what functions share once.

    Its files get one fixed time, so that the same files make the same archive, and deploying it
    again publishes nothing.
    """
    [folder] = target.glob("*Function*")
    for path in folder.rglob("*"):
        os.utime(path, (_FIXED_TIME, _FIXED_TIME))
    return folder


def report(package: Package | Path) -> Table:
    """What is in a package, largest first."""
    folder = package.folder if isinstance(package, Package) else package
    built = Package(folder, Path(sys.executable), folder)
    sizes: dict[str, int] = {}
    for path in built.files():
        name = path.relative_to(folder).parts[0].split("-")[0]
        sizes[name] = sizes.get(name, 0) + path.stat().st_size
    table = Table("in the package", "KB", title=f"{built.zipped_bytes() / 1e6:.2f} MB zipped")
    table.columns[1].justify = "right"
    for name, size in sorted(sizes.items(), key=lambda each: -each[1]):
        table.add_row(name, f"{size / 1e3:,.0f}")
    table.add_row("total", f"{sum(sizes.values()) / 1e3:,.0f}", style="bold")
    return table


@app.command()
def main(
    host: Annotated[bool, typer.Option(help="For this machine, to try it")] = False,
) -> None:
    """Build the package that ships and say what is in it."""
    console = Console(highlight=False)
    if host:
        package = build_for_this_machine()
        console.print(f"for {package.interpreter}")
        console.print(report(package))
    else:
        console.print(report(build_for_lambda()))


if __name__ == "__main__":
    app()
