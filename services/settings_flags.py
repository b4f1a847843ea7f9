"""Command line flags and the README's table, made from the fields of `Settings`: one place to add a setting."""

import types
import typing
from collections.abc import Callable
from typing import Any

import click
from pydantic.fields import FieldInfo

from shared.settings import INTERNAL, SECTIONS, Settings, variable_of

FIELDS: dict[str, FieldInfo] = {name: field for name, field in Settings.model_fields.items() if name not in INTERNAL}


def sections() -> dict[str, list[str]]:
    """Field names by section, in the order of the settings file."""
    found: dict[str, list[str]] = {}
    for name in FIELDS:
        if name in SECTIONS:
            current = found.setdefault(SECTIONS[name], [])
        current.append(name)
    return found


class SettingsCommand(click.Command):
    """A command whose help lists the settings by section."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes one block per section, then the options of the command itself."""
        records = {parameter.name: parameter.get_help_record(context) for parameter in self.get_params(context)}
        for title, names in sections().items():
            rows = [record for name in names if (record := records.pop(name, None)) is not None]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
        with formatter.section("Other"):
            formatter.write_dl([record for record in records.values() if record is not None])


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds one flag per setting; the command's `given` argument is what stands on the command line and nothing else."""

    def run(**values: Any) -> Any:
        given = {name: values.pop(name) for name in FIELDS if name in values}
        return command(given={name: value for name, value in given.items() if value is not None}, **values)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__click_params__ = [*[_option(name) for name in FIELDS], *getattr(command, "__click_params__", [])]  # type: ignore[attr-defined]
    return run


def settings_from(given: dict[str, Any]) -> Settings:
    """The settings: flags, then the environment, then defaults. A bad value ends the command with a plain message."""
    try:
        return Settings(**given)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def markdown_table() -> str:
    """The README's table of settings."""
    lines = ["| flag | variable | default | what |", "| --- | --- | --- | --- |"]
    for title, names in sections().items():
        lines.append(f"| **{title}** | | | |")
        for name in names:
            field = FIELDS[name]
            lines.append(f"| `{_flag(name)}` | `{variable_of(name)}` | {_default_text(field)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _option(name: str) -> click.Option:
    field = FIELDS[name]
    help_text = f"{field.description} [{variable_of(name)}; {_default_text(field).strip('`')}]"
    if field.annotation is bool:
        return click.Option([f"{_flag(name)}/--no-{_flag(name)[2:]}"], default=None, help=help_text)
    return click.Option([_flag(name)], type=_click_type(field), default=None, help=help_text, metavar=_metavar(field))


def _click_type(field: FieldInfo) -> click.ParamType[Any]:
    annotation = field.annotation
    if typing.get_origin(annotation) is typing.Literal:
        return click.Choice(typing.get_args(annotation))
    if annotation is int:
        return click.INT
    return click.FLOAT if annotation is float else click.STRING


def _metavar(field: FieldInfo) -> str:
    annotation = field.annotation
    if typing.get_origin(annotation) is typing.Literal:
        return "|".join(typing.get_args(annotation))
    names: dict[Any, str] = {int: "N", float: "X", bool: "", str: "TEXT"}
    return "TEXT" if isinstance(annotation, types.UnionType) else names.get(annotation, "PATH")


def _default_text(field: FieldInfo) -> str:
    default = field.default
    if default == "":
        return "none"
    if isinstance(default, bool):
        return "`on`" if default else "`off`"
    return f"`{default}`"
