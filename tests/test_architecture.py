"""Does the project keep the order that ARCHITECTURE.md and CONTRIBUTING.md promise?"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bri_bayes.cli.main import app
from bri_bayes.study.model_card import load_card

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "bri_bayes"
SOURCE = ROOT / "src" / PACKAGE

# Where the rules are written.
LAYERS, CODE, DEPENDENCIES = (
    'ARCHITECTURE.md, "Layers"',
    'CONTRIBUTING.md, "Code"',
    'CONTRIBUTING.md, "Dependencies"',
)
# The one thing that a module may ask of the package as a whole.
VERSION = f"{PACKAGE}.__version__"
MAX_LINES = 300
HELP_SECONDS = 0.5

# Only models/ and inference/ see them, and only when a model is built or sampled (1 to 3 s to import).
SAMPLERS = ("pymc", "pytensor", "nutpie", "bambi")
# 0.6 to 2 s to import each: inside the function that needs it.
SLOW = ("arviz", "arviz_base", "arviz_plots", "arviz_stats", "scipy.stats", "matplotlib", "dask", "distributed")
# Drawing is all that report/figures/ does.
SLOW_ALLOWED = {f"{PACKAGE}.report.figures": ("matplotlib",)}
# Who may know whom beside the order of the layers: the two accounts of a posterior and of least squares stay apart,
# and the tool works without the paper.
STRANGERS = {"frequentist": ("models", "inference"), "inference": ("frequentist",)}
KNOW_THE_PAPER = ("paper", "report", "cli")
MAX_ENTRIES = 20
# With these the command line could not answer within HELP_SECONDS.
TOO_SLOW_FOR_HELP = (*SAMPLERS, *SLOW, "pandas", "scipy", "xarray")
# Names that say nothing of what a variable holds.
EMPTY_NAMES = {"found", "own", "one", "left", "apart"}
# Words of the addresses and settings by which an installer finds a package index.
INDEX_ADDRESS = re.compile(r"pypi\.org|pythonhosted\.org|index-url|find-links|trusted-host")


@dataclass(frozen=True)
class Import:
    """``target`` is dotted and absolute; ``when``: "start" at the import of the module, "call", or "typing"."""

    module: str
    target: str
    line: int
    when: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"

    def is_of(self, packages: tuple[str, ...]) -> bool:
        """Whether the target is one of ``packages`` or lies inside one."""
        return any(f"{self.target}.".startswith(f"{package}.") for package in packages)


def hold(breaches: Iterable[object], rule: str, written: str, mend: str) -> None:
    """Fail, where there are breaches, with the rule, where it is written, how a breach is mended, and the places."""
    if places := [str(breach) for breach in breaches]:
        listed = "\n    ".join(places)
        pytest.fail(f"{rule}\n  written in: {written}\n  to mend it: {mend}\n  where:\n    {listed}", pytrace=False)


def test_a_breach_says_which_rule_where_it_is_written_and_how_it_is_mended() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"(?s)Be kind.*written in: README.*to mend it: smile.*a\n    b"):
        hold(["a", "b"], "Be kind.", "README.md", "smile")
    hold([], "Be kind.", "README.md", "smile")


@pytest.mark.parametrize("written", [LAYERS, CODE, DEPENDENCIES])
def test_a_rule_stands_under_the_heading_that_its_message_names(written: str) -> None:
    document, heading = re.fullmatch(r'(.+), "(.+)"', written).groups()  # type: ignore[union-attr]
    assert f"\n## {heading}\n" in (ROOT / document).read_text(encoding="utf-8")


def test_a_module_imports_only_from_its_own_and_lower_layers() -> None:
    hold(
        [occurrence for occurrence in _imports() if _within(occurrence) and not _allowed(occurrence)],
        "A module imports only from its own layer and from those above it in the table.",
        LAYERS,
        "move what is shared down to a layer that both know, or give it as an argument from the layer above",
    )


def test_two_accounts_of_one_effect_do_not_know_each_other() -> None:
    breaches = [
        occurrence
        for occurrence in _imports()
        if occurrence.is_of(tuple(f"{PACKAGE}.{stranger}" for stranger in STRANGERS.get(_part(occurrence.module), ())))
    ]
    rule = "frequentist/ knows neither models/ nor inference/, and inference/ does not know frequentist/."
    hold(breaches, rule, LAYERS, "put what both need into design/ or core/, or compare the two in estimands/ or above")


def test_the_tool_works_without_the_paper() -> None:
    paper = (f"{PACKAGE}.paper",)
    known = (*KNOW_THE_PAPER, PACKAGE)
    breaches = [
        occurrence for occurrence in _imports() if occurrence.is_of(paper) and _part(occurrence.module) not in known
    ]
    hold(breaches, "The tool works without paper/: only report/ and cli/ know it.", LAYERS, "ask for it in report/")


def test_at_the_top_stand_packages_alone() -> None:
    entries = [path for path in SOURCE.iterdir() if path.name != "__pycache__"]
    too_many = [path.name for path in entries] if len(entries) > MAX_ENTRIES else []
    hold(
        too_many, f"At the top of the package stand at most {MAX_ENTRIES} entries.", CODE, "use a package that is there"
    )
    files = {path.name for path in entries if path.is_file()}
    kept = {"__init__.py", "__main__.py", "py.typed"}  # `python -m` works, and types are read
    hold(
        sorted(files ^ kept),
        "At the top stand packages alone.",
        LAYERS,
        "move the module into the package of its layer",
    )


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in _modules()}
    for occurrence in _imports():
        if _within(occurrence):
            graph[occurrence.module].add(_module_of(occurrence.target))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        mend = "move what two of them share into a third, or import it inside the function that needs it"
        hold([" <- ".join(error.args[1])], "No modules import each other in a circle.", LAYERS, mend)


def test_every_module_has_a_layer_in_architecture_md() -> None:
    parts = {_part(module) for module in _modules() if module != PACKAGE}
    mend = "add its row to the table, at the place from which its imports go up"
    hold(sorted(parts - set(_layers())), "Every package has a row in the table of layers.", LAYERS, mend)


def test_architecture_md_names_no_module_that_is_missing() -> None:
    parts = {_part(module) for module in _modules() if module != PACKAGE}
    hold(sorted(set(_layers()) - parts), "Every row of the table is a package.", LAYERS, "delete its row")


def test_samplers_are_imported_in_models_and_inference_when_used() -> None:
    breaches = [
        occurrence
        for occurrence in _imports()
        if occurrence.is_of(SAMPLERS)
        and (occurrence.when == "start" or _part(occurrence.module) not in {"models", "inference"})
    ]
    rule = f"{', '.join(SAMPLERS)} are imported in models/ and inference/ only, inside the function that uses them."
    hold(breaches, rule, LAYERS, "import it inside the function, in one of the two packages")


def test_slow_packages_are_imported_when_used() -> None:
    breaches = [
        occurrence
        for occurrence in _imports()
        if occurrence.when == "start"
        and occurrence.is_of(SLOW)
        and not occurrence.is_of(_slow_allowed(occurrence.module))
    ]
    rule = f"{', '.join(SLOW)} are imported inside functions, Matplotlib in report/figures/ excepted."
    hold(breaches, rule, LAYERS, "move the import into the function that uses it")


def test_the_command_line_starts_without_slow_packages() -> None:
    loaded = _loaded_at_start(f"{PACKAGE}.cli.main")
    breaches = [
        occurrence
        for occurrence in _imports()
        if occurrence.module in loaded and occurrence.when == "start" and occurrence.is_of(TOO_SLOW_FOR_HELP)
    ]
    rule = "Nothing that bri_bayes.cli.main imports when it starts imports pandas, SciPy, xarray or what is slower."
    hold(breaches, rule, LAYERS, "import the layer below inside the command, or the package under TYPE_CHECKING")


def test_test_dependencies_are_not_used_at_run_time() -> None:
    extra = {requirement.name for requirement in _requirements("dask")}
    dev = tuple(
        canonicalize_name(requirement.name).replace("-", "_")
        for requirement in _requirements("dev")
        if requirement.name not in extra
    )
    breaches = [occurrence for occurrence in _imports() if occurrence.is_of(dev)]
    mend = "name it under [project] dependencies in pyproject.toml, `make lock`, and give its reason in the record"
    hold(breaches, "What a command needs is no dev dependency.", CODE, mend)


def test_no_module_is_called_utils() -> None:
    words = {"utils", "util", "helpers", "misc"}
    breaches = [module for module in _modules() if words & set(module.split("."))]
    hold(breaches, f"No module is called {', '.join(sorted(words))}.", CODE, "call it by the question that it answers")


def test_a_variable_is_named_after_what_it_holds() -> None:
    breaches = [
        f"{path.relative_to(ROOT)}:{node.lineno} {name}"
        for folder in (SOURCE, ROOT / "tests", ROOT / "benchmarks")
        for path in sorted(folder.rglob("*.py"))
        for node in ast.walk(_tree(path))
        if (name := _bound_by(node)) in EMPTY_NAMES and hasattr(node, "lineno")
    ]
    rule = f"{', '.join(sorted(EMPTY_NAMES))} are no names: a variable is named for what it holds."
    hold(breaches, rule, CODE, "rename it")


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in _modules().items()}
    breaches = [f"{module}: {lines}" for module, lines in lengths.items() if lines > MAX_LINES]
    mend = "move one of its questions into a module of its own, in a commit before the one that needs the room"
    hold(breaches, f"No module is longer than {MAX_LINES} lines.", CODE, mend)


def test_every_module_says_which_question_it_answers() -> None:
    breaches = [module for module, path in _modules().items() if not ast.get_docstring(_tree(path))]
    hold(breaches, "The docstring of a module says which question it answers.", CODE, "write it")


def test_help_answers_within_half_a_second(within: Callable[[float], AbstractContextManager[None]]) -> None:
    command = [str(Path(sys.executable).with_name("bri-bayes")), "--help"]
    with within(HELP_SECONDS):
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "estimate" in result.stdout


@pytest.mark.parametrize(
    "name",
    ["README.md", "data/README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))],
)
def test_documents_name_only_commands_that_exist(name: str) -> None:
    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    known |= {str(group.name) for group in app.registered_groups}
    text = (ROOT / name).read_text(encoding="utf-8")
    mend = "name the command as `bri-bayes --help` does; one that went goes from the documents, too"
    hold(sorted(set(re.findall(r"bri-bayes ([a-z]+)", text)) - known), f"{name} names only commands.", CODE, mend)


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]), ids=lambda path: path.name
)
def test_a_link_of_a_document_leads_to_a_file(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    made_by_each_build = "_generated/"
    kept = [link for link in links if not link.startswith(made_by_each_build)]
    broken = [link for link in kept if not (path.parent / link).exists()]
    hold(broken, f"The links of {path.name} lead to files.", CODE, "correct the path, from the folder of the document")


@pytest.mark.parametrize("path", sorted((ROOT / "models").rglob("*.toml")), ids=lambda path: path.stem)
def test_a_model_card_loads_under_the_name_of_its_file(path: Path) -> None:
    assert load_card(path).name == path.stem
    assert load_card(path.stem) == load_card(path)


def test_the_lock_pins_every_requirement_of_pyproject() -> None:
    lines = re.findall(r"^([\w.-]+)==(\S+)", _lock(), re.MULTILINE)
    pins = {canonicalize_name(name): version for name, version in lines}
    wanted = [*_requirements("dependencies"), *_requirements("dev"), *_requirements("build-system")]
    breaches = [
        f"{requirement}: {pins.get(canonicalize_name(requirement.name), 'absent')} in the lock"
        for requirement in wanted
        if not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]
    hold(breaches, "The lock pins every requirement of pyproject.toml.", DEPENDENCIES, "run `make lock`")


def test_the_lock_is_only_pins_and_hashes() -> None:
    pin, hashed, comment = r"[\w.-]+==\S+(?: ; .+)? \\", r"    --hash=sha256:[0-9a-f]{64}(?: \\)?", r" *#.*"
    line = re.compile(f"(?:{pin}|{hashed}|{comment})?")
    breaches = [text for text in _lock().splitlines() if not line.fullmatch(text) or "://" in text]
    hold(breaches, "requirements.lock has pins and hashes alone, and no address.", DEPENDENCIES, "run `make lock`")


def test_the_lock_is_resolved_under_the_oldest_python() -> None:
    """A release may ask for a newer one, and then nobody with the oldest can set up the environment."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    said = re.findall(r"autogenerated by pip-compile with Python (\S+)", _lock())
    breaches = [] if [f">={version}" for version in said] == [project["requires-python"]] else [f"Python {said}"]
    hold(breaches, "The lock is resolved under the oldest Python.", DEPENDENCIES, "`make lock`, python3.12 on the path")


