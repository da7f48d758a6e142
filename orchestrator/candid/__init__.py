"""Candid: types, the .did parser, text values, encoding, decoding with subtyping."""

from orchestrator.candid.cursor import DECODING_QUOTA
from orchestrator.candid.decode import decode
from orchestrator.candid.encode import encode
from orchestrator.candid.interface import ImportResolver, Interface, parse_interface
from orchestrator.candid.interfaces import load_interface
from orchestrator.candid.subtype import Incompatibility, is_subtype, subtype_problems
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
    "is_subtype",
    "load_interface",
    "parse_interface",
    "subtype_problems",
]
