"""What is a command, and what only sounds like one."""

import pytest

from conversations.models import Space
from conversations.voice.intents import Command, Do, is_whole, read


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("switch to memories.", Command(Do.SWITCH, space=Space.MEMORIES)),
        ("Switch to my to-dos", Command(Do.SWITCH, space=Space.TODOS)),
        ("go back to the default space", Command(Do.SWITCH)),
        ("change to friends mode.", Command(Do.SWITCH, space=Space.FRIENDS)),
        ("list spaces", Command(Do.SPACES)),
        ("show me the windows.", Command(Do.WINDOWS)),
        ("list my conversations", Command(Do.WINDOWS)),
        ("select window 2", Command(Do.SELECT, slot=2)),
        ("open window number three.", Command(Do.SELECT, slot=3)),
        ("window to", Command(Do.SELECT, slot=2)),
        ("select window", Command(Do.SELECT)),
        ("Two.", Command(Do.NUMBER, slot=2)),
        ("the second one", Command(Do.NUMBER, slot=2)),
        ("Cancel.", Command(Do.CANCEL)),
        ("clear context", Command(Do.CLEAR)),
        ("verify 123456", Command(Do.VERIFY)),
        ("verify my code 1 2 3, four five six.", Command(Do.VERIFY)),
        ("help", Command(Do.HELP)),
        ("remember that the key is red.", Command(Do.REMEMBER, text="the key is red.")),
        ("save this as a memory: we met Ana.", Command(Do.REMEMBER, text="we met Ana.")),
        ("Save this as a memory.", Command(Do.REMEMBER)),
        ("note that rent is due", Command(Do.REMEMBER, text="rent is due")),
        ("add a to-do: call Ana.", Command(Do.TODO, text="call Ana.")),
        ("add todo to call Ana", Command(Do.TODO, text="call Ana")),
        ("add milk to my to-do list", Command(Do.TODO, text="milk")),
        ("to do: call Ana", Command(Do.TODO, text="call Ana")),
    ],
)
def test_it_reads_a_command(said: str, command: Command) -> None:
    assert read(said) == command


@pytest.mark.parametrize(
    "said",
    [
        "what did Sarah say about the venue?",
        "remember that dinner we had, where was it?",
        "do you remember that I owe Ana money",
        "switch to the other train",
        "what is on my to-do list?",
        "to do lists never help",
        "select window 7",
        "verify 12345",
        "rememberthat",
        "noted, thanks",
        "cancel my subscription",
        "",
        "?",
    ],
)
def test_it_leaves_a_question_alone(said: str) -> None:
    assert read(said) is None


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ("list windows", True),
        ("2", True),
        ("select window", False),
        ("select window.", True),
        ("remember that the key", False),
        ("add a to-do", False),
    ],
)
def test_it_knows_which_can_go_on(said: str, whole: bool) -> None:
    assert is_whole(said) is whole


def test_it_reads_hostile_text_in_no_time() -> None:
    assert read("add a to-do " + "to to my to-do list " * 45) is not None
    assert read("list " + "the " * 50_000) is None
