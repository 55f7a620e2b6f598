"""Folders and rooms import what the tables allow, and no command imports what it does not use."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from nworkers.models.files.store import write_record
from nworkers.simulator.engine.engines import IS_COMPILED
from tests.support.factories import profile

ROOT = Path(__file__).parent.parent
#: What a folder may import beside itself and the standard library.
MAY_IMPORT = {
    "models": {"numpy", "scipy", "pydantic", "pydantic_core", "annotated_types"},
    "calibrate": {"nworkers.models", "numpy", "tensorflow", "keras"},  # Keras comes with TensorFlow
    "simulator": {"nworkers.models", "numpy", "scipy", "simpy"},
    "cli": {
        *("typer", "rich", "matplotlib", "distributed", "nworkers.models"),
        *("pydantic", "typing_extensions"),
    },
}
#: The fork server's own module, which is there to import TensorFlow; nothing else may import it.
PRELOAD = ROOT / "calibrate" / "tensorflow" / "preload.py"
#: Only inside the command that needs them, not when the program starts.
LAZY_IN_CLI = {"nworkers.simulator", "nworkers.calibrate", "pydantic", "typing_extensions"}
#: What documents hold, which others import for types alone, and the one command that shows it.
DOCUMENTS = ROOT / "cli" / "documents"
HEAVY = {"tensorflow", "keras", "scipy.stats", "scipy.optimize", "matplotlib", "distributed"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


SOURCES = sources(*MAY_IMPORT)


def imported(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every module that a source imports, by its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide which folder they reach into"
            assert node.module
            yield node.module, node
            if node.module == "nworkers":  # `from nworkers import cli` reaches nworkers.cli
                names = (
                    f"nworkers.{alias.name}" for alias in node.names if alias.name in MAY_IMPORT
                )
                yield from ((name, node) for name in names)


def inside_functions(tree: ast.AST) -> set[ast.AST]:
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return {node for function in functions for node in ast.walk(function)}


def for_typing_only(tree: ast.AST) -> set[ast.AST]:
    guards = (
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.If) and isinstance(n.test, ast.Name) and n.test.id == "TYPE_CHECKING"
    )
    return {node for guard in guards for node in ast.walk(guard)}


def package(module: str) -> str:
    """``nworkers.models`` for nworkers.models.files.store, ``numpy`` for numpy.random."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "nworkers" else parts[0]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_what_the_table_allows(folder: str) -> None:
    for path in sources(folder):
        tree = ast.parse(path.read_text())
        late, typing_only = inside_functions(tree), for_typing_only(tree)
        for module, node in imported(tree):
            wrong = not_allowed(folder, path, module, is_late=node in late | typing_only)
            assert not wrong, f"{path}: {wrong}"


def not_allowed(folder: str, path: Path, module: str, *, is_late: bool) -> str:
    """What is wrong with an import; "" for nothing."""
    name = package(module)
    if name in ("tensorflow", "keras") and path != PRELOAD and not is_late:
        return "TensorFlow is imported when a probe runs"
    if name in sys.stdlib_module_names:
        clock = folder == "models" and name in ("time", "datetime")
        return "models reads no clock" if clock else ""
    if folder == "cli" and name in LAZY_IN_CLI and path.parent != DOCUMENTS:
        return "" if is_late else f"{module} is imported when the program starts"
    allowed = MAY_IMPORT[folder] | {"nworkers", f"nworkers.{folder}"}
    if path.parent.name == "plots":
        allowed.add("numpy")  # which comes with matplotlib
    if path.parent == DOCUMENTS:
        allowed |= {"nworkers.simulator", "nworkers.calibrate"}
    elif module.startswith("nworkers.cli.documents") and not is_late:
        return f"{module} is imported when the program starts"
    if name not in allowed or module == "nworkers.calibrate.tensorflow.preload":
        return f"{folder} imports {module}"
    return ""


# Floors: the rooms of a folder, the lowest first


