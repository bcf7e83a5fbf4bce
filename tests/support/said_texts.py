"""Texts that the recorder's code can show to people: those of errors, and those of fields that hold sentences.

A text is a string of the source, with `{name}` in the place of each value, as the catalogues of languages write it.
"""

import ast
import gc
import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parents[2] / "src/tawny"
FIELDS: Final = frozenset(
    {"message", "hint", "words", "why", "went", "wrong", "advice", "reason_words", "summary", "outlook", "fixed"}
    | {"detail", "about", "shows", "trouble", "problem"}
)
"""Fields of answers that always hold sentences; the interface translates them (`ui/src/strings/language.ts`)."""
INSIDE: Final = FIELDS | {"do", "title", "concern", "sentence", "what", "gets"}
"""Fields of the recorder's own records that hold sentences."""
COLLECTED_TOO: Final = frozenset(
    {"Problem", "ConversationFault", "Gap", "hole", "_missing", "_become", "_put_gap", "left", "hang_up"}
)
"""Not errors themselves: a part of SettingsError, and what takes the reason of a gap or of a camera's state."""
_LOOKED_AT: Final = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Return, ast.Call, ast.Dict),
    *(ast.Assign, ast.AnnAssign, ast.NamedExpr),
)
_NOTES: Final = {"note": (0,), "_note": (0, 3), "note_marked": (1,)}
"""The functions that write into the access log, and where the action is among their arguments."""
_ACTION: Final = re.compile(r"[a-z][a-z -]+[a-z:](?: \{\w+\}.*)?|\{\w+\} [a-z]+")
_PLACE: Final = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class Said:
    """text: with places. where: file and line, such as `api/inbox.py:84`."""

    text: str
    where: str


@cache
def trees() -> dict[str, ast.Module]:
    """Return each module of the recorder, by its path below `src/tawny`."""
    gc.disable()  # which would look through what is here already again and again: four times as long
    try:
        return {
            str(path.relative_to(SOURCE)): ast.parse(path.read_text())
            for path in sorted(SOURCE.rglob("*.py"))
            if "cli" not in path.parts
        }
    finally:
        gc.enable()


def forget_source() -> None:
    """Let go of the modules: some hundred megabytes."""
    for one in (trees, errors, records, _said_in, _scopes, _constants, _returned, _makers, _public_helpers, _helpers):
        one.cache_clear()


@cache
def errors() -> frozenset[str]:
    """Return the names of TawnyError and of all classes below it."""
    classes = {
        node.name: {_name(base) for base in node.bases}
        for tree in trees().values()
        for nodes in _scopes(tree).values()
        for node in nodes
        if isinstance(node, ast.ClassDef)
    }
    known = {"TawnyError"}
    while more := {name for name, bases in classes.items() if bases & known} - known:
        known |= more
    return frozenset(known)


@cache
def records() -> dict[str, list[int]]:
    """Return the classes with fields that hold sentences, and the places of these fields among the arguments."""
    found = {}
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                fields = [_name(one.target) for one in node.body if isinstance(one, ast.AnnAssign)]
                found[node.name] = [place for place, name in enumerate(fields) if name in INSIDE]
    return {name: places for name, places in found.items() if places}


def said_in(folder: str, also: frozenset[str] = frozenset()) -> list[Said]:
    """Return the texts of a folder or file below `src/tawny`, such as `api/auth`, each once.

    also: names of further errors, such as `ValueError` where settings are checked.
    """
    return _said_in(folder, also)


@cache  # by both arguments, given or not
def _said_in(folder: str, also: frozenset[str]) -> list[Said]:
    found: dict[str, Said] = {}
    for path, tree in trees().items():
        if path == folder or path.startswith(f"{folder}/"):
            for text, line in _of_module(tree, also):
                found.setdefault(text, Said(text, f"{path}:{line}"))
    return list(found.values())


