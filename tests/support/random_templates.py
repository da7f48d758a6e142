"""Random Handlebars templates: every construct of the dialect, nested, with white space of every kind around it."""

import random

__all__ = ["DATA", "random_template"]

DATA: dict[str, object] = {
    "a": "x",
    "b": 'it\'s "q" \\ é',
    "n": 5,
    "neg": -7,
    "zero": 0,
    "big": 18446744073709551615,
    "f": 1.5,
    "fz": -0.0,
    "huge": 1e21,
    "t": True,
    "no": False,
    "z": None,
    "empty": "",
    "ml": "l1\n        l2",
    "num": "10",
    "l": [1, "two", [3], {"k": "w"}, None, True],
    "m": ["p", "q"],
    "e": [],
    "eo": {},
    "o": {"k": "v", "l": ["p", "q"], "é": "accent", "with space": "s", "this": "own", "len": "L", "name": "n"},
    "nest": [{"name": "p", "items": [{"v": 1}, {"v": 2}], "a": "inner"}, {"name": "q", "items": []}],
}
NEW_LINE = "\n        "
PATHS = [
    "a",
    "b",
    "n",
    "neg",
    "zero",
    "big",
    "f",
    "fz",
    "huge",
    "t",
    "no",
    "z",
    "empty",
    "ml",
    "num",
    "l",
    "m",
    "e",
    "eo",
    "o",
    "o.k",
    "o/k",
    "o.l",
    "o.[k]",
    "[a]",
    "o.[with space]",
    "o.é",
    "o.this",
    "this",
    "this.a",
    "./a",
    "this/a",
    "../a",
    "../../a",
    "../../../o.k",
    "@root.a",
    "@root/o.k",
    "@root",
    "@root.o.l.0",
    "@index",
    "@key",
    "@first",
    "@last",
    "@../index",
    "@../key",
    "@index.x",
    "@this",
    "l.0",
    "l.[1]",
    "l.9",
    "l.+1",
    "l.007",
    "l.two",
    "missing",
    "missing.deep",
    "a.b",
    "nest.0.name",
    "nest.[1].items",
    "name",
    "items",
    "v",
    "k",
    "x",
    "i",
    "q",
    "q.k",
    "x.name",
    "../x",
    "../name",
    "./this.a",
    ".",
    "..",
    "@root/../a",
    "o.[this].k",
    "this.this.a",
    "len",
    "if",
    "else.x",
    "as",
    "elsewhere",
    "5",
    "1.5",
    "-3",
    "true",
    "null",
    "a:b",
    "$x",
    "a-b",
    "é",
    "nest.1.items.0",
]
LITERALS = [
    "5",
    "-5",
    "1.5",
    "1.50",
    "1E3",
    "1E-3",
    "1e3",
    "007",
    "1.",
    "0",
    "-0",
    "18446744073709551616",
    '"x"',
    "'x'",
    '"it\'s"',
    "'say·\"hi\"'",
    "'it\\'s'",
    '"a\\nb"',
    '"\\u00e9"',
    '"\\x"',
    "true",
    "false",
    "null",
    '[1,·"two"]',
    "[]",
    "{}",
    '{"k":·"v"}',
    "[a]",
    '""',
    "''",
    '"10"',
    "10",
]
SAFE_PATHS = """@root.a @root/o.k @root.n @root.o.é @root.l.1 @root.t @root.z @root.m.[0] @root.big @root.f @root.neg @root.o.[with·space] @root.o
this . this @root.l @root.nest.0.name @root.e @root.empty @root.num ./this @root.ml @root.huge @root.fz @root.b @root.nest""".replace(
    " . ", " "
).split()
SAFE_LITERALS = [
    "5",
    "-5",
    "1.5",
    '"x"',
    "'x'",
    '"it\'s"',
    '"a\\nb"',
    "true",
    "false",
    "null",
    '[1,·"two"]',
    "[]",
    "{}",
    '{"k":·"v"}',
    '""',
    "''",
    '"10"',
    "10",
    "0",
]
BLOCKS = ["if", "unless", "each", "with"]
CHOICES = ["eq", "ne", "gt", "gte", "lt", "lte", "and", "or", "not"]
OTHER_HELPERS = ["len", "lookup", "replace", "log", "raw"]
LOOKUPS = [
    "lookup @root.o 'k'",
    "lookup @root.l 0",
    "lookup @root.l @index",
    "lookup @root.m 1",
    "lookup this 'name'",
    "lookup @root.o @key",
]
SPACES = [
    *[""] * 12,
    "",
    "",
    "",
    " ",
    "-",
    "w",
    "  ",
    "\t",
    NEW_LINE,
    NEW_LINE,
    f"  {NEW_LINE}",
    "\r\n        ",
    f"{NEW_LINE}{NEW_LINE}",
    "\u00a0",
    "\v",
    "\\",
    "{",
    "}",
]


