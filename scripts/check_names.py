"""Check names and sizes of src/tawny: class names are unique, words that no engineer would search for stay rare, and
modules are whole ideas: few files, classes and lines, no fragments with one importer, no long functions, no cycles.
A function that is named like a question answers yes or no. Tests use public attributes.

    .venv/bin/python scripts/check_names.py [--report]

`--report` lists every finding. Exit: 0 within the limits, 1 over one of them.
docs/reference/glossary.md names the terms to use instead.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

SRC: Final = Path(__file__).parent.parent / "src"
TESTS: Final = SRC.parent / "tests"
WORD_LIMITS: Final[Mapping[str, int]] = {
    "told|tell|tells|telling": 40,  # notify (a person), return, report or publish (a value)
    "heard|hear|hears|ear": 20,  # receive; only sound is heard
    "nobody|somebody|anybody|whoever": 23,  # person, user, client, caller; none
    "anew|beside|at hand|lately": 20,  # re-encode, retry, rebuild; next to; recently
    "what is (?:asked|wanted|there|known|said)": 5,  # the request, the setting, the existing entries
    "desk|bench|shelf|crew|house": 0,  # queue, store, service, pool
    "so (?:many|much|long)": 20,  # count, size, limit, timeout, interval
}
"""Highest number of occurrences in docstrings, comments and strings, by a group of words (a regular expression)."""
EXEMPT: Final = frozenset({("tawny.detection.models.labels", "bench")})
"""Words of a foreign vocabulary: module and word. COCO has a label `bench`."""


SIZE_LIMITS: Final[Mapping[str, int]] = {
    "modules under 60 lines with one importer": 0,
    "functions over 60 lines": 0,
    "functions with more than 7 parameters": 0,
    "import cycles": 0,
}
"""Highest numbers."""
SHARE_LIMITS: Final[Mapping[str, float]] = {
    "Python files": 6.5,  # 12.6 before modules were whole ideas (decision 48)
    "classes": 20.5,  # 21.6
}
"""Highest numbers for 1,000 lines of code without comments and docstrings; lower one when it falls (decision 134)."""
IDENTIFIERS: Final = frozenset(
    {"bringing", "crew", "deeds", "desk", "ear", "ears", "heed", "hears", "shelf", "told", "wish", "wishes"}
)
"""Words that no name contains: no engineer would search for them."""
SMALL_LINES, LONG_LINES, MOST_PARAMETERS = 60, 60, 7
LATE_HOOKS_LIMIT: Final = 11
"""Highest number of callbacks that are assigned to objects after they were made."""
PRIVATE_ACCESS_LIMIT: Final = 0
"""Highest number of accesses to private attributes in tests/: a test uses what others may use."""
_NO_OTHER_NAME: Final = frozenset(
    {"_replace", "_asdict", "_make", "_fields", "_field_defaults", "_exit"}  # documented: of named tuples, and os._exit
    | {"_actions", "_SubParsersAction", "_group_actions", "_mutually_exclusive_groups"}  # argparse lists by no other
)
_NO_CODE: Final = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
)
_CLASS: Final = re.compile(r"^ *class ([A-Za-z]\w*)", re.MULTILINE)
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_QUESTION: Final = re.compile(r"_*(?:is|has|can|may|should)_")
_YES_OR_NO: Final = re.compile(r"bool(?: \| None)?|Type(?:Guard|Is)\[.+\]")
_PRIVATE: Final = re.compile(r"(?<!\bself)(?<!\bcls)(?<!super\(\))\._")


def find_modules(src: Path) -> dict[str, Path]:
    """Return the path of each module of the package, by its dotted name."""
    found = {}
    for path in sorted((src / "tawny").rglob("*.py")):
        parts = path.relative_to(src).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def find_shared_classes(modules: Mapping[str, Path]) -> dict[str, list[str]]:
    """Return the public class names that are defined more than once, each with its places (`module:line`)."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in modules.items()}
    seen = Counter(found for text in texts.values() for found in _CLASS.findall(text))
    places = defaultdict(list)
    for name, text in texts.items():
        if any(seen[found] > 1 for found in _CLASS.findall(text)):  # to parse all takes seconds
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    places[node.name].append(f"{name}:{node.lineno}")
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def count_words(modules: Mapping[str, Path]) -> dict[str, Counter[str]]:
    """Return, for each group of WORD_LIMITS, how often its words occur in strings and comments of each module."""
    counts: dict[str, Counter[str]] = {group: Counter() for group in WORD_LIMITS}
    patterns = {group: re.compile(rf"\b(?:{group})\b", re.IGNORECASE) for group in WORD_LIMITS}
    for name, path in modules.items():
        text = path.read_text(encoding="utf-8")
        there = {group: pattern for group, pattern in patterns.items() if pattern.search(text)}
        for token in tokenize.generate_tokens(io.StringIO(text).readline) if there else ():
            if token.type in (tokenize.STRING, tokenize.COMMENT):
                for group, pattern in there.items():
                    words = [found.lower() for found in pattern.findall(token.string)]
                    counts[group][name] += sum((name, word) not in EXEMPT for word in words)
    return counts


