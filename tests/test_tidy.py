"""House rules that no other tool checks: sizes, docstrings, one reader of the environment, no odds-and-ends drawers.

A rule can be waived where it makes the code worse: `# long: <reason>` in the first lines of a file, or on the line of a
`def`.
"""

import ast
import functools
import gc
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
TEST_LINES_MAX = 800
PARAMETERS_MAX = 5
DRAWERS = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}
WAIVER = re.compile(r"#\s*long: \S+")

FOLDERS = ("shared", "services", "tests", "benchmarks")
SOURCES = sorted(path for folder in FOLDERS for path in (PROJECT / folder).rglob("*.py") if ".venv" not in path.parts)
CODE = [path for path in SOURCES if path.relative_to(PROJECT).parts[0] in ("shared", "services")]
KERNELS = PROJECT / "shared" / "segment" / "kernels"
"""Compiled functions take their arrays one by one: numba knows no parameter structs worth having."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@functools.cache
def tree_of(path: Path) -> ast.Module:
    gc.disable()  # CPython 3.11 fails when a collection runs inside of the parser (gh-106905)
    try:
        return ast.parse(path.read_text())
    finally:
        gc.enable()


def name_of(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree_of(path)) if isinstance(node, Function))


def is_waived(path: Path, function: Function) -> bool:
    lines = path.read_text().splitlines()
    return any(WAIVER.search(line) for line in lines[function.lineno - 1 : function.body[0].lineno - 1])


def parameters(function: Function) -> int:
    """Positional parameters; those that must be named do not count, for a call with names reads well."""
    positional = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
    return len([name for name in positional if name not in ("self", "cls")])


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_file_and_function_sizes(path):
    lines = path.read_text().splitlines()
    limit = TEST_LINES_MAX if "tests" in path.parts else FILE_LINES_MAX

    long_functions = [
        f"{function.name} has {length} lines"
        for function in functions(path)
        if (length := (function.end_lineno or 0) - function.lineno + 1) > FUNCTION_LINES_MAX
        and not is_waived(path, function)
    ]

    assert len(lines) <= limit or any(WAIVER.search(line) for line in lines[:5]), f"{len(lines)} lines, at most {limit}"
    assert long_functions == []


@pytest.mark.parametrize("path", [path for path in CODE if KERNELS not in path.parents], ids=name_of)
def test_parameters_before_a_struct(path):
    wide = [
        f"{function.name} takes {parameters(function)}"
        for function in functions(path)
        if parameters(function) > PARAMETERS_MAX and not is_waived(path, function)
    ]

    assert wide == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_module_says_what_it_is_for(path):
    docstring = ast.get_docstring(tree_of(path))

    assert docstring or not path.read_text().strip(), "a module begins with what it is for"


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_every_public_class_with_behaviour_says_what_it_is(path):
    silent = [
        node.name
        for node in tree_of(path).body
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and any(isinstance(part, Function) for part in node.body)
        and not ast.get_docstring(node)
    ]

    assert silent == []


def test_only_settings_reads_the_environment():
    readers = {
        name_of(path)
        for path in CODE
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    }

    assert readers == {"shared/settings.py"}


def test_no_drawers_for_odds_and_ends():
    drawers = [name_of(path) for path in SOURCES if path.name in DRAWERS or path.parent.name == "common"]

    assert drawers == []


def test_services_is_a_namespace_package():
    assert not (PROJECT / "services" / "__init__.py").exists()


def test_nothing_made_is_kept_under_version_control():
    listing = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True)

    made = [
        path
        for path in listing.stdout.splitlines()
        if re.search(r"(^|/)(__pycache__|\.venv|\.redis|\.clients|storage)/|\.pyc$", path)
    ]

    assert made == []


def test_no_module_uses_pickle():
    pickling = re.compile(r"^\s*(import|from) (pickle|dill|cloudpickle|marshal)", re.M)

    users = [name_of(path) for path in CODE if pickling.search(path.read_text())]

    assert users == []


def test_the_lock_file_names_no_index():
    text = (PROJECT / "requirements.lock").read_text()

    assert "://" not in text
    assert not re.search(r"^\s*--(extra-)?index-url", text, re.M)


def test_test_modules_have_names_of_their_own():
    names = [path.name for path in SOURCES if "tests" in path.parts and path.name != "conftest.py"]

    assert sorted({name for name in names if names.count(name) > 1}) == []
