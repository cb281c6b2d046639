"""
Validates server events against the SDK's models with unknown types and unknown fields forbidden, at any depth. The SDK
itself builds its models without validation.
"""

import copy
import json
import os
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError


class StrictEvents:
    def __init__(self, union: Any, dialect: str) -> None:
        """`union` is the SDK's union of server events; `dialect` is `ga` or `beta`."""
        models: tuple[type[BaseModel], ...] = get_args(get_args(union)[0])
        self._adapters = {
            get_args(model.model_fields["type"].annotation)[0]: TypeAdapter(model) for model in models
        }
        # Fields in which the hosted service differs from the SDK's types (dev/harness/official-exceptions.ts).
        exceptions = Path(os.environ["PARLEY_RECORDINGS"], "exceptions.json")
        self._exceptions: list[str] = json.loads(exceptions.read_text())[dialect]

    def check(self, event: dict[str, Any]) -> None:
        """Raises an exception that names the field."""
        adapter = self._adapters.get(event["type"])
        if adapter is None:
            raise AssertionError(f"the SDK does not know the event {event['type']}")
        event = copy.deepcopy(event)
        for path in self._exceptions:
            _remove(event, path.split("."))
        try:
            adapter.validate_python(event, extra="forbid")
        except ValidationError as error:
            problems = [
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}"
                for e in error.errors(include_input=False)
                if not (e["type"] == "missing" and ".".join(map(str, e["loc"])) in self._exceptions)
            ]
            if problems:
                raise AssertionError(f"{event['type']}: {'; '.join(problems)}") from None


def _remove(value: Any, path: list[str]) -> None:
    """Removes the field at a path in which `name[]` stands for every element of a list."""
    name, rest = path[0].removesuffix("[]"), path[1:]
    if not isinstance(value, dict) or name not in value:
        return
    if not rest:
        del value[name]
    else:
        for inner in value[name] if path[0].endswith("[]") else [value[name]]:
            _remove(inner, rest)
