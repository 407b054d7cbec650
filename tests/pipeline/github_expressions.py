"""The expressions of GitHub's workflow files, as far as this project's have them; what is not known here is an error.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.-]*)|(?P<sign>==|!=|&&|\|\||[!(),]))"
)
WORDS = {"true": True, "false": False, "null": None}
STATUS = ("success", "failure", "cancelled", "always")

Functions = Mapping[str, Callable[..., Any]]


def evaluate(expression: str, contexts: Mapping[str, Any], functions: Functions) -> Any:
    parser = Parser(tokens_of(expression), contexts, functions)
    found = parser.alternatives()
    if parser.tokens:
        raise ValueError(f"{expression!r}: cannot be read from {parser.tokens[0]!r} on")
    return found


def filled(text: str, contexts: Mapping[str, Any], functions: Functions) -> str:
    """A string with each `${{ .. }}` replaced."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: as_text(evaluate(found[1], contexts, functions)), text)


def holds(condition: str | None, contexts: Mapping[str, Any], functions: Functions) -> bool:
    """Whether a step or a job is to run: one that asks for no status asks for success."""
    if condition is None:
        return bool(functions["success"]())
    bare = condition.strip().removeprefix("${{").removesuffix("}}")
    asked = any(re.search(rf"\b{name}\(", bare) for name in STATUS)
    return (asked or bool(functions["success"]())) and truth(evaluate(bare, contexts, functions))


def tokens_of(expression: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    expression = expression.rstrip()
    while place < len(expression):
        found = TOKEN.match(expression, place)
        if found is None or found.lastgroup is None:
            raise ValueError(f"{expression!r}: cannot be read from {expression[place:]!r} on")
        tokens.append((found.lastgroup, found[found.lastgroup]))
        place = found.end()
    return tokens


class Parser:
    """Reads tokens from the left; each method what binds more than the one before it."""

    def __init__(self, tokens: list[tuple[str, str]], contexts: Mapping[str, Any], functions: Functions) -> None:
        self.tokens, self.contexts, self.functions = tokens, contexts, functions

    def take(self, sign: str) -> bool:
        if self.tokens and self.tokens[0] == ("sign", sign):
            self.tokens.pop(0)
            return True
        return False

    def alternatives(self) -> Any:
        found = self.conjunction()
        while self.take("||"):
            other = self.conjunction()
            found = found if truth(found) else other
        return found

    def conjunction(self) -> Any:
        found = self.comparison()
        while self.take("&&"):
            other = self.comparison()
            found = other if truth(found) else found
        return found

    def comparison(self) -> Any:
        found = self.single()
        if self.take("=="):
            return same(found, self.single())
        if self.take("!="):
            return not same(found, self.single())
        return found

    def single(self) -> Any:
        if self.take("!"):
            return not truth(self.single())
        if self.take("("):
            found = self.alternatives()
            self.expect(")")
            return found
        kind, text = self.tokens.pop(0)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text)
        if kind != "name":
            raise ValueError(f"{text!r} is not expected there")
        if self.take("("):
            return self.functions[text](*self.arguments())
        return WORDS[text] if text in WORDS else value_at(self.contexts, text.split("."))

    def arguments(self) -> Sequence[Any]:
        found = []
        while not self.take(")"):
            found.append(self.alternatives())
            self.take(",")
        return found

    def expect(self, sign: str) -> None:
        if not self.take(sign):
            raise ValueError(f"{sign} is expected before {self.tokens}")


def value_at(contexts: Mapping[str, Any], names: Sequence[str]) -> Any:
    """A context that there is not is a mistake; a key that it has not is null, as on GitHub."""
    found: Any = contexts[names[0]]
    for name in names[1:]:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def truth(value: Any) -> bool:
    return value not in (None, False, 0, "")


def same(left: Any, right: Any) -> bool:
    """Texts whatever their case; of two types as numbers."""
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if type(left) is type(right):
        return bool(left == right)
    return number(left) == number(right)


def number(value: Any) -> float:
    if value in (None, "", False):
        return 0.0
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
