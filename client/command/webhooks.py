"""Who is told when a job has ended: the commands of `webhooks`."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer

from client.command.filters import Limit, since
from client.command.running import Group, command
from client.command.terminal import Terminal
from client.wording import age, moment

if TYPE_CHECKING:
    from client.aio import AsyncClient
    from client.models import NewWebhook

EVENTS: Final = ("job.succeeded", "job.failed", "job.cancelled", "session.deleted")

WebhookId = Annotated[
    UUID, typer.Argument(metavar="WEBHOOK_ID", help="As `transcripts webhooks list` shows it")
]


@command(
    "create",
    (
        "transcripts webhooks create https://app.example/hooks",
        "told of everything; prints the secret, this once",
    ),
    ("transcripts webhooks create https://app.example/hooks --event job.failed", "of failures alone"),
)
async def create(
    client: "AsyncClient",
    terminal: Terminal,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="https, reachable from the service")],
    event: Annotated[
        list[str] | None,
        typer.Option(metavar="EVENT", help=f"{', '.join(EVENTS)}; may be repeated", show_default=False),
    ] = None,
    description: Annotated[str, typer.Option(metavar="TEXT", help="What it is for", show_default=False)] = "",
) -> None:
    """Register an address that is told when a job has ended or a session is gone.

    The secret that signs what is sent goes to stdout, this once; any library of Standard Webhooks takes it.
    """
    _show(terminal, await client.webhooks.create(address, event or None, description=description))


@command("list", ("transcripts webhooks list", "and why one was switched off"))
async def list_webhooks(client: "AsyncClient", terminal: Terminal, limit: Limit = 0) -> None:
    """List the webhooks of your tenant."""
    found = [each async for each in client.webhooks.list(limit=limit or None)]
    columns: dict[str, Any] = {
        "id": lambda each: each.id,
        "on": lambda each: "on" if each.enabled else f"off: {each.disabled_reason or 'switched off'}",
        "address": lambda each: each.url,
        "description": lambda each: each.description,
        "events": lambda each: ",".join(each.events),
    }
    terminal.results(found, columns, empty="There are no webhooks.")


@command(
    "test", ("transcripts webhooks test 019ab5d0-…", "then look: transcripts webhooks deliveries 019ab5d0-…")
)
async def test(client: "AsyncClient", terminal: Terminal, webhook_id: WebhookId) -> None:
    """Have a test event delivered."""
    made = await client.webhooks.test(webhook_id)
    if terminal.as_json:
        terminal.json(made)
    else:
        terminal.line(made.id)
    terminal.say(f"Under way. How it went: transcripts webhooks deliveries {webhook_id} -n 1", "dim")


@command(
    "deliveries",
    ("transcripts webhooks deliveries 019ab5d0-…", "the newest 20, each with its last attempt"),
    ("transcripts webhooks deliveries 019ab5d0-… -s failed --json", "with every attempt"),
)
async def deliveries(
    client: "AsyncClient",
    terminal: Terminal,
    webhook_id: WebhookId,
    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status", "-s", metavar="STATUS", help="Only these; may be repeated", show_default=False
        ),
    ] = None,
    limit: Limit = 20,
) -> None:
    """Show what was, is, and will be delivered."""
    found = [
        each
        async for each in client.webhooks.deliveries(webhook_id, status=status or (), limit=limit or None)
    ]
    people = terminal.is_shown
    columns: dict[str, Any] = {
        "id": lambda each: each.id,
        "event": lambda each: each.event,
        "status": lambda each: each.status,
        "tries>": lambda each: len(each.attempts),
        "age>": lambda each: age(each.created_at) if people else each.created_at,
        "next": lambda each: moment(each.next_attempt_at) if people else each.next_attempt_at,
        "last answer": _last,
    }
    terminal.results(found, columns, empty="Nothing was delivered.")


@command(
    "replay",
    ("transcripts webhooks replay 019ab5d0-… --failed-since 1d", "all that failed since yesterday"),
    ("transcripts webhooks replay 019ab5d0-… --delivery 019ab5d1-…", "one of them"),
)
async def replay(
    client: "AsyncClient",
    terminal: Terminal,
    webhook_id: WebhookId,
    delivery: Annotated[
        list[UUID] | None, typer.Option(metavar="ID", help="This one; may be repeated", show_default=False)
    ] = None,
    failed_since: Annotated[
        datetime | None,
        typer.Option(
            parser=since, metavar="WHEN", help="All that failed since: 1d, 2026-11-24", show_default=False
        ),
    ] = None,
) -> None:
    """Deliver again, under the same message id."""
    if not delivery and failed_since is None:
        raise typer.BadParameter("give --delivery or --failed-since", param_hint="--failed-since")
    outcome = await client.webhooks.replay(webhook_id, delivery or (), failed_since=failed_since)
    if terminal.as_json:
        terminal.json(outcome)
    else:
        for each in outcome.queued:
            terminal.line(each)
    terminal.say(f"{len(outcome.queued)} will be delivered again.")


@command("rotate", ("transcripts webhooks rotate 019ab5d0-… --until PT24H", "both secrets sign for a day"))
async def rotate(
    client: "AsyncClient",
    terminal: Terminal,
    webhook_id: WebhookId,
    until: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="How long the old one signs too: PT24H", show_default=False),
    ] = None,
) -> None:
    """Sign with another secret, which goes to stdout."""
    _show(terminal, await client.webhooks.rotate(webhook_id, until=until))


@command("enable", ("transcripts webhooks enable 019ab5d0-…", "after its address was mended"))
async def enable(
    client: "AsyncClient",
    terminal: Terminal,
    webhook_id: WebhookId,
    on: Annotated[bool, typer.Option("--on/--off", help="On again, or off")] = True,
) -> None:
    """Switch a webhook on again, or off."""
    changed = await client.webhooks.update(webhook_id, enabled=on)
    if terminal.as_json:
        terminal.json(changed)
    terminal.say(f"{changed.url} is {'on' if changed.enabled else 'off'}.")


@command("delete", ("transcripts webhooks delete 019ab5d0-…", "and what was to be delivered to it"))
async def delete(client: "AsyncClient", terminal: Terminal, webhook_id: WebhookId) -> None:
    """Remove a webhook, and what was to be delivered to it."""
    await client.webhooks.delete(webhook_id)
    if terminal.as_json:
        terminal.json({"deleted": [webhook_id]})
    terminal.say("Removed.")


def _show(terminal: Terminal, made: "NewWebhook") -> None:
    if terminal.as_json:
        terminal.json(made)
    else:
        terminal.write(f"{made.secret}\n")
    terminal.say(
        f"Webhook {made.id} tells {made.url} of {', '.join(made.events)}. The secret is not shown again.",
        "dim",
    )


def _last(delivery: Any) -> str:
    if not delivery.attempts:
        return ""
    last = max(delivery.attempts, key=lambda each: each.at)
    return last.error or (str(last.http_status) if last.http_status else "")


GROUP: Final = Group(
    "webhooks",
    "Have an address told when a job has ended.",
    (create, list_webhooks, test, deliveries, replay, rotate, enable, delete),
)