#: A room may import rooms of lower floors; rooms of one floor know nothing of each other.
FLOORS: dict[str, tuple[set[str], ...]] = {
    "models": (
        {"base"}, {"records"}, {"files", "costs"}, {"fitting"}, {"findings"}, {"tables"},
    ),
    "simulator": (
        {"step"}, {"engine"}, {"study"}, {"trace", "sweep", "decide"}, {"answers"}, {"report"},
    ),
    "calibrate": ({"host"}, {"probes"}, {"training"}, {"tensorflow"}, {"cluster"}, {"campaigns"}),
    "cli": (
        {"interrupt", "loudness", "help_lines", "documents"}, {"late"}, {"asked", "shown"},
        {"sweeping", "plots", "report"},
        {"commands"}, {"tree"}, {"app"},
    ),
}  # fmt: skip
#: Modules of one name in two rooms, as yet. A command has the name of what it calls.
NAMED_TWICE = {"fit", "laws", "memory", "plan"}


def test_the_developer_guide_has_these_floors_once() -> None:
    page = (ROOT / "docs" / "developer-guide.md").read_text()
    rows = re.findall(r"^\| `(\w+)/` \| (.*) \|$", page.partition("floors, the lowest")[2], re.M)
    told = [
        (name, [set(re.split(", | and ", one)) for one in row.split("; ")]) for name, row in rows
    ]
    assert told == [(name, list(floors)) for name, floors in FLOORS.items()]