def noted() -> set[str]:
    """Return the actions that the API writes into the access log."""
    found = set[str]()
    for path, tree in trees().items():
        everywhere = _Names(tree) if path.startswith("api/") else None
        for scope, nodes in _scopes(tree).items() if everywhere else ():
            assert everywhere is not None
            names = everywhere.seen_from(scope)
            for node in nodes:
                called, args = _called(node)
                parts = [args[place] for place in _NOTES.get(called, ()) if place < len(args)]
                found |= {text for part in parts for text in _texts(part, names) if _ACTION.fullmatch(text)}
    return found


def _of_module(tree: ast.Module, also: frozenset[str]) -> Iterator[tuple[str, int]]:
    everywhere, makers = _Names(tree), _makers(tree) | also
    for scope, nodes in _scopes(tree).items():
        names = everywhere.seen_from(scope)
        for node in nodes:
            for part in _parts(node, makers):
                for text in _texts(part, names):
                    if is_sentence(text):
                        yield text, part.lineno


def _parts(node: ast.AST, makers: frozenset[str]) -> list[ast.expr]:
    """Return the expressions within a node whose texts people see."""
    match node:
        case ast.Call(func=func, args=args, keywords=keywords):
            is_maker = _name(func) in makers and not _is_log(func)
            is_record = _name(func) in records()
            shown = [one.value for one in keywords if is_maker or one.arg in (INSIDE if is_record else FIELDS)]
            placed = [args[place] for place in records().get(_name(func), ()) if place < len(args)]
            return [*(args if is_maker else placed), *shown]
        case ast.Dict(keys=keys, values=values):
            keyed = zip(keys, values, strict=True)
            return [value for key, value in keyed if isinstance(key, ast.Constant) and key.value in FIELDS]
        case ast.FunctionDef(name=name, args=arguments) if name in makers:
            return list(arguments.defaults)
        case ast.FunctionDef(name="fixed" | "_fixed"):  # properties, which reach the field of this name as values
            return [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value is not None]
    return []


@cache
def _scopes(tree: ast.Module) -> dict[ast.AST, list[ast.AST]]:
    """Return the nodes of a module and of each function, itself first, without those of functions in it.

    Of these only what the rules here look at: to go through all nodes each time takes ten times as long.
    """
    found: dict[ast.AST, list[ast.AST]] = {tree: []}
    left: list[tuple[ast.AST, list[ast.AST]]] = [(tree, found[tree])]
    while left:
        node, nodes = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes = found[node] = []
        if isinstance(node, _LOOKED_AT):
            nodes.append(node)
        left += [(inner, nodes) for inner in ast.iter_child_nodes(node)]
    return found


