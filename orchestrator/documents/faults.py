"""What the YAML parser's complaints mean, in plain words with a place and a hint.

PyYAML has two parsers (libyaml and pure Python) that word the same fault differently; the table knows both.
"""

import yaml

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
    ("cannot start any token", "", "character", "a plain text cannot start with this character", _QUOTE_HINT),
    ("could not find expected ':'", "", "no-colon", "a line is neither `key: value` nor a list item", "write `key: value`, or indent the line under the text it continues"),
    ("',' or ']'", "", "bracket", "a `[` list is not closed, or a comma is missing", "write the closing `]`, or the comma between two items"),
    ("',' or '}'", "", "bracket", "a `{` map is not closed, or a comma is missing", "write the closing `}`, or the comma between two keys"),
    ("node content", "flow", "bracket", "a bracket is not closed", "write the closing bracket"),
    ("node content", "", "content", "a value is expected here", _QUOTE_HINT),
    ("did not find expected key", "", "indentation", "the indentation fits no line above", _INDENTATION_HINT),
    ("'-' indicator", "", "indentation", "a list is followed by something that is not an item of it", _INDENTATION_HINT),
    ("<block end>", "", "indentation", "the indentation fits no line above", _INDENTATION_HINT),
    ("block sequence entries", "", "indentation", "a list item stands where no list can be", "start the list on its own line, under its key"),
    ("tag", "", "tag", "a text starts with `!`, which marks a tag", _QUOTE_HINT),
    ("", "directive", "directive", "a line starts with `%`, which marks a directive", _QUOTE_HINT),
    ("alphabetic or numeric", "", "anchor", "`&` or `*` starts an anchor or an alias, which needs a name", _QUOTE_HINT),
)  # fmt: skip


def explain_fault(error: yaml.YAMLError, source: Source) -> DocumentError:
    """Return the error a user reads for one that the parser raised."""
    problem, context = _words(error, "problem"), _words(error, "context")
    span = _place(error, source)
    if span is not None and "\t" in _indentation(span.text):
        column = span.text.index("\t") + 1
        return DocumentError(
            "a tab is used for indentation",
            slug="document/tab",
            span=Span(path=span.path, line=span.line, column=column, text=span.text),
            hint="YAML is indented with spaces only",
        )
    for problem_part, context_part, slug, summary, hint in _FAULTS:
        if problem_part in problem and context_part in context:
            return DocumentError(summary, slug=f"document/{slug}", span=span, related=_context(error, source, span), hint=hint)
    return DocumentError("the file is not valid YAML", slug="document/syntax", detail=problem or None, span=span)


def _words(error: yaml.YAMLError, name: str) -> str:
    return str(getattr(error, name, None) or "")


def _indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _place(error: yaml.YAMLError, source: Source) -> Span | None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return None
    last = len(source.lines) - 1
    if mark.line >= last and not source.lines[last] and last > 0:
        return source.span(last - 1, len(source.lines[last - 1]))
    return source.span(mark.line, mark.column)


def _context(error: yaml.YAMLError, source: Source, span: Span | None) -> tuple[tuple[Span, str], ...]:
    mark, problem = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
    if mark is None or problem is None or span is None or (mark.line, mark.column) == (problem.line, problem.column):
        return ()
    return ((source.span(mark.line, mark.column), "what it belongs to starts here"),)
