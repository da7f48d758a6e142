"""A template without the calls that fail whatever they are given: what stands around them can be tried all the same."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from orchestrator.engine.authoring.recipe_names import find_wrong_call
from orchestrator.recipes.template import Block, Call, Expression, Inline, Literal, Lookup, Node, Origin, Output, Place, Template

__all__ = ["repair_template"]

_STAND_IN: Final = Literal(value="sample")


def repair_template(template: Template) -> Template:
    """Return the template with a value in place of each call that fails, and the body in place of each block that does.

    The value is the first one that the call is given: whatever a helper would have made of it stands where it does.
    """
    return replace(template, body=tuple(_nodes(template.body, template.origin)))


def _nodes(nodes: Sequence[Node], origin: Origin) -> Iterator[Node]:
    for node in nodes:
        match node:
            case Output():
                yield replace(node, expression=_expression(node.expression, node.place, origin))
            case Block() if find_wrong_call(node.call, node.place, origin, is_block=True) is not None:
                yield from _nodes((*node.body, *(node.otherwise or ())), origin)
            case Block():
                fix = partial(_expression, place=node.place, origin=origin)
                options = {name: fix(value) for name, value in node.call.options.items()}
                call = replace(node.call, parameters=tuple(map(fix, node.call.parameters)), options=options)
                otherwise = tuple(_nodes(node.otherwise, origin)) if node.otherwise is not None else None
                yield replace(node, call=call, body=tuple(_nodes(node.body, origin)), otherwise=otherwise)
            case Inline():
                yield replace(node, body=tuple(_nodes(node.body, origin)))
            case _:
                yield node


def _expression(expression: Expression, place: Place, origin: Origin) -> Expression:
    if not isinstance(expression, Call):
        return expression
    fix = partial(_expression, place=place, origin=origin)
    parameters = tuple(map(fix, expression.parameters))
    if find_wrong_call(expression, place, origin) is not None:
        return next((each for each in parameters if isinstance(each, Lookup)), _STAND_IN)
    return replace(expression, parameters=parameters, options={name: fix(value) for name, value in expression.options.items()})
