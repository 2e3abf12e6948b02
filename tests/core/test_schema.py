import re

from omibackend.core.api.schema import NOT_BLANK


def test_what_is_blank_is_what_python_strips() -> None:
    pattern = re.compile(NOT_BLANK)
    for number in range(1, 0x11000):
        character = chr(number)
        assert bool(pattern.match(character)) is bool(character.strip()), hex(number)
