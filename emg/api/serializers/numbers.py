"""Numbers in a query or a body, and nothing else that Python takes for one."""

import re
from typing import Any

from rest_framework import serializers

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class NumberField(serializers.FloatField):
    """Neither infinite nor NaN: with bounds, a number too large for them is refused."""

    def to_internal_value(self, data: Any) -> float:
        if not NUMBER.fullmatch(str(data)):
            self.fail("invalid")
        try:
            return super().to_internal_value(data)
        except OverflowError:
            self.fail("invalid")


class CountField(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if not NUMBER.fullmatch(str(data)):
            self.fail("invalid")
        return super().to_internal_value(data)
