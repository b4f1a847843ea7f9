"""Flags, variables and the README's table come from one place."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from services.cli import main
from services.settings_flags import FIELDS, markdown_table, settings_from

PROJECT = Path(__file__).resolve().parents[3]


def test_a_flag_wins_over_the_variable_and_the_variable_over_the_default(monkeypatch):
    monkeypatch.setenv("SHOAL_PORT", "7000")
    monkeypatch.setenv("SHOAL_WORKERS", "3")

    settings = settings_from({"port": 8000})

    assert (settings.port, settings.workers, settings.api) == (8000, 3, 1)


@pytest.mark.parametrize("command", ["serve", "api", "worker", "optimizer"])
def test_help_of_a_service_names_every_setting(command):
    result = CliRunner().invoke(main, [command, "--help"], terminal_width=200)

    assert result.exit_code == 0
    missing = [name for name in FIELDS if "--" + name.replace("_", "-") not in result.output]
    assert missing == []


@pytest.mark.parametrize("command", ["demo", "warmup", "check", "stop", "settings"])
def test_every_command_has_help(command):
    result = CliRunner().invoke(main, [command, "--help"])

    assert result.exit_code == 0
    assert "--help" in result.output


def test_a_value_out_of_range_is_refused_with_the_settings_name():
    result = CliRunner().invoke(main, ["serve", "--port", "70000"])

    assert result.exit_code == 2
    assert "port" in result.output


def test_every_setting_says_what_it_is_for():
    undescribed = [name for name, field in FIELDS.items() if not field.description]

    assert undescribed == []


def test_the_readme_holds_the_table_of_settings():
    readme = (PROJECT / "README.md").read_text()

    assert markdown_table() in readme, "run `make readme`"
