"""The documented examples of an app, to be sent and compared."""

import json
from typing import Any

from omibackend.core.api.examples import examples
from tests.api.examples import differences


class Shown:
    def __init__(self, package: str) -> None:
        self.examples = examples(package)

    def sent(self, operation: str, case: str = "", **changes: Any) -> Any:
        """The documented request, with the ids of the test in place of its own."""
        shown = [each for each in self.examples[operation] if each.request_only]
        (found,) = [each for each in shown if each.name == case or not case]
        return found.value | changes

    def answered(self, operation: str, answer: Any, status: int = 200) -> Any:
        """The answer, of a list the first row, which looks as documented."""
        assert answer.status_code == status
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        found = json.loads(body)
        found = found["results"][0] if isinstance(found, dict) and "results" in found else found
        told = [x for x in self.examples[operation] if str(status) in (x.status_codes or ())]
        assert told
        for each in told:
            assert list(differences(each.value, found, operation)) == []
        return found
