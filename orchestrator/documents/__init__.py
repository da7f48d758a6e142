"""Text files as trees of nodes that know their place; what the nodes mean is the caller's business."""

from orchestrator.documents.nodes import Entry, MappingNode, Node, ScalarNode, ScalarValue, SequenceNode, describe, plain_value
from orchestrator.documents.source import MAX_DOCUMENT_BYTES, Source, read_source, source_of_text
from orchestrator.documents.yaml_reader import MAX_ALIASED_NODES, MAX_DEPTH, MAX_NODES, load_yaml, parse_yaml

__all__ = [
    "MAX_ALIASED_NODES",
    "MAX_DEPTH",
    "MAX_DOCUMENT_BYTES",
    "MAX_NODES",
    "Entry",
    "MappingNode",
    "Node",
    "ScalarNode",
    "ScalarValue",
    "SequenceNode",
    "Source",
    "describe",
    "load_yaml",
    "parse_yaml",
    "plain_value",
    "read_source",
    "source_of_text",
]
