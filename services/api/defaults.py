"""Defaults of new collections: the configuration file, then the environment, checked as a create body is.

The shipped services/config.yaml names every option. A file of one's own may leave options out; an option that the
shipped one does not name is refused, so that a slip of the pen does not pass for a setting.
"""

from pathlib import Path
from typing import Any

import msgspec
import yaml

from services.api.validate.body import convert_strictly
from services.api.validate.collection_quantization import parse_quantization
from services.api.validate.collections import Defaults, WireCreate, narrow_create
from services.api.validate.rules import Rules
from shared.errors import BadRequest, Rejected
from shared.settings import Settings

SHIPPED = Path(__file__).resolve().parent.parent / "config.yaml"
ROOT = "collection"


def load_defaults(settings: Settings) -> Defaults:
    """Return the defaults in force. Raises BadRequest that names the option, OSError when the file cannot be read."""
    path = Path(settings.config) if settings.config else SHIPPED
    try:
        known = _options(_read(SHIPPED), {ROOT: {}}, "")[ROOT]
        given = _options(_read(path), {ROOT: known}, "").get(ROOT) or {}
        _merge(given, _options(_parsed(settings.collection), known, f"{ROOT}."))
        return _narrowed(given)
    except Rejected as error:
        raise BadRequest(f"defaults of collections ({path} and SHOAL_COLLECTION__…): {error}") from error


def _read(path: Path) -> Any:
    """Return what a YAML file holds."""
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadRequest(f"not YAML: {' '.join(str(error).split())}") from error
    return {} if given is None else given


def _options(given: Any, known: dict[str, Any], path: str) -> dict[str, Any]:
    """Return options by name; an empty `known` takes any. Raises BadRequest for one that nobody knows."""
    if not isinstance(given, dict):
        raise BadRequest(f"{path.rstrip('.') or 'the file'}: expected options by name, got {given!r}")
    for name, value in given.items():
        if known and name not in known:
            raise BadRequest(f"unknown option `{path}{name}`, expected one of {', '.join(sorted(known))}")
        if value is not None and isinstance(known.get(name), dict):
            _options(value, known[name], f"{path}{name}.")
    return given


def _parsed(given: Any) -> Any:
    """Return values of the environment as YAML reads them: `8` is a number, `null` nothing."""
    if isinstance(given, dict):
        return {name: _parsed(value) for name, value in given.items()}
    if not isinstance(given, str):
        return given
    try:
        return yaml.safe_load(given)
    except yaml.YAMLError as error:
        raise BadRequest(f"not YAML: {given!r}") from error


def _merge(into: dict[str, Any], changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict) and name != "quantization_config":
            _merge(into[name], value)
        else:
            into[name] = value


def _narrowed(given: dict[str, Any]) -> Defaults:
    """Return the defaults that options ask for, by the rules of a create body."""
    vectors = given.pop("vectors", None) or {}
    quantization = given.pop("quantization_config", None)
    rules = Rules()
    parsed = parse_quantization(quantization, "quantization_config", rules, strict=True)
    rules.check()
    placement = convert_strictly(vectors, _Vectors, "vectors")
    config = narrow_create(convert_strictly(_without_nulls(given), WireCreate, ROOT), Defaults())
    return Defaults(config.model_copy(update={"quantization_config": parsed}), placement.on_disk)


class _Vectors(msgspec.Struct):
    on_disk: bool | None = None


def _without_nulls(given: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is null, and groups in which nothing is left."""
    kept = {name: _without_nulls(value) if isinstance(value, dict) else value for name, value in given.items()}
    return {name: value for name, value in kept.items() if value is not None and value != {}}
