"""Examples for the API's description, from files."""

from pathlib import Path

import pytest

from omibackend.core.api.examples import examples
from tests.api.examples import differences


def test_it_tells_operation_direction_and_case_by_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "told_by_files" / "examples"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    (folder / "thing_create__request__a_new_one.json").write_text('{"name": "Größe"}', "utf-8")
    (folder / "thing_create__201__the_thing.json").write_text('{"id": 7}')
    (folder / "thing_export__200__its_beginning.csv").write_bytes(b"id\r\n7\r\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = examples("told_by_files")
    answer, request = found["thing_create"]
    assert (request.name, request.value) == ("A new one", {"name": "Größe"})
    assert (request.request_only, answer.response_only, answer.status_codes) == (
        True,
        True,
        ["201"],
    )
    (text,) = found["thing_export"]
    assert (text.media_type, text.value) == ("text/csv", "id\r\n7\r\n")


@pytest.mark.parametrize(
    ("told", "found", "expected"),
    [
        ({"a": 1}, {"a": 2.5}, []),
        ({"a": None}, {"a": [1]}, []),
        ([], [1], []),
        ({"a": [{"b": 1}]}, {"a": [{"b": "1"}]}, ["/a/0/b: float documented, str answered"]),
        ({"a": 1}, {}, ["/a: not answered"]),
        ({}, {"a": 1}, ["/a: not documented"]),
        ({"a": True}, {"a": 1}, ["/a: bool documented, float answered"]),
    ],
)
def test_it_says_where_an_example_is_wrong(
    told: object, found: object, expected: list[str]
) -> None:
    assert list(differences(told, found)) == expected
