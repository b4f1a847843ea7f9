"""Alias changes: a list of actions in the reference's shape, narrowed to what the catalog takes.

A name is refused here for its form alone; whether it is taken, or points to anything, only the catalog can tell.
"""

import msgspec

from services.api.validate.body import decode
from services.api.validate.rules import Rules
from shared.coordination.catalog import AliasChange
from shared.errors import BadFormat, BadRequest

NAME_MAX = 255
ACTIONS_MAX = 1000
"""Most actions in one request: they run as one script, during which Redis does nothing else."""

_UNSAFE = '<>:"/\\|?*\0\x1f'


class WireCreateAlias(msgspec.Struct):
    collection_name: str
    alias_name: str


class WireDeleteAlias(msgspec.Struct):
    alias_name: str


class WireRenameAlias(msgspec.Struct):
    old_alias_name: str
    new_alias_name: str


class WireAction(msgspec.Struct):
    create_alias: WireCreateAlias | None = None
    delete_alias: WireDeleteAlias | None = None
    rename_alias: WireRenameAlias | None = None


class WireActions(msgspec.Struct):
    actions: list[WireAction]


_decoder = msgspec.json.Decoder(WireActions)


def parse_alias_actions(body: bytes) -> list[AliasChange]:
    """Return the changes in order. Raises BadFormat, Invalid, BadRequest."""
    wire = decode(_decoder, body)
    if len(wire.actions) > ACTIONS_MAX:
        raise BadRequest(f"at most {ACTIONS_MAX} alias actions in one request, got {len(wire.actions)}")
    rules = Rules()
    changes = [_change(action, f"actions[{place}]", rules) for place, action in enumerate(wire.actions)]
    rules.check()
    return changes


def _change(action: WireAction, path: str, rules: Rules) -> AliasChange:
    match action:
        case WireAction(create_alias=WireCreateAlias() as create, delete_alias=None, rename_alias=None):
            _check_name(create.collection_name, f"{path}.create_alias.collection_name", rules)
            _check_name(create.alias_name, f"{path}.create_alias.alias_name", rules)
            return AliasChange("create", create.alias_name, create.collection_name)
        case WireAction(create_alias=None, delete_alias=WireDeleteAlias() as delete, rename_alias=None):
            return AliasChange("delete", delete.alias_name)
        case WireAction(create_alias=None, delete_alias=None, rename_alias=WireRenameAlias() as rename):
            _check_name(rename.new_alias_name, f"{path}.rename_alias.new_alias_name", rules)
            return AliasChange("rename", rename.old_alias_name, rename.new_alias_name)
    raise BadFormat(f"{path}: expected exactly one of create_alias, delete_alias, rename_alias")


def _check_name(name: str, path: str, rules: Rules) -> None:
    """A name that a path could not carry would be an alias that nobody can use."""
    if not 1 <= len(name) <= NAME_MAX:
        rules.broken(path, f'value "{name}" invalid, must be from 1 to {NAME_MAX} characters')
        return
    unsafe = next((character for character in name if character in _UNSAFE), None)
    if unsafe is not None:
        rules.broken(path, f'collection name cannot contain "{unsafe}" char')
