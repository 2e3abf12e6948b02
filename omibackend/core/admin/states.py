"""The state of durable work in words: tone, symbol and word, as `ob`'s chip draws them."""

from omibackend.core.work.leased import Leased, State

Chip = tuple[str, str, str]
CHIPS: dict[str, Chip] = {
    "dead": ("bad", "error", "dead"),
    "retry": ("warn", "schedule", "will retry"),
    "waiting": ("info", "hourglass_empty", "waiting"),
    "running": ("info", "sync", "running"),
    "done": ("ok", "check", "done"),
    "ignored": ("mute", "do_not_disturb_on", "ignored"),
}


def shown_state(row: Leased) -> str:
    if row.state == State.PENDING:
        return "retry" if row.attempts and row.last_error else "waiting"
    return "running" if row.state == State.LEASED else str(row.state)


def state_chip(row: Leased) -> Chip:
    return CHIPS[shown_state(row)]
