"""The words that schemas are made of: types of values as the manifest's readers know them."""

from collections.abc import Mapping, Sequence

from orchestrator.core.units import MAX_NAT64, MAX_NAT128

__all__ = [
    "CYCLES",
    "DURATION",
    "MEMORY",
    "OWN",
    "URL",
    "Schema",
    "amount",
    "anything",
    "choice",
    "entries",
    "flag",
    "integer",
    "items",
    "mapping",
    "nullable",
    "one_of",
    "reference",
    "sha256",
    "text",
]

Schema = dict[str, object]
OWN = "Not known to icp-cli: may stand in orchestrator.yaml instead."
_NUMBER = r"^\s*_*[-+]?(?=[0-9_.]*[0-9])[0-9_]*\.?[0-9_]*([eE][-+]?[0-9_]+)?"
CYCLES = rf"{_NUMBER}[kKmMbBtT]?\s*$"
MEMORY = rf"{_NUMBER}\s*([kKmMgG][iI]?[bB])?\s*$"
DURATION = r"^\s*_*[+]?(?=_*[0-9])[0-9_]+\s*[sSmMhHdDwW]?\s*$"
URL = r"^[hH][tT][tT][pP][sS]?://[^\s/?#]+\S*$"
_HASH = "^[0-9a-fA-F]{64}$"


def text(description: str, **more: object) -> Schema:
    """Return a text; `more` is `pattern`, `examples`, `default` and the like.

    `patternErrorMessage` and `errorMessage` are no JSON Schema: editors' language servers show them instead of their own words.
    """
    return {"type": "string", "description": description, **more}


def choice(description: str, words: Sequence[str], **more: object) -> Schema:
    """Return one of a few words."""
    return {"enum": list(words), "description": description, **more}


def flag(description: str, *, default: bool | None = False) -> Schema:
    """Return `true` or `false`; without a default, leaving it out says nothing."""
    return {"type": "boolean", "description": description} | ({} if default is None else {"default": default})


def integer(description: str, *, minimum: int = 0, maximum: int = MAX_NAT64, **more: object) -> Schema:
    """Return a whole number."""
    return {"type": "integer", "description": description, "minimum": minimum, "maximum": maximum, **more}


def amount(description: str, pattern: str, example: str, **more: object) -> Schema:
    """Return an amount: a whole number, or a text with a unit."""
    maximum = MAX_NAT128 if pattern == CYCLES else MAX_NAT64
    return {
        "type": ["integer", "string"],
        "minimum": 0,
        "maximum": maximum,
        "pattern": pattern,
        "patternErrorMessage": f"Write a whole number, or one with a unit, such as {example}.",
        "description": description,
        "examples": [example],
        **more,
    }


def sha256(noun: str) -> Schema:
    """Return the hash of something."""
    hint = "Write 64 hex digits, as `sha256sum FILE` prints them."
    return text(f"The hash that the {noun} must have: 64 hex digits.", pattern=_HASH, patternErrorMessage=hint)


def items(description: str, item: Schema, **more: object) -> Schema:
    """Return a list."""
    return {"type": "array", "items": item, "description": description, **more}


def entries(description: str, value: Schema, **more: object) -> Schema:
    """Return a map whose keys are names."""
    return {"type": "object", "additionalProperties": value, "description": description, **more}


def one_of(description: str, *schemas: Schema) -> Schema:
    """Return something that may be written in several forms."""
    return {"anyOf": list(schemas), "description": description}


def anything(description: str) -> Schema:
    """Return a value that is not looked at."""
    return {"description": description}


def reference(name: str, description: str | None = None) -> Schema:
    """Return a definition of the same schema."""
    there: Schema = {"$ref": f"#/$defs/{name}"}
    return there if description is None else {**there, "description": description}


def nullable(schema: Schema) -> Schema:
    """Return the same, or nothing: most keys without a value count as missing."""
    kind = schema.get("type")
    if "enum" in schema:
        return {**schema, "enum": [*_listed(schema["enum"]), None]}
    if isinstance(kind, str):
        return {**schema, "type": [kind, "null"]}
    if isinstance(kind, list):
        return {**schema, "type": [*kind, "null"]}
    if "anyOf" in schema:
        return {**schema, "anyOf": [*_listed(schema["anyOf"]), {"type": "null"}]}
    if "$ref" in schema:
        description = {"description": schema["description"]} if "description" in schema else {}
        return {"anyOf": [{"$ref": schema["$ref"]}, {"type": "null"}], **description}
    return schema


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def mapping(
    description: str,
    properties: Mapping[str, Schema],
    *,
    required: Sequence[str] = (),
    closed: bool,
    filled: Sequence[str] = (),
    rules: Schema | None = None,
) -> Schema:
    """Return a map with known keys; `closed` ones refuse others. Keys that are neither required nor `filled` may be without a value."""
    keys = {name: schema if name in {*required, *filled} else nullable(schema) for name, schema in properties.items()}
    shape: Schema = {"type": "object", "description": description, "properties": keys}
    if required:
        shape["required"] = list(required)
    if closed:
        shape["additionalProperties"] = False
    return {**shape, **(rules or {})}