def test_no_file_names_a_package_index() -> None:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [ROOT / name for name in names if name and ROOT / name != Path(__file__).resolve()]
    texts = {path.relative_to(ROOT): path.read_text("utf-8", errors="ignore") for path in paths if path.is_file()}
    breaches = [
        f"{path}: {occurrence[0]}" for path, text in texts.items() if (occurrence := INDEX_ADDRESS.search(text))
    ]
    hold(breaches, "No file names a package index.", CODE, "leave the address out: an installer knows its own")


@cache
def _modules() -> dict[str, Path]:
    names = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


@cache
def _layers() -> dict[str, int]:
    """The place of each package in the order of layers, read from the table in ARCHITECTURE.md."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)/` \|", text, re.MULTILINE)
    return {name: int(layer) for layer, name in rows}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def _imports() -> list[Import]:
    return [occurrence for module, path in _modules().items() for occurrence in _walk(_tree(path), module, "start")]


def _walk(node: ast.AST, module: str, when: str) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(module, alias.name, node.lineno, when) for alias in node.names if alias.name != PACKAGE)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == PACKAGE:
        yield Import(module, f"{PACKAGE}.{node.attr}", node.lineno, when)
    elif isinstance(node, ast.ImportFrom):
        source = ".".join(filter(None, [_relative_base(module, node.level), node.module]))
        yield from (Import(module, f"{source}.{alias.name}", node.lineno, when) for alias in node.names)
    elif isinstance(node, ast.Call) and _name_of(node.func) in ("import_module", "__import__"):
        yield from (Import(module, target, node.lineno, "call") for target in _named_by(node, module))
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and when == "start":
        when = "call"
    elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        for child in node.body:
            yield from _walk(child, module, "typing")
        for child in node.orelse:
            yield from _walk(child, module, when)
        return
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, module, when)


def _name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _named_by(call: ast.Call, module: str) -> list[str]:
    """The modules that ``import_module(f"{__name__}.{name}")`` or ``f"bri_bayes.{name}"`` can name: those inside.

    A string of another form names a module that nobody can see: it fails here.
    """
    text = ast.unparse(call.args[0])
    occurrence = re.fullmatch(rf"f'(?:{PACKAGE}|{{__name__}})\.\{{.+\}}'", text)
    assert occurrence, f"{module}:{call.lineno} imports a module by {text}: its target cannot be seen"
    base = PACKAGE if text.startswith(f"f'{PACKAGE}") else module
    return [name for name in _modules() if name.startswith(f"{base}.")]


def _bound_by(node: ast.AST) -> str | None:
    """The name that an assignment, a loop, a field, a parameter, a function or an alias binds."""
    if isinstance(node, ast.Name):
        return node.id if isinstance(node.ctx, ast.Store) else None
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.ExceptHandler):
        return node.name
    return node.arg if isinstance(node, ast.arg) else node.asname if isinstance(node, ast.alias) else None


def _relative_base(module: str, level: int) -> str:
    if level == 0:
        return ""
    is_package = _modules()[module].name == "__init__.py"
    return ".".join(module.split(".")[: None if is_package and level == 1 else -(level - is_package)])


def _within(occurrence: Import) -> bool:
    """Whether a part of the package is imported."""
    return occurrence.is_of((PACKAGE,)) and occurrence.target != VERSION


def _module_of(target: str) -> str:
    """The module that a dotted target names, or that defines it."""
    return target if target in _modules() else target.rpartition(".")[0]


def _part(module: str) -> str:
    """The file or folder of the package that holds a module; the package itself is its own part."""
    part = module.split(".")[1] if "." in module else module
    return "cli" if part == "__main__" else part


def _allowed(occurrence: Import) -> bool:
    importer, imported = _part(occurrence.module), _part(_module_of(occurrence.target))
    if PACKAGE in (importer, imported):
        return importer == PACKAGE  # The package shows what it has; nothing inside asks it.
    above, below = _layers().get(importer), _layers().get(imported)
    if above is None or below is None:
        return True  # Reported by the test of the table.
    return above >= below


def _slow_allowed(module: str) -> tuple[str, ...]:
    return next((allowed for part, allowed in SLOW_ALLOWED.items() if f"{module}.".startswith(f"{part}.")), ())


def _loaded_at_start(module: str) -> set[str]:
    """The modules of the package that run when ``module`` is imported, their parent packages included."""
    assert module in _modules(), f"{module} does not exist"
    loaded: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        parents = [".".join(name.split(".")[:depth]) for depth in range(1, name.count(".") + 1)]
        if name not in loaded:
            loaded.add(name)
            starts = (
                occurrence for occurrence in _imports() if occurrence.module == name and occurrence.when == "start"
            )
            waiting += [*parents, *(_module_of(occurrence.target) for occurrence in starts if _within(occurrence))]
    return loaded


@cache
def _requirements(group: str) -> list[Requirement]:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = {
        "dependencies": content["project"]["dependencies"],
        **content["project"]["optional-dependencies"],
        "build-system": content["build-system"]["requires"],
    }
    return [Requirement(text) for text in groups[group]]


@cache
def _lock() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")
