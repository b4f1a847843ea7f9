"""Refusal by name of what the reference knows and this build does not do yet: never accepted and ignored.

`null`, and for switches `false`, ask for nothing and pass.
"""

from typing import Any, NoReturn

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


def refuse_vector_shape(value: Any, path: str) -> None:
    """Refuse by name the shapes of a vector that are not dense: a multivector, a sparse one, text or image to embed."""
    if isinstance(value, list):
        if value and isinstance(value[0], list):
            refuse(f"multivectors (`{path}`)")
        return
    if not isinstance(value, dict):
        return
    if "indices" in value and "values" in value and isinstance(value["indices"], list):
        refuse(f"sparse vectors (`{path}`)")
    for key in ("text", "image", "object"):
        if key in value and "model" in value:
            refuse(f"inference of `{key}` (`{path}`)")
