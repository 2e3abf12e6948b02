"""The API's description."""

from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator


@pytest.fixture(scope="module")
def schema() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


def test_it_names_paths_as_the_contract_does(schema: Any) -> None:
    assert "/auth/login" in schema["paths"]
    assert not [path for path in schema["paths"] if path.endswith("/") and "{" not in path]


def test_it_says_what_is_refused(schema: Any) -> None:
    register = schema["components"]["schemas"]["Register"]
    assert register["additionalProperties"] is False
    assert register["properties"]["name"]["pattern"] == r"^[^\u0000]*$"


def test_it_tells_each_refusal_in_one_shape(schema: Any) -> None:
    answers = schema["paths"]["/auth/login"]["post"]["responses"]
    refusals = {code: answer for code, answer in answers.items() if code >= "400"}
    assert {"400", "401", "404", "405", "415", "429"} <= set(refusals)
    shapes = {str(answer["content"]["application/json"]["schema"]) for answer in refusals.values()}
    assert shapes == {"{'$ref': '#/components/schemas/Errors'}"}


def test_it_says_how_a_caller_proves_itself(schema: Any) -> None:
    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert schema["paths"]["/account"]["delete"]["requestBody"]
