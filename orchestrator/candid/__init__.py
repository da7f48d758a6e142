"""Candid: types, the .did parser, text values, encoding, decoding with subtyping."""

from orchestrator.candid.cursor import DECODING_QUOTA
from orchestrator.candid.decode import decode
from orchestrator.candid.encode import encode
from orchestrator.candid.interface import ImportResolver, Interface, parse_interface
from orchestrator.candid.interface_files import load_interface_file
from orchestrator.candid.interfaces import load_interface
from orchestrator.candid.subtype import Incompatibility, is_subtype, subtype_losses, subtype_problems
from orchestrator.candid.text import parse_arguments, parse_typed_values, parse_values
from orchestrator.candid.value_text import format_message, format_values
from orchestrator.candid.values import FunctionReference, ServiceReference, Some, Variant

__all__ = [
    "DECODING_QUOTA",
    "FunctionReference",
    "ImportResolver",
    "Incompatibility",
    "Interface",
    "ServiceReference",
    "Some",
    "Variant",
    "decode",
    "encode",
    "format_message",
    "format_values",
    "is_subtype",
    "load_interface",
    "load_interface_file",
    "parse_arguments",
    "parse_interface",
    "parse_typed_values",
    "parse_values",
    "subtype_losses",
    "subtype_problems",
]
