"""Cursor pages, on memories that share their moments."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from memories.models import Memory
from omibackend.core.api.pages import Pages

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def memories(owner: Any) -> list[Memory]:
    """Seven, three of them at one moment, the newest first."""
    hours = (5, 4, 3, 3, 3, 1, 0)
    made = Memory.objects.bulk_create(
        Memory(
            owner=owner,
            kind="note",
            text=str(number),
            content_hash=str(number),
            occurred_at=NOON + timedelta(hours=hour),
        )
        for number, hour in enumerate(hours)
    )
    return sorted(made, key=lambda memory: (memory.occurred_at, memory.pk), reverse=True)


def page(link: str) -> tuple[list[Memory], dict[str, Any]]:
    paged = Pages()
    rows = paged.paginate_queryset(Memory.objects.all(), Request(APIRequestFactory().get(link)))
    return rows, paged.get_paginated_response([]).data


def walk(link: str, way: str) -> list[list[Memory]]:
    seen = []
    while link:
        rows, answer = page(link)
        seen.append(rows)
        link = answer[way]
    return seen


def test_it_walks_to_the_end_and_back(memories: list[Memory]) -> None:
    there = walk("/memories?page_size=2", "next")
    assert [len(rows) for rows in there] == [2, 2, 2, 1]
    assert [row for rows in there for row in rows] == memories
    last = page("/memories?page_size=2")[1]["next"]
    for _ in range(2):
        last = page(last)[1]["next"]
    back = walk(last, "previous")
    assert list(reversed(back)) == there


def test_it_neither_repeats_nor_hides_when_a_row_arrives(memories: list[Memory]) -> None:
    first, answer = page("/memories?page_size=3")
    Memory.objects.create(
        owner=memories[0].owner, kind="note", text="new", occurred_at=NOON + timedelta(hours=9)
    )
    second, answer = page(answer["next"])
    assert first + second == memories[:6]
    assert [row.text for row in page(answer["previous"])[0]] == [row.text for row in first]


def test_it_keeps_the_other_parameters_in_its_links(memories: list[Memory]) -> None:
    link = page("/memories?page_size=2&q=venue")[1]["next"]
    assert {part.partition("=")[0] for part in urlsplit(link).query.split("&")} == {
        "page_size",
        "q",
        "cursor",
    }


@pytest.mark.parametrize(
    "cursor", ["x", "bnVsbA", "W10", "WyJuIiwiMjAyNiIsIngiXQ", "%00", "🙂", "W" * 900]
)
def test_it_refuses_a_cursor_that_is_none_of_its_own(memories: list[Memory], cursor: str) -> None:
    with pytest.raises(NotFound, match="next"):
        page(f"/memories?cursor={cursor}")


@pytest.mark.parametrize("size", ["0", "201", "-1", "x", "", "9" * 5000])
def test_it_refuses_a_page_size_out_of_bounds(memories: list[Memory], size: str) -> None:
    with pytest.raises(ValidationError, match="1 to 200"):
        page(f"/memories?page_size={size}")
