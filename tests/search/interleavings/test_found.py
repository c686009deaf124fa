"""What the random search found, each as the shortest story that shows it.

A step is the name of an action, which then makes the plainest choices, or the name and its choices.
"""

from collections.abc import Iterator

import pytest

from rentals.desk import Action
from tests.search.interleavings.invocations import Fault
from tests.search.interleavings.search import PAID
from tests.search.interleavings.simulation import Replayed, Simulation
from tests.search.interleavings.stepfunctions import FULFILLMENT, RENTAL
from tests.search.interleavings.world import World
from tests.support.tasks import ordinary_way

Step = str | tuple[str, tuple[int, ...]]


def up_to(state: str) -> list[Step]:
    """A checkout whose execution stands before this state, whatever states come before it."""
    return ["checkout", *["advance"] * ordinary_way("RentalStateMachine").index(state)]


PAYABLE = (*up_to("AwaitPayment"), "advance")
FAIL = ("settle_refund", (3,))
CREATE_SESSION_AND_PAUSE = ("advance", (0, 0, 0, 1, 3))
PUBLISH_AND_LOSE_ANSWER = ("advance", (0, 5, 3))
RECONCILE_TROUBLE = ("reconcile", (4,))
RECONCILE_AND_PAUSE = ("reconcile", (0, 0, 1, 3))
INDEX_LAGS = ("outage", (8, 0, 12))
LOSE = ("desk", (0, 2, list(Action).index(Action.LOST), 2))
LOSE_AND_PAUSE = ("desk", (*LOSE[1], 0, 0, 1, 0))
DO_NEXT_AND_PAUSE = ("desk", (0, 0, 0, 0, 0, 1, 0))
STOP_FULFILLMENT = ("stop", (3,))
KILLED_BEFORE_THE_START = ("tell_eventbridge", (0, 0, 5, list(Fault).index(Fault.KILLED_BEFORE), 3))
FAIL_NEXT_STATE = ("break_down", (0, list(Fault).index(Fault.THROTTLED)))


class Story:
    """A simulation told step by step."""

    def __init__(self, world: World) -> None:
        self.simulation = Simulation(world, "story")

    def tell(self, *steps: Step) -> None:
        """Do these, each of which must be possible."""
        for step in steps:
            name, drawn = (step, ()) if isinstance(step, str) else step
            assert self.simulation.act(name, Replayed(drawn)), f"{step} is not possible"

    def lose_all_mail(self) -> None:
        """PayMongo's events of the past never arrive."""
        self.simulation.mail.clear()

    def advance_to(self, *states: str) -> None:
        """Let executions go on until each of these states has been left."""
        for state in states:
            while not any(each[1] == state for each in self.simulation.steps.taken):
                self.tell("advance")

    def advance_to_the_end(self) -> None:
        """Let executions go on until they are over or wait."""
        while any(each.can_advance for each in self.simulation.steps.executions):
            self.tell("advance")

    def statuses_of(self, machine: str) -> list[str]:
        """How executions of a state machine are or have ended."""
        executions = self.simulation.steps.executions
        return [each.status for each in executions if each.machine == machine]

    def end(self) -> None:
        """Nothing more happens; the promise holds, and the units come home."""
        self.simulation.come_to_rest()


@pytest.fixture
def story(world: World) -> Iterator[Story]:
    """An empty shop."""
    story = Story(world)
    yield story
    story.simulation.close()


@pytest.mark.parametrize("is_stopped", [False, True], ids=["in time", "stopped"])
def test_a_payment_begun_and_left_holds_no_unit_beyond_the_longest_hold(
    story: Story, is_stopped: bool
) -> None:
    """Its session was retried for 8 hours; it is followed, and what is paid late buys a unit."""
    story.tell(*PAYABLE, "begin_payment")
    story.tell(*(["stop", "tell_eventbridge"] if is_stopped else ["hold_runs_out"]))
    story.tell("advance", "leave_for_an_hour")
    story.advance_to("ReleaseUnit")
    story.advance_to_the_end()
    (row,) = story.simulation.world.rows("Rentals")
    assert ("unitId" in row, "sessionClosedAt" in row) == (False, False)
    story.tell("reconcile", "finish_payment")
    story.lose_all_mail()
    story.end()

    (row,) = story.simulation.world.rows("Rentals")
    assert row["paymentStatus"] == "completed"


def test_attention_ends_when_refund_had_succeeded_before(story: Story) -> None:
    """The reconciler settled such a rental every 15 minutes for ever."""
    story.tell(*PAYABLE, "pay_wrong_amount", "deliver")
    story.advance_to("ConfirmRental")
    story.tell("advance", "tell_eventbridge")
    story.advance_to("RefundMismatch")
    story.tell("settle_refund", "deliver", "deliver", "deliver")
    story.advance_to("FlagForAttention")

    story.end()


def test_second_payment_is_refunded_when_only_closing_the_session_finds_it(story: Story) -> None:
    """Confirming the rental forgot that the reconciler was to look at the second payment."""
    story.tell(*PAYABLE, "pay", "pay_again")
    story.lose_all_mail()
    story.tell("hold_runs_out")

    story.end()


def test_refund_of_second_payment_that_fails_is_asked_for_again(story: Story) -> None:
    """Nobody watched refunds of second payments: the money stayed here unnoticed."""
    story.tell(*PAYABLE, "pay", "pay_again")
    story.tell(*["deliver"] * 4)
    story.advance_to("RefundSurplus")
    story.tell(FAIL)

    story.end()


