"""Writes component types as text, to compare what a plugin declares with what its interface says."""

from wasmtime.component import EnumType, FuncType, ListType, OptionType, RecordType, ResultType, TupleType, ValType, VariantType

__all__ = ["describe_function", "describe_type"]


def _or_nothing(kind: ValType | None) -> str:
    return "_" if kind is None else describe_type(kind)


def describe_type(kind: ValType) -> str:
    """Write a value type as WIT would; types that no interface of ours uses are written as their kind's name."""
    match kind:
        case RecordType():
            return f"record{{{', '.join(f'{name}: {describe_type(field)}' for name, field in kind.fields)}}}"
        case VariantType():
            cases = (name if payload is None else f"{name}({describe_type(payload)})" for name, payload in kind.cases)
            return f"variant{{{', '.join(cases)}}}"
        case EnumType():
            return f"enum{{{', '.join(kind.names)}}}"
        case ListType():
            return f"list<{describe_type(kind.element)}>"
        case TupleType():
            return f"tuple<{', '.join(map(describe_type, kind.elements))}>"
        case OptionType():
            return f"option<{describe_type(kind.payload)}>"
        case ResultType():
            return f"result<{_or_nothing(kind.ok)}, {_or_nothing(kind.err)}>"
        case _:
            return type(kind).__name__.removesuffix("Type").lower()


def describe_function(function: FuncType) -> str:
    """Write a function's type without its parameters' names, which do not count."""
    parameters = ", ".join(describe_type(kind) for _, kind in function.params)
    result = function.result
    return f"func({parameters})" + ("" if result is None else f" -> {describe_type(result)}")