def random_template(choose: random.Random) -> str:
    """Return a template of a few constructs; some are wrong on purpose."""
    return _Writer(choose).nodes(depth=0)


class _Writer:
    def __init__(self, choose: random.Random) -> None:
        self._choose = choose

    def nodes(self, depth: int) -> str:
        count = self._choose.randint(1, 4 if depth == 0 else 3)
        parts = []
        for _ in range(count):
            parts.append(self._space())
            parts.append(self._node(depth))
        return "".join([*parts, self._space()])

    def _one(self, *weighted: tuple[float, str]) -> str:
        (chosen,) = self._choose.choices([name for _, name in weighted], [weight for weight, _ in weighted])
        return chosen

    def _space(self) -> str:
        return self._choose.choice(SPACES)

    def _inner(self) -> str:
        return self._choose.choice(["", "", "", "", " ", "  ", "\n"])

    def _tilde(self) -> str:
        return "~" if self._choose.random() < 0.15 else ""

    def _tag(self, inside: str, sign: str = "") -> str:
        return f"{{{{{self._tilde()}{sign}{self._inner()}{inside}{self._inner()}{self._tilde()}}}}}"

    def _path(self) -> str:
        return self._choose.choice(PATHS if self._choose.random() < 0.15 else SAFE_PATHS).replace("·", " ")

    def _literal(self) -> str:
        return self._choose.choice(LITERALS if self._choose.random() < 0.2 else SAFE_LITERALS).replace("·", " ")

    def _parameter(self, depth: int) -> str:
        kind = self._one((5, "path"), (2, "literal"), (2 if depth < 3 else 0, "call"))
        if kind == "path":
            return self._path()
        if kind == "literal":
            return self._literal()
        return self._subexpression(depth + 1)

    def _subexpression(self, depth: int) -> str:
        return f"({self._inner()}{self._call(depth)}{self._inner()})"

    def _call(self, depth: int) -> str:
        name = self._choose.choice([*CHOICES, *CHOICES, *OTHER_HELPERS, "len", "replace", "lookup", *BLOCKS])
        if name == "lookup" and self._choose.random() < 0.85:
            return self._choose.choice(LOOKUPS)
        if name == "replace" and self._choose.random() < 0.7:
            subject = self._parameter(depth)
            return self._choose.choice([f'replace "x" "y" {subject}', f"replace '' '-' {subject}", f"replace 'q' a {subject}"])
        wanted = {"replace": 3, "len": 1, "not": 1}.get(name, 2) if name in CHOICES or name in OTHER_HELPERS else 1
        count = wanted if self._choose.random() < 0.9 else self._choose.randint(0, 3)
        parameters = " ".join(self._parameter(depth) for _ in range(count))
        options = f" {self._path()}={self._parameter(depth)}" if self._choose.random() < 0.08 else ""
        return f"{name} {parameters}{options}"

    def _node(self, depth: int) -> str:
        blocks = 6 if depth < 4 else 0
        kind = self._one(
            (6, "value"), (3, "call tag"), (blocks, "block"), (blocks / 6, "choice"), (2, "comment"), (0.3, "raw"), (0.5, "escape"),
            (1.2, "inline"), (1.6, "partial"), (blocks / 8, "partial block"), (0.12, "odd"), (1, "triple"),
        )  # fmt: skip
        return str(getattr(self, f"_{kind.replace(' ', '_')}")(depth))

    def _value(self, _depth: int) -> str:
        return self._tag(self._path())

    def _triple(self, depth: int) -> str:
        inside = self._choose.choice([self._path(), self._call(depth)])
        tilde = self._tilde()
        form = self._choose.choice(["{{{{{0}{1}{0}}}}}}", "{{{{{0}{{{1}}}{0}}}}}", "{{{{{0}&{1}{0}}}}}"])
        if form.startswith("{{{{{0}{1}"):
            return "{{{" + tilde + inside + tilde + "}}}"
        return form.format(tilde, inside)

    def _call_tag(self, depth: int) -> str:
        return self._tag(self._call(depth))

    def _comment(self, _depth: int) -> str:
        return self._choose.choice(
            [*["{{! c }}", "{{!-- d --}}", "{{!-- a }} b --}}", "{{!c}}", "{{! -- x --}}"] * 3, "{{!-- never }}", "{{~! c ~}}", "{{!}}"]
        )

    def _raw(self, _depth: int) -> str:
        inside = self._choose.choice([" {{b}} ", "{{b}}", "\\{{b}}", NEW_LINE + "raw" + NEW_LINE, "x \\\\{{ y", "w", "{{{{a}}}}"])
        name = self._choose.choice(["raw", "raw", "raw", "if @root.t", "raw a", "nope", "each @root.l"])
        return f"{{{{{{{{{self._tilde()}{name}}}}}}}}}{inside}{{{{{{{{/{name.split()[0]}{self._tilde()}}}}}}}}}"

    def _escape(self, _depth: int) -> str:
        return self._choose.choice(["\\", "\\\\", "\\\\\\"]) + self._choose.choice(["{{a}}", "{{{a}}}", "{{{{a}}}}", "{{#if a}}", "x"])

    def _block(self, depth: int) -> str:
        name = self._choose.choice([*BLOCKS * 8, "nope", "len", "raw", "log", "o"])
        return self._blocked(name, self._subject(name, depth), depth)

    def _subject(self, name: str, depth: int) -> str:
        likely = {
            "each": ["l", "m", "o", "e", "nest", "this", "items", "../m", "@root.l", "eo"],
            "with": ["o", "nest.0", "this", "o.l", "a", "z"],
        }
        if name in likely and self._choose.random() < 0.9:
            return self._choose.choice(likely[name])
        return self._parameter(depth)

    def _choice(self, depth: int) -> str:
        name = self._choose.choice(CHOICES)
        return self._blocked(name, f"{self._parameter(depth)} {self._parameter(depth)}", depth)

    def _blocked(self, name: str, subject: str, depth: int) -> str:
        names = self._choose.choice(["", "", " as |x|", " as |x i|", " as | q |", " as |x i q|"])
        option = self._choose.choice(["", "", "", "", " includeZero=true", " includeZero=@root.t", " includeZero=1"])
        parts = [self._tag(f"{name} {subject}{option}{names}", "#"), self.nodes(depth + 1)]
        while self._choose.random() < 0.2:
            parts += [
                self._tag(f"{self._choose.choice(['else', '^', 'else'])} {self._choose.choice(BLOCKS)} {self._parameter(depth)}"),
                self.nodes(depth + 1),
            ]
        if self._choose.random() < 0.35:
            parts += [self._tag(self._choose.choice(["else", "else", "^"])), self.nodes(depth + 1)]
        closing = name if self._choose.random() < 0.98 else "if"
        return "".join([*parts, self._tag(closing, "/") if self._choose.random() < 0.99 else ""])

    def _inline(self, depth: int) -> str:
        name = self._choose.choice(["'p'", '"p"', "'r'", "a", "n", "'@partial-block'"])
        return f"{self._tag(f'inline {name}', '#*')}{self.nodes(depth + 2)}{self._tag(self._choose.choice(['inline', 'inline', '']), '/')}"

    def _partial(self, depth: int) -> str:
        name = self._choose.choice([*["p"] * 9, *["r"] * 5, "x", "@partial-block", "(lookup m 0)", "'p'", "nope"])
        given = self._choose.choice(
            ["", "", " o", " this", " k=a", " o k=n", " l k=a", " a k=1", " m x=a", " missing", " o n", " 'lit' k=z"]
        )
        line = self._choose.choice(["", f"{NEW_LINE}  "])
        if self._choose.random() < 0.9 and name in {"p", "r", "x"}:
            defined = "p" if name == "p" else name
            return f'{{{{#*inline "{defined}"}}}}{self.nodes(depth + 2)}{{{{/inline}}}}{line}{self._tag(f"{name}{given}", ">")}{self._choose.choice(["", NEW_LINE])}'
        return self._tag(f"{name}{given}", ">")

    def _partial_block(self, depth: int) -> str:
        name = self._choose.choice(["p", "r", "nope"])
        inner = f"P{self._choose.choice(['{{> @partial-block}}', '{{>@partial-block}} {{k}}', ''])}Q"
        defined = f'{{{{#*inline "{name}"}}}}{inner}{{{{/inline}}}}' if self._choose.random() < 0.6 else ""
        given = self._choose.choice(["", " o", " k=a"])
        return f"{defined}{self._tag(f'{name}{given}', '#>')}{self.nodes(depth + 2)}{self._tag(self._choose.choice([name, name, '']), '/')}"

    def _odd(self, _depth: int) -> str:
        return self._choose.choice(
            ["{{}}", "{{ }}", "{{", "}}", "{{{a}}", "{{else}}", "{{/if}}", "{{^}}", "{{a b}}", "{{*inline 'p'}}", "{{#*deco}}{{/deco}}", '{{"a"}}',
             "{{a.}}", "{{a..b}}", "{{#if}}{{/if}}", "{{(a)}}", "{{(len o)}}", "{{(lookup o 'len')}}", "{{if}}", "{{&else}}", "{{{else}}}", "{{else x}}",
             "{{#if a", "{{!--", "{{> }}", "{{#> p}}", "{{len}}", "{{a|b}}", "{{#each l as x}}{{/each}}", "{{@partial-block}}"]
        )  # fmt: skip
