"""What the YAML parser's complaints mean, in plain words with a place and a hint.

PyYAML has two parsers (libyaml and pure Python) that word the same fault differently; the table knows both.
"""

from dataclasses import replace

import yaml

from orchestrator.documents.guesses import guess_fault
from orchestrator.documents.source import Source
from orchestrator.errors import DocumentError, Span

__all__ = ["explain_fault"]

_INDENTATION_HINT = "items of one list and keys of one map start in the same column"
_QUOTE_HINT = 'put the text in double quotes: "..."'
# (part of the problem, part of the context, slug, summary, hint); the first row that fits wins.
_FAULTS: tuple[tuple[str, str, str, str, str], ...] = (
    ("mapping values are not allowed", "", "colon", "a `:` stands where no key can be", f"indent the line like its neighbours; if the `:` belongs to a text, {_QUOTE_HINT}"),
    ("unexpected end of stream", "quoted scalar", "quote", "a quoted text is never closed", "write the closing quote"),
    ("unexpected document separator", "quoted scalar", "quote", "a quoted text is never closed", "write the closing quote"),
    ("unknown escape", "", "escape", "the text has an escape that YAML does not know", "write `\\\\` for a backslash, or use single quotes"),
    ("cannot start any token", "", "character", "a text cannot start with this character", _QUOTE_HINT),
    ("could not find expected ':'", "", "no-colon", "a line is neither `key: value` nor a list item", "write `key: value`, or indent the line under the text it continues"),
    ("',' or ']'", "", "bracket", "a `[` list is not closed, or a comma is missing", "write the closing `]`, or the comma between two items"),
    ("',' or '}'", "", "bracket", "a `{` map is not closed, or a comma is missing", "write the closing `}`, or the comma between two keys"),
    ("node content", "flow", "bracket", "a bracket is not closed", "write the closing bracket"),
    ("node content", "", "content", "a value is expected here", _QUOTE_HINT),
    ("did not find expected key", "", "indentation", "the indentation fits no line above", _INDENTATION_HINT),
    ("'-' indicator", "", "indentation", "a list is followed by something that is not an item of it", _INDENTATION_HINT),
    ("<block end>", "", "indentation", "the indentation fits no line above", _INDENTATION_HINT),
    ("sequence entries", "", "indentation", "a list item stands where no list can be", "start the list on its own line, under its key"),
    ("tag", "", "tag", "a text starts with `!`, which marks a tag", _QUOTE_HINT),
    ("", "directive", "directive", "a line starts with `%`, which marks a directive", _QUOTE_HINT),
    ("<document start>", "", "syntax", "something stands behind the end of the document", "start the file with a key, such as `canisters:`, and indent what belongs to it"),
    ("alphabetic or numeric", "", "anchor", "`&` and `*` at the start of a text mean something else to YAML", _QUOTE_HINT),
)  # fmt: skip


# Faults that are noticed long after the place where they begin: the beginning is what to look at.
_LATE = frozenset({"quote", "no-colon", "bracket"})
_MAX_QUOTED = 60
"""Characters of a text that a hint repeats."""


def explain_fault(error: yaml.YAMLError, source: Source) -> DocumentError:
    """Return the error a user reads for one that the parser raised."""
    problem, context = _words(error, "problem"), _words(error, "context")
    noticed, begun = _places(error, source)
    if noticed is not None and "\t" in _indentation(noticed.text):
        return _tab(noticed)
    fault = next((row for row in _FAULTS if row[0] in problem and row[1] in context), None)
    if fault is None:
        return DocumentError("the file is not valid YAML", slug="document/syntax", detail=problem or None, span=noticed)
    slug, summary, hint = fault[2:]
    if noticed is not None and (guessed := guess_fault(slug, source, noticed)) is not None:
        return guessed
    if slug == "character" and noticed is not None and source.shown == source.text:
        summary, hint = _about_character(noticed)
    span, related = _placed(slug, noticed, begun)
    return DocumentError(summary, slug=f"document/{slug}", span=span, related=related, hint=hint)


def _tab(noticed: Span) -> DocumentError:
    return DocumentError(
        "a tab is used for indentation",
        slug="document/tab",
        span=replace(noticed, column=noticed.text.index("\t") + 1, length=1),
        hint="YAML is indented with spaces only",
    )


def _placed(slug: str, noticed: Span | None, begun: Span | None) -> tuple[Span | None, tuple[tuple[Span, str], ...]]:
    """Return the place to look at, and the other one with what it is."""
    if begun is None:
        return noticed, ()
    if slug in _LATE:
        return begun, ((noticed, "it is noticed here"),) if noticed is not None else ()
    return noticed, ((begun, "what it belongs to starts here"),)


def _about_character(span: Span) -> tuple[str, str]:
    rest = span.text[span.column - 1 :].partition(" #")[0].rstrip()
    quotable = len(rest) <= _MAX_QUOTED and not set(rest) & set('"\\,]}')
    hint = f'put the text in double quotes: "{rest}"' if quotable else _QUOTE_HINT
    start = "a backtick" if rest.startswith("`") else f"`{rest[:1]}`"
    return f"a text cannot start with {start}", hint


def _words(error: yaml.YAMLError, name: str) -> str:
    return str(getattr(error, name, None) or "")


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _places(error: yaml.YAMLError, source: Source) -> tuple[Span | None, Span | None]:
    """Return where the fault was noticed, and where what it belongs to begins (None if that is the same)."""
    problem, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    noticed = _span_of_mark(problem or context, source)
    if problem is None or context is None or (context.line, context.column) == (problem.line, problem.column):
        return noticed, None
    return noticed, _span_of_mark(context, source)


def _span_of_mark(mark: yaml.Mark | None, source: Source) -> Span | None:
    if mark is None:
        return None
    last = len(source.lines) - 1
    behind = mark.line > last or (mark.line == last and not source.lines[last])
    while behind and last > 0 and not source.lines[last].strip():
        last -= 1
    return source.span(last, len(source.lines[last])) if behind else source.span(mark.line, mark.column)
