"""Names of new collections and of new slots: data, but of a form that every client can put into a path."""

from services.api.validate.rules import Rules
from shared.errors import BadInput, Invalid

NAME_MAX = 255
VECTOR_NAME_BYTES_MAX = 200
_UNSAFE = '<>:"/\\|?*\0\x1f'


def check_collection_name(name: str, field: str = "name", where: str = "path parameters") -> str:
    """Return the name of a collection to be created, or renamed to. Raises Invalid."""
    if not 1 <= len(name) <= NAME_MAX:
        raise Invalid(f'{field}: value "{name}" invalid, must be from 1 to {NAME_MAX} characters', where)
    for character in _UNSAFE:
        if character in name:
            raise Invalid(f'{field}: collection name cannot contain "{character}" char', where)
    return name


def check_vector_name(name: str, path: str, rules: Rules) -> None:
    """The name of a slot is short and holds no characters that are special in paths."""
    if len(name.encode()) > VECTOR_NAME_BYTES_MAX:
        rules.broken(path, f"vector name is {len(name.encode())} bytes long, at most {VECTOR_NAME_BYTES_MAX} are taken")
    for character in _UNSAFE:
        if character in name:
            rules.broken(path, f'vector name "{name}" cannot contain "{character}" char')
            return


def check_distinct_names(dense: object, sparse: dict[str, object] | None) -> None:
    """Sparse slots have names, and none of a dense one. Raises BadInput."""
    for name in sparse or {}:
        if not name:
            raise BadInput("Sparse vector name cannot be empty")
        if isinstance(dense, dict) and name in dense:
            raise BadInput(f"Dense and sparse vector names must be unique - duplicate found with '{name}'")
