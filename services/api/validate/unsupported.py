"""Refusal by name of what the reference knows and this build does not do yet: never accepted and ignored.

`null`, and for switches `false`, ask for nothing and pass.
"""

from typing import NoReturn

from shared.errors import BadRequest


def refuse(what: str) -> NoReturn:
    """Raise the BadRequest that names the option, field or route."""
    raise BadRequest(f"not supported yet by Shoal: {what}")


def refuse_given(given: object, names: tuple[str, ...], prefix: str = "") -> None:
    """Refuse the first of the attributes `names` that holds a wish: not None, false, or empty."""
    for name in names:
        value = getattr(given, name)
        if value is not None and value is not False and value != [] and value != {}:
            refuse(f"`{prefix}{name}`")
