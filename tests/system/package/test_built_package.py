"""What ships is what is tested: the package that `sam build` makes, without the project's own
environment.
"""

import json
import re
import subprocess
from pathlib import Path

from tests.support.shop import Shop
from tests.support.sources import resources
from tools.building.build import LAMBDA_PYTHON, TARGET_BYTES, Package
from tools.sources import ROOT

AARCH64 = 183  # e_machine of an ELF file

LOADS = """
import importlib, json, sys
sys.path[:0] = [sys.argv[1]]
sys.path.append(sys.argv[2])
for name in sys.argv[3:]:
    assert callable(importlib.import_module(name).handler), name
print(json.dumps([m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)]))
"""


def required() -> set[str]:
    lines = (ROOT / "functions" / "requirements.txt").read_text().splitlines()
    return {line.split("==")[0].lower() for line in lines if re.match(r"\w", line)}


def test_it_is_small(for_lambda: Path, package: Package) -> None:
    for each in (for_lambda, package.folder):
        assert Package(each, package.interpreter, package.boto3).zipped_bytes() < TARGET_BYTES


def test_it_holds_our_modules_and_what_they_require_and_nothing_else(
    for_lambda: Path, package: Package
) -> None:
    for each in (for_lambda, package.folder):
        installed = {path.name for path in each.glob("*.dist-info")}
        found = {name.split("-")[0].replace("_", "-").lower() for name in installed}
        assert found == required()
        for ours in ("api", "rentals", "upkeep", "workflow"):
            assert {
                path.relative_to(each): path.read_bytes() for path in (each / ours).rglob("*.py")
            } == {
                path.relative_to(ROOT / "functions"): path.read_bytes()
                for path in (ROOT / "functions" / ours).rglob("*.py")
            }
        top = {path.name for path in each.iterdir()}
        assert not top & {"boto3", "botocore", "tests", "tools", "pytest"}


def test_what_is_deployed_is_for_lambdas_processor_and_python(for_lambda: Path) -> None:
    libraries = list(for_lambda.rglob("*.so"))

    assert libraries
    for each in libraries:
        assert int.from_bytes(each.read_bytes()[18:20], "little") == AARCH64, each
        assert f"cpython-{LAMBDA_PYTHON.replace('.', '')}-aarch64" in each.name


def test_every_handler_loads_with_nothing_but_the_package_and_boto3(package: Package) -> None:
    modules = [
        each["Handler"].removesuffix(".handler")
        for each in resources("AWS::Serverless::Function").values()
    ]

    answer = subprocess.run(
        [package.interpreter, "-I", "-S", "-c", LOADS, package.folder, package.boto3, *modules],
        env={"AWS_DEFAULT_REGION": "ap-southeast-1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    files = [Path(each) for each in json.loads(answer.stdout)]
    assert any(each.is_relative_to(package.folder) for each in files)
    assert not [each for each in files if each.is_relative_to(ROOT / ".venv")]
    assert not [each for each in files if "site-packages" in each.parts]


def test_a_rental_is_paid_and_another_cancelled_on_it(shop: Shop) -> None:
    collectible = shop.add_collectible(units=2)

    paid, given_up = shop.checkout(collectible), shop.checkout(collectible)
    shop.pay(paid)
    shop.cancel(given_up)

    shop.wait_for_status(paid["rental_id"], "completed")
    shop.wait_for_status(given_up["rental_id"], "cancelled")
    assert shop.available(collectible) == 1