def test_refund_of_second_payment_that_fails_unheard_is_asked_for_again(story: Story) -> None:
    """The same when PayMongo's events of it are lost."""
    story.tell(*PAYABLE, "pay", "pay_again")
    story.tell(*["deliver"] * 4)
    story.advance_to("RefundSurplus")
    story.tell(FAIL)
    story.lose_all_mail()

    story.end()


def test_second_payment_is_refunded_when_settlement_is_stopped_and_first_refund_ends(
    story: Story,
) -> None:
    """The end of the first payment's refund forgot the second payment."""
    story.tell(*PAYABLE, "pay_wrong_amount", "deliver")
    story.advance_to("ConfirmRental")
    story.tell("advance", "tell_eventbridge")
    story.advance_to("FlagForAttention")
    story.lose_all_mail()
    story.tell("advance", "pay_again", "deliver")
    story.lose_all_mail()
    story.tell("stop", "settle_refund")

    story.end()


def test_refund_that_fails_beside_a_surplus_that_was_refunded_is_asked_for_again(
    story: Story,
) -> None:
    """Closing the session reported the surplus again, which made everybody forget that people had
    been told of the failed refund: it was told every six hours, and never asked for again.
    """
    story.tell(*PAYABLE, "pay_wrong_amount", "pay_again", *["deliver"] * 4)
    story.advance_to("FlagForAttention")
    story.advance_to_the_end()
    story.simulation.steps.events.clear()
    story.tell(("settle_refund", (0, 1)), ("settle_refund", (3, 0)))

    story.end()


def test_unit_is_kept_until_a_session_that_appears_while_settling_is_closed(story: Story) -> None:
    """Not found by the search but by reading: stopped while CreatePaymentSession was at work, the
    settlement saw no session, and released the unit with one open.
    """
    story.tell(*up_to("CreatePaymentSession"), CREATE_SESSION_AND_PAUSE)
    story.tell(("stop", (1,)), "tell_eventbridge")
    story.advance_to("ClosePaymentSession")
    story.tell("go_on")
    story.advance_to("ReleaseUnit")

    story.end()


def test_wait_for_a_payment_that_is_tried_again_finds_one_that_was_made_meanwhile(
    story: Story,
) -> None:
    """The wait's write was answered too late, its customer had paid, and nobody told the new wait:
    it lasted until the reconciler came.
    """
    story.tell(*up_to("AwaitPayment"), PUBLISH_AND_LOSE_ANSWER, "pay", "deliver")
    story.tell(*["advance"] * 5)

    assert story.statuses_of(RENTAL) == ["SUCCEEDED"]
    story.end()


def test_late_payment_that_nobody_tells_us_of_is_found(story: Story) -> None:
    """Not found by the search, which left it out: PayMongo gives up telling after two hours."""
    story.tell(*PAYABLE, "cancel")
    story.advance_to("ReleaseUnit")
    story.tell("pay_late")
    story.lose_all_mail()

    story.end()


def test_reconcilers_settlement_is_remembered_when_its_trouble_ends_before_it(
    story: Story,
) -> None:
    """The end of a refund forgot the settlement that was still at it: for news that came later the
    reconciler started another one beside it.
    """
    story.tell(*PAYABLE, "pay_wrong_amount", "deliver")
    story.advance_to("ConfirmRental")
    story.tell("advance", "tell_eventbridge")
    story.advance_to("FlagForAttention")
    story.advance_to_the_end()
    story.lose_all_mail()
    story.tell(RECONCILE_TROUBLE, "settle_refund", *["deliver"] * 2)
    story.tell("pay_again", "deliver", RECONCILE_TROUBLE)

    story.end()


def test_a_reconciler_that_was_overtaken_starts_no_second_settlement(story: Story) -> None:
    """Slow after it had taken a look, it overwrote the settlement that a later run had started."""
    story.tell(*PAYABLE, "pay", "pay_again")
    story.lose_all_mail()
    story.tell("hold_runs_out")
    story.advance_to("ConfirmRental")
    story.tell(RECONCILE_AND_PAUSE, "reconcile", "go_on")

    story.end()


def test_refund_by_the_owner_is_noticed_before_the_index_knows_its_payment(story: Story) -> None:
    """The rental stayed completed, and its unit rented, with the money given back."""
    story.tell(*PAYABLE, "pay", "deliver", "deliver")
    story.advance_to("ConfirmRental")
    story.tell("refund_by_owner", "settle_refund", INDEX_LAGS, "deliver", "deliver")

    story.end()


def test_a_unit_that_two_people_lose_at_once_is_lost_once(story: Story) -> None:
    """Not found by the search but by reading: the second one's request crashed."""
    story.tell(*PAID, LOSE_AND_PAUSE, LOSE, "go_on")

    story.end()


def test_stage_that_goes_on_while_its_execution_fails_leaves_attention(story: Story) -> None:
    """The store's action, which had read the row before, left the rental in operators' list."""
    story.tell(*PAID[:-1], FAIL_NEXT_STATE, "advance", DO_NEXT_AND_PAUSE, "tell_eventbridge")
    story.tell("go_on")

    story.end()


def test_execution_that_was_not_started_after_a_stop_is_started_within_minutes(
    story: Story,
) -> None:
    """Its name was on the row, so nobody looked before the rental's next deadline."""
    story.tell(*PAID, STOP_FULFILLMENT, KILLED_BEFORE_THE_START)
    assert story.statuses_of(FULFILLMENT) == ["ABORTED"]

    story.end()
