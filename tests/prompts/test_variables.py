"""What may stand between braces."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from omibackend.llm.prompt import filled
from omibackend.prompts.variables import VARIABLES, bounded
from tests.prompts.cast import template


@pytest.mark.django_db
@pytest.mark.parametrize(
    "prompt",
    ["{nobody}", "{memory.owner.password}", "{memory.__class__}", "{Transcript}", "{memory_title}"],
)
def test_it_refuses_what_it_does_not_know_and_lists_what_it_knows(prompt: str) -> None:
    with pytest.raises(ValidationError) as refused:
        template(prompt=f"Tell {prompt}")
    (words,) = refused.value.message_dict["prompt"]
    assert prompt in words
    assert all(f"{{{name}}}" in words for name in VARIABLES)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"trigger": "transcript_end"},
        {"trigger": "schedule", "cron": "0 8 * * *"},
        {"trigger": "schedule", "prompt": "{memories}"},
        {"cron": "0 8 * * *"},
        {"trigger": "schedule", "cron": "0 8 * * *", "prompt": "{transcript}"},
    ],
)
def test_it_refuses_what_could_never_run(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        template(**changes)


@pytest.mark.django_db
def test_it_leaves_other_braces_alone() -> None:
    made = template(prompt='Answer like {"a": {}} or { text } or {0}: {memory.text}')
    assert (
        filled(made.prompt, {"memory.text": "x"}) == 'Answer like {"a": {}} or { text } or {0}: x'
    )


def test_it_puts_nothing_into_somebodys_words() -> None:
    words = {"transcript": "Say {person} and {memory.__class__}", "person": "Nadia"}
    assert filled("{transcript}", words) == "Say {person} and {memory.__class__}"


def test_it_cuts_what_is_long_and_keeps_what_is_short() -> None:
    cut = bounded({"transcript": "a" * 500 + "b" * 500, "person": "Nadia"}, most_chars=205)
    assert cut["person"] == "Nadia"
    assert len(cut["transcript"]) == 200
    assert cut["transcript"].startswith("aaa")
    assert cut["transcript"].endswith("bbb")
