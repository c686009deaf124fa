"""DynamoDB as the domain uses it."""

from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra import aws, dynamo
from infra.dynamo import Change, Condition, ConditionFailed, New, absent, equal, present, unlike
from rentals.errors import WriteContended
from tests.support.samples import Json
from tests.support.tables import Shop

TABLE = "MongoCollectibles-Stores"


def rename(store_id: str, name: str, *when: Condition) -> Change:
    return Change(TABLE, store_id, {"address": name}, when)


def test_values_come_back_as_they_went_and_none_is_left_out(shop: Shop) -> None:
    row = {"id": "x", "number": Decimal("25.1"), "names": {"a", "b"}, "nested": {"deep": ["1"]}}

    shop.put("Stores", row | {"missing": None})

    assert shop.row("Stores", "x") == row


@pytest.mark.parametrize("key", ["", "x" * 2_049, "ñ" * 1_025])
def test_asking_for_what_cannot_be_a_key_finds_nothing(shop: Shop, key: str) -> None:
    assert dynamo.get(TABLE, key) is None


def test_an_update_returns_the_row_as_it_is_now(shop: Shop) -> None:
    assert dynamo.update(rename("store-a", "Makati")) == {
        "id": "store-a",
        "name": "STORE-A",
        "address": "Makati",
    }


def test_a_failed_condition_returns_the_row_as_it_was(shop: Shop) -> None:
    with pytest.raises(ConditionFailed) as failure:
        dynamo.update(rename("store-a", "Makati", absent("id")))

    assert failure.value.failed == {0}
    assert failure.value.existing == {0: {"id": "store-a", "name": "STORE-A"}}


def test_a_failed_condition_on_no_row_says_so(shop: Shop) -> None:
    with pytest.raises(ConditionFailed) as failure:
        dynamo.update(rename("nowhere", "Makati", present("id")))

    assert failure.value.existing == {0: None}


def test_another_error_of_an_update_is_not_taken_for_a_failed_condition(shop: Shop) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        dynamo.update(rename("store-a", "Makati", Condition("this is no condition")))


def test_a_transaction_is_all_or_nothing_and_names_the_operations_that_failed(shop: Shop) -> None:
    with pytest.raises(ConditionFailed) as failure:
        dynamo.transact(
            [
                rename("store-a", "Makati"),
                rename("store-b", "Quezon City", absent("id")),
                rename("nowhere", "Alabang", present("id")),
            ]
        )

    assert failure.value.existing == {1: {"id": "store-b", "name": "STORE-B"}, 2: None}
    assert all("address" not in row for row in shop.rows("Stores"))


def test_a_transaction_puts_and_updates(shop: Shop) -> None:
    dynamo.transact([New(TABLE, {"id": "store-c", "name": "C"}), rename("store-a", "Makati")])

    assert shop.row("Stores", "store-c")["name"] == "C"
    assert shop.row("Stores", "store-a")["address"] == "Makati"


def test_a_row_is_not_put_over_another(shop: Shop) -> None:
    with pytest.raises(ConditionFailed):
        dynamo.transact([New(TABLE, {"id": "store-a", "name": "C"})])


ROWS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["A", "B"]),
        "address": st.sampled_from(["Makati", "Pasig"]),
        "phones": st.sets(st.sampled_from("xyz"), min_size=1),
    },
)
CHANGED = st.dictionaries(st.sampled_from(["name", "address"]), st.sampled_from(["A", "C", None]))
MEMBERS = st.sets(st.sampled_from("wxyz"), min_size=1)


@pytest.mark.parametrize(
    "others", [{"attributes": {"phones": None}}, {"delete": {"phones": {"x"}}}], ids=str
)
def test_a_change_that_writes_an_attribute_in_two_ways_is_refused(others: Any) -> None:
    """As DynamoDB does; the engine sets and removes one attribute at once."""
    with pytest.raises(ValueError, match="phones"):
        Change(TABLE, "store-a", add={"phones": {"y"}}, **others)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(row=ROWS, attributes=CHANGED, members=MEMBERS, is_added=st.booleans())
def test_a_change_says_what_the_row_is_after_it_was_written(
    shop: Shop, row: Json, attributes: Json, members: set[str], is_added: bool
) -> None:
    sets = {"phones": members}
    before = row | {"id": "store-x"}
    shop.put("Stores", before)
    change = Change(
        TABLE,
        "store-x",
        attributes,
        [equal(name, row.get(name)) for name in attributes] + [unlike("id", "other")],
        add=sets if is_added else {},
        delete={} if is_added else sets,
    )

    assert dynamo.update(change) == change.applied_to(before)


def cancelled(*codes: str) -> ClientError:
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return ClientError(response, "TransactWriteItems")


class Contention:
    """A client whose transactions fail in turn before they get through."""

    def __init__(self, *failures: ClientError) -> None:
        self.failures = list(failures)
        self.tries = 0

    def transact_write_items(self, **request: Any) -> None:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
def contend(environment: pytest.MonkeyPatch) -> Any:
    def use(*failures: ClientError) -> Contention:
        client = Contention(*failures)
        environment.setattr(dynamo, "dynamodb", lambda: client)
        environment.setattr("infra.dynamo.time.sleep", lambda seconds: None)
        return client

    return use


@pytest.mark.parametrize(
    "failure",
    [
        cancelled("None", "TransactionConflict"),
        cancelled("ThrottlingError", "None"),
        cancelled("ProvisionedThroughputExceeded"),
        cancelled(),
        ClientError(
            {"Error": {"Code": "TransactionInProgressException", "Message": ""}},
            "TransactWriteItems",
        ),
    ],
)
def test_a_transaction_that_met_another_one_is_tried_again(
    contend: Any, failure: ClientError
) -> None:
    client = contend(failure, failure)

    dynamo.transact([rename("store-a", "Makati")])

    assert client.tries == 3


def test_a_transaction_that_always_meets_another_one_is_contended(contend: Any) -> None:
    contend(*[cancelled("TransactionConflict")] * 100)

    with pytest.raises(WriteContended):
        dynamo.transact([rename("store-a", "Makati")])


@pytest.mark.parametrize(
    "failure",
    [
        cancelled("ValidationError", "None"),
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "X"),
    ],
)
def test_a_transaction_that_can_never_work_is_tried_once(
    contend: Any, failure: ClientError
) -> None:
    client = contend(*[failure] * 100)

    with pytest.raises(ClientError):
        dynamo.transact([rename("store-a", "Makati")])

    assert client.tries == 1


def test_a_failed_condition_counts_more_than_a_conflict(contend: Any) -> None:
    client = contend(cancelled("TransactionConflict", "ConditionalCheckFailed"))

    with pytest.raises(ConditionFailed) as failure:
        dynamo.transact([rename("store-a", "x"), rename("store-b", "y")])

    assert failure.value.failed == {1}
    assert client.tries == 1


def test_small_tables_are_read_whole(shop: Shop) -> None:
    for number in range(3):
        shop.put("Stores", {"id": f"store-{number}", "text": "x" * 390_000})

    assert len(dynamo.scan(TABLE)) == 5
    assert (
        aws.dynamodb().describe_table(TableName=TABLE)["Table"]["KeySchema"][0]["AttributeName"]
        == "id"
    )