def module_of(path: Path) -> str:
    """``nworkers.models.files.store``; a package for its __init__."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("nworkers", *parts)).removesuffix(".__init__")


MODULES = {module_of(path): path for path in SOURCES}


def reaches(path: Path) -> set[str]:
    """Modules of the package that a source names in an import, wherever it stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from nworkers.models.files import store` imports a module, where there is one.
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {node.module, *names}
    return found & MODULES.keys() - {module_of(path)}


IMPORTS = {module: reaches(path) for module, path in MODULES.items()}


def room_of(module: str) -> str:
    """``models.files`` for nworkers.models.files.store; ``cli.app``, which has no room."""
    return ".".join(module.split(".")[1:3])


def floor_of(room: str) -> int:
    folder, _, name = room.partition(".")
    (floor,) = (n for n, rooms in enumerate(FLOORS[folder]) if name in rooms)
    return floor


def arrows() -> Iterator[tuple[str, str, str]]:
    """Imports from one room of a folder to another: both rooms, and both modules."""
    for module, found in IMPORTS.items():
        for other in found:
            mine, theirs = room_of(module), room_of(other)
            if mine != theirs and mine.split(".")[0] == theirs.split(".")[0] and "." in theirs:
                yield mine, theirs, f"{module} imports {other}"


def test_every_room_stands_on_a_floor() -> None:
    for folder, floors in FLOORS.items():
        rooms = {path.name for path in (ROOT / folder).iterdir() if (path / "__init__.py").exists()}
        alone = {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"}
        assert rooms | alone == set().union(*floors), folder


def test_rooms_import_only_what_is_below_them() -> None:
    against = [said for mine, theirs, said in arrows() if floor_of(mine) <= floor_of(theirs)]
    assert not against, f"against the floors: {', '.join(against)}"


def test_no_import_goes_in_a_circle() -> None:
    """Not inside functions either, nor for types alone."""
    left = {module: set(found) for module, found in IMPORTS.items()}
    while free := {module for module, found in left.items() if not found}:
        left = {module: found - free for module, found in left.items() if module not in free}
    # What remains is in a circle, or imports one; what nothing remaining imports is in none.
    while outer := left.keys() - set().union(*left.values()):
        left = {module: found for module, found in left.items() if module not in outer}
    assert not left, f"in a circle: {', '.join(sorted(left))}"


def test_a_module_s_name_tells_which_it_is() -> None:
    count = Counter(
        path.stem for path in SOURCES if path.stem != "__init__" and path.parent.name != "commands"
    )
    assert {name for name, times in count.items() if times > 1} == NAMED_TWICE


def test_a_class_s_name_has_one_meaning() -> None:
    names = Counter(
        node.name
        for path in SOURCES
        for node in ast.parse(path.read_text()).body
        # What begins with an underscore concerns its module alone.
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert not {name for name, times in names.items() if times > 1}


# Tests


TESTS = sorted((ROOT / "tests").rglob("*.py"))
#: Beside what all share, helpers of one kind of test.
SHARED_BY_TESTS = ("tests.support", "tests.testbed", "tests.kept", "tests.cli.conftest")


def test_benchmarks_may_use_what_tests_share_and_not_the_other_way() -> None:
    for path in TESTS:
        for module, _ in imported(ast.parse(path.read_text())):
            if module.split(".")[0] == "benchmarks":
                assert path.parent == ROOT / "tests" / "benchmarks", f"{path} imports {module}"
            elif module.startswith("tests."):
                assert module.startswith(SHARED_BY_TESTS), f"{path} imports {module}"


def test_tests_mirror_the_folders() -> None:
    for folder in MAY_IMPORT:
        for path in (ROOT / "tests" / folder).rglob("*/"):
            if (path / "__init__.py").exists():
                assert (ROOT / path.relative_to(ROOT / "tests")).is_dir(), path


def test_no_test_needs_a_file_outside_the_repository() -> None:
    outside = re.compile(r"ROOT\.parent|\.\./shared")
    here = Path(__file__)
    assert not [path for path in TESTS if path != here and outside.search(path.read_text())]


def test_models_print_nothing() -> None:
    for path in sources("models"):
        calls = (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call))
        printing = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
        assert not printing, path


def sayings(path: Path) -> Iterator[str]:
    """Every text of a source but its docstrings."""
    tree = ast.parse(path.read_text())
    statements = {n.value for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node not in statements:
            yield str(node.value)


def test_no_option_of_the_command_is_named_below_cli() -> None:
    """Errors and remedies name fields; what an option is called is the command's affair."""
    for path in sources("models", "simulator"):
        for text in sayings(path):
            # iperf3's own options, which make the file that is read.
            own = re.sub(r"iperf3 [-\w ]*", "", text)
            assert not re.search(r"--[a-z]", own), f"{path}: {text}"


def modules_after(*arguments: str) -> set[str]:
    """What a fresh process has imported at the end of a command."""
    code = (
        "import sys\n"
        "from nworkers.cli.app import main\n"
        f"sys.argv = ['scale', *{list(arguments)!r}]\n"
        "code = main()\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("command", ["", "predict", "calibrate", "plot sweep"])
def test_help_imports_next_to_nothing(command: str) -> None:
    modules = modules_after(*command.split(), "--help")
    assert not modules & {*HEAVY, "numpy", "pydantic", "rich", "simpy"}
    # The command that is asked about, and no other.
    commands = {m.rpartition(".")[2] for m in modules if m.startswith("nworkers.cli.commands.")}
    assert commands <= {command.split()[0], "breakeven"} if command else not commands


#: What reads and checks the files of others.
READING = {"pydantic", "pydantic_core", "annotated_types", "nworkers.models.records.calibration"}


@pytest.mark.parametrize("printed", ["", "--json"])
@pytest.mark.parametrize("command", ["predict --workers 8", "breakeven --max-workers 4"])
def test_an_answer_from_a_shipped_profile_imports_nothing_that_checks_files(
    command: str, printed: str
) -> None:
    modules = modules_after(*command.split(), *printed.split())
    unused = {"concurrent.futures", "numpy.ma", "tomllib"}
    unused |= {"nworkers.models.fitting", "nworkers.models.tables"}
    unused |= {f"nworkers.simulator.decide.{name}" for name in ("explain", "beside_measured")}
    assert not modules & {*HEAVY, *READING, *unused}
    # The kernel simulates without simpy.
    assert ("simpy" in modules) != IS_COMPILED


def test_an_answer_from_a_file_imports_nothing_heavy(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    write_record(path, profile(), force=False)
    modules = modules_after("predict", "--workers", "8", "--calibration", str(path))
    assert modules >= READING
    assert not modules & HEAVY


def test_the_doctor_opens_no_framework() -> None:
    """It may find that nothing can be measured here, and ends with 1."""
    code = (
        "import sys\n"
        "from nworkers.cli.app import run\n"
        "run(['doctor', '-q'])\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert not set(done.stderr.split()) & {"tensorflow", "keras", "matplotlib", "distributed"}
