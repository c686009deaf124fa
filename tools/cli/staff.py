"""Commands about store staff: staff add, remove, reset."""

from typing import Annotated

import typer

from tools.cli.session import Session
from tools.ops import staff

app = typer.Typer()
staff_app = typer.Typer(no_args_is_help=True, help="Accounts of store staff, for the desk.")
app.add_typer(staff_app, name="staff")
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="What they sign in with.")]


@staff_app.command()
def add(
    ctx: typer.Context,
    email: Email,
    stores: Annotated[
        list[str] | None, typer.Option("--store", help="Where they work; give it once for each.")
    ] = None,
    manager: Annotated[
        bool, typer.Option("--manager", help="Acts at every store, and may do more.")
    ] = False,
) -> None:
    """Make an account, or change where an existing one works.

    Prints a first password, good for three days: the desk asks for one of their own. Somebody who
    is signed in works where they are told after a quarter of an hour at most.
    """
    session: Session = ctx.obj
    session.note_target()
    groups = staff.groups_for(session.target, stores or (), is_manager=manager)
    password = staff.of_stack(session.target).add(email, groups)
    if password is None:
        session.show({"email": email}, f"{email} had an account; where they work is changed.")
    else:
        _show_password(session, email, password)


@staff_app.command()
def reset(ctx: typer.Context, email: Email) -> None:
    """A forgotten password, or a lost phone: end all sessions, print a new first password.

    What is signed in can act for a quarter of an hour more at most.
    """
    session: Session = ctx.obj
    session.note_target()
    _show_password(session, email, staff.of_stack(session.target).reset(email))


@staff_app.command()
def remove(ctx: typer.Context, email: Email) -> None:
    """Delete an account and end its sessions; what they did stays on the rentals' rows.

    What is signed in can act for a quarter of an hour more at most.
    """
    session: Session = ctx.obj
    session.note_target()
    staff.of_stack(session.target).remove(email)
    session.show({"email": email}, f"{email} has no account any more.")


def _show_password(session: Session, email: str, password: str) -> None:
    session.show(
        {"email": email, "first_password": password},
        f"First password of {email}: [bold]{password}[/bold]",
        f"They sign in at {session.target.stack.site_url}/desk/",
    )