class _Names:
    """What the names of a module stand for: assigned expressions, and what its functions return."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._scopes = _scopes(tree)
        of_others = {
            name: values for one in trees().values() for name, values in _returned(one).items() if name[0] != "_"
        }
        self._global = of_others | _constants() | _assigned(self._scopes[tree]) | _returned(tree)

    def seen_from(self, scope: ast.AST) -> Mapping[str, list[ast.expr]]:
        return self._global if scope is self._tree else ChainMap(_assigned(self._scopes[scope]), self._global)


@cache
def _returned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """Return what the functions of a module that return texts return, each by its name and `()`."""
    found = {}
    for node, nodes in _scopes(tree).items():
        if isinstance(node, ast.FunctionDef) and node.returns is not None and _name(node.returns) == "str":
            inner = _assigned(nodes)
            found[f"{node.name}()"] = [
                value
                for one in nodes
                if isinstance(one, ast.Return) and one.value is not None
                for value in (inner.get(_name(one.value), []) if isinstance(one.value, ast.Name) else [one.value])
            ]
    return found


@cache
def _constants() -> dict[str, list[ast.expr]]:
    """Return the constants of all modules, which others import."""
    return {
        name: values
        for tree in trees().values()
        for name, values in _assigned(_scopes(tree)[tree]).items()
        if name.isupper() and not name.startswith("_")
    }


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        targets: list[ast.expr]
        value: ast.expr | None
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr):
            targets, value = [node.target], node.value
        else:
            continue
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                found.setdefault(target.id, []).append(value)
            elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple | ast.IfExp):
                for one in [value] if isinstance(value, ast.Tuple) else [value.body, value.orelse]:
                    if isinstance(one, ast.Tuple) and len(one.elts) == len(target.elts):
                        for name, part in zip(target.elts, one.elts, strict=True):
                            found.setdefault(_name(name), []).append(part)
    return found


@cache
def _makers(tree: ast.Module) -> frozenset[str]:
    """Return what makes an error in a module: classes, its own helpers, and the public ones of others."""
    return errors() | COLLECTED_TOO | _public_helpers() | _helpers(tree)


@cache
def _public_helpers() -> frozenset[str]:
    return frozenset(name for one in trees().values() for name in _helpers(one) if not name.startswith("_"))


@cache
def _helpers(tree: ast.Module) -> frozenset[str]:
    """Return the functions of a module that make an error, such as `bad_input`."""
    return frozenset(
        node.name
        for node in _scopes(tree)
        if isinstance(node, ast.FunctionDef) and node.returns is not None and _name(node.returns) in errors()
    )


def _is_log(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and _name(node.value) == "log"


def is_sentence(text: str) -> bool:
    """Return whether a text has words for people: not a code such as `not_found`, nor values alone such as `5 min`."""
    return " " in text.strip() and re.search("[A-Za-z]{4}", _PLACE.sub("", text)) is not None


def _texts(node: ast.expr, names: Mapping[str, list[ast.expr]], depth: int = 4) -> list[str]:
    """Return the texts that an expression can be: those of both branches of a choice, and of names."""
    inner: list[ast.expr] = []
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            holes = [one.value for one in values if isinstance(one, ast.FormattedValue)]
            return [_with_places(node), *(text for one in holes for text in _texts(one, names, depth - 1))]
        case ast.IfExp(body=body, orelse=orelse):
            inner = [body, orelse]
        case ast.BoolOp(values=inner) | ast.Tuple(elts=inner) | ast.Dict(values=inner):
            pass
        case ast.Subscript(value=value) | ast.Starred(value=value):
            inner = [value]
        case ast.Name(id=name):
            inner = names.get(name, [])
        case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[_, default]):
            inner = [value, default]
        case ast.Call(func=func):
            inner = names.get(f"{_name(func)}()", [])
    return [text for one in inner for text in _texts(one, names, depth - 1)] if depth else []


def _with_places(node: ast.JoinedStr) -> str:
    """Return an f-string with `{name}` for each value, each name once."""
    made, names = "", set[str]()
    for part in node.values:
        if isinstance(part, ast.Constant):
            made += str(part.value)
        else:
            assert isinstance(part, ast.FormattedValue)
            plain = name = _place_of(part.value)
            for letter in "bcdefgh":
                if name in names:
                    name = f"{plain}_{letter}"
            names.add(name)
            made += f"{{{name}}}"
    return made


def _place_of(node: ast.expr) -> str:
    """Return the name of a value's place: small letters alone; `n` is a number, which not every value is."""
    name = re.sub(r"[^a-z_]", "", _name(node).lower()).strip("_") or "value"
    return "number" if name == "n" else name


def _called(node: ast.AST) -> tuple[str, list[ast.expr]]:
    """Return what a node calls, itself or by `to_thread(note, …)`, and the arguments; no name if it calls nothing."""
    if not isinstance(node, ast.Call):
        return "", []
    name, args = _name(node.func), node.args
    return (_name(args[0]), args[1:]) if name == "to_thread" and args else (name, args)


def _name(node: ast.expr) -> str:
    """Return the last name of an expression: `error` of `str(self.error)`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=func, args=args):
            return _name(args[0]) if args else _name(func)
        case ast.Subscript(value=value) | ast.Await(value=value):
            return _name(value)
    return "value"