def find_sizes(modules: Mapping[str, Path]) -> dict[str, list[str]]:
    """Return, for each of SIZE_LIMITS, SHARE_LIMITS and lines of code, what is counted, with its place."""
    found: dict[str, list[str]] = {name: [] for name in (*SHARE_LIMITS, "lines of code", *SIZE_LIMITS)}
    texts = {name: path.read_text(encoding="utf-8") for name, path in modules.items()}
    imports: dict[str, set[str]] = {}
    found["Python files"] = list(modules)
    for name, text in texts.items():
        tree = ast.parse(text)
        imports[name] = _imports(tree, modules.keys()) - {name}
        statements = list(_statements(tree))
        found["lines of code"] += [f"{name}:{line}" for line in _code_lines(text, statements)]
        for node in statements:
            if isinstance(node, ast.ClassDef):
                found["classes"].append(f"{name}:{node.name}")
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                place = f"{name}:{node.name}"
                if (node.end_lineno or node.lineno) - node.lineno >= LONG_LINES:
                    found["functions over 60 lines"].append(place)
                if _parameters(node) > MOST_PARAMETERS:
                    found["functions with more than 7 parameters"].append(place)
    for name, text in texts.items():
        importers = [other for other, names in imports.items() if name in names]
        if text.count("\n") < SMALL_LINES and len(importers) == 1:
            found["modules under 60 lines with one importer"].append(f"{name} <- {importers[0]}")
    found["import cycles"] = [" > ".join(cycle) for cycle in _cycles(imports)]
    return found


def share_of(name: str, sizes: Mapping[str, list[str]]) -> float:
    """Return how many of this there are for 1,000 lines of code."""
    return 1000 * len(sizes[name]) / max(1, len(sizes["lines of code"]))


def find_identifiers(modules: Mapping[str, Path]) -> list[str]:
    """Return each name with a word of IDENTIFIERS, as `module:line name`."""
    found = []
    for module, path in modules.items():
        text = path.read_text(encoding="utf-8")
        unusual = {name for name in set(_NAME.findall(text)) if IDENTIFIERS & _words(name)}
        tokens = tokenize.generate_tokens(io.StringIO(text).readline) if unusual else ()
        named = [token for token in tokens if token.type == tokenize.NAME and token.string in unusual]
        found += [f"{module}:{token.start[0]} {token.string}" for token in named]
    return found


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", name)}


def find_false_questions(modules: Mapping[str, Path]) -> list[str]:
    """Return each function that is named like a question and returns neither yes nor no, as `module:line name`.

    It may return None for unknown, or a function that answers.
    """
    found = []
    for module, path in modules.items():
        text = path.read_text(encoding="utf-8")
        for node in _statements(ast.parse(text)) if re.search(rf"\bdef {_QUESTION.pattern}", text) else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _QUESTION.match(node.name):
                answer = node.returns
                while isinstance(answer, ast.Subscript) and _is_name(answer.value, "Callable"):
                    answer = answer.slice.elts[-1] if isinstance(answer.slice, ast.Tuple) else None
                if answer is None or not _YES_OR_NO.fullmatch(ast.unparse(answer)):
                    found.append(f"{module}:{node.lineno} {node.name}")
    return found


def find_late_hooks(modules: Mapping[str, Path]) -> list[str]:
    """Return each assignment of a callback to an object that is already made, as `module:line attribute`.

    A callback is an attribute that a class declares as `Callable`. Objects are given what they call when they are made.
    """
    texts = {name: path.read_text(encoding="utf-8") for name, path in modules.items()}
    declare = (ast.parse(text) for text in texts.values() if "Callable[" in text)  # each held for a moment only
    hooks = {hook for tree in declare for hook in _declared(tree, callbacks=True)}
    used = re.compile(rf"\.({'|'.join(sorted(hooks))})\b") if hooks else None
    found = []
    for name, text in texts.items():
        if used is None or not used.search(text):
            continue
        tree = ast.parse(text)
        own = _declared(tree, callbacks=False)  # of other values by the same name
        assigned = [one for node in ast.walk(tree) if isinstance(node, ast.Assign) for one in node.targets]
        for target in assigned:
            ones = target.elts if isinstance(target, ast.Tuple) else (target,)
            others = [one for one in ones if isinstance(one, ast.Attribute) and not _is_name(one.value, "self")]
            found += [f"{name}:{one.lineno} {one.attr}" for one in others if one.attr in hooks - own]
    return found


def _declared(tree: ast.Module, *, callbacks: bool) -> set[str]:
    """Return the attributes that methods declare as `Callable`, or else those declared as anything but that."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and _is_callback(node.annotation) == callbacks:
            if isinstance(node.target, ast.Attribute):
                found.add(node.target.attr)
            elif not callbacks and isinstance(node.target, ast.Name):
                found.add(node.target.id)
    return found


def _is_callback(annotation: ast.expr) -> bool:
    """Return whether it is `Callable[...]`, or that or something else."""
    if isinstance(annotation, ast.BinOp):
        return _is_callback(annotation.left)
    return isinstance(annotation, ast.Subscript) and _is_name(annotation.value, "Callable")


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def find_private_access(tests: Path) -> list[str]:
    """Return each access to a private attribute of another object, as `file:line attribute`."""
    found = []
    for path in sorted(tests.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if _PRIVATE.search(text) else ():
            if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.endswith("__"):
                owner = ast.unparse(node.value)
                if owner not in ("self", "cls", "super()") and node.attr not in _NO_OTHER_NAME:
                    found.append(f"{path.relative_to(tests)}:{node.lineno} {node.attr}")
    return found


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and the statements in it, at any depth, without the many expressions that `ast.walk` yields."""
    yield node
    for part in ("body", "handlers", "orelse", "finalbody", "cases"):
        for inner in getattr(node, part, ()):
            yield from _statements(inner)


def _code_lines(text: str, statements: Collection[ast.AST]) -> list[int]:
    docs: set[int] = set()
    for node in statements:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            docs |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return sorted(lines - docs)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def _imports(tree: ast.Module, modules: Collection[str]) -> set[str]:
    """Return the modules that importing this one imports; not those for types alone, nor those within functions."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{one.name}" for one in node.names}
            found |= {name for name in full if name in modules} or {node.module}
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
    return found & set(modules)


def _cycles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """Return one chain of modules for each import that leads back to its beginning."""
    found: list[list[str]] = []
    done: set[str] = set()

    def visit(name: str, chain: list[str]) -> None:
        if name in chain:
            found.append([*chain[chain.index(name) :], name])
        elif name not in done:
            for other in sorted(imports[name]):
                visit(other, [*chain, name])
            done.add(name)

    for name in imports:
        visit(name, [])
    return found


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--report", action="store_true", help="list every finding")
    report = arguments.parse_args().report
    modules = find_modules(SRC)
    shared = find_shared_classes(modules)
    failed = bool(shared)
    print(f"class names defined twice: {len(shared)} (at most 0)")
    for name, places in shared.items():
        print(f"    {name}: {', '.join(places)}")
    sizes = find_sizes(modules)
    print(f"lines of code: {len(sizes['lines of code'])}")
    for name, most in SHARE_LIMITS.items():
        failed |= share_of(name, sizes) > most
        print(f"{name}: {len(sizes[name])}, for 1,000 lines {share_of(name, sizes):.2f} (at most {most})")
    for name, limit in SIZE_LIMITS.items():
        failed |= len(sizes[name]) > limit
        print(f"{name}: {len(sizes[name])} (at most {limit})")
        if report:
            print("\n".join(f"    {one}" for one in sizes[name]))
    names = find_identifiers(modules)
    failed |= bool(names)
    print(f"names with unusual words: {len(names)} (at most 0)")
    print("\n".join(f"    {one}" for one in names))
    questions = find_false_questions(modules)
    failed |= bool(questions)
    print(f"functions named like a question without yes or no: {len(questions)} (at most 0)")
    print("\n".join(f"    {one}" for one in questions))
    hooks = find_late_hooks(modules)
    failed |= len(hooks) > LATE_HOOKS_LIMIT
    print(f"callbacks assigned to an object that is already made: {len(hooks)} (at most {LATE_HOOKS_LIMIT})")
    if report:
        print("\n".join(f"    {one}" for one in hooks))
    private = find_private_access(TESTS)
    failed |= len(private) > PRIVATE_ACCESS_LIMIT
    print(f"private attributes in tests: {len(private)} (at most {PRIVATE_ACCESS_LIMIT})")
    if report:
        print("\n".join(f"    {one}" for one in private))
    for group, counts in count_words(modules).items():
        limit = WORD_LIMITS[group]
        failed |= counts.total() > limit
        print(f"{group}: {counts.total()} (at most {limit})")
        for name, count in counts.most_common() if report else counts.most_common(3):
            if count:
                print(f"    {name}: {count}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
