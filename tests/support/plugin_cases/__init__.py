"""Sync plugins of a few lines each, and what becomes of them: in this tool and in icp-cli.

The tables are data; `tests/conformance/test_icp_plugin_cases.py` runs each of them once in both tools.
"""

from tests.support.plugin_cases.calls import CALLS, DIRECT, PROXIED
from tests.support.plugin_cases.case import PluginCase
from tests.support.plugin_cases.differences import DIFFERENCES, LARGE_FILE
from tests.support.plugin_cases.ends import ENDS, SLOW_ENDS
from tests.support.plugin_cases.inputs import FILES, INPUTS
from tests.support.plugin_cases.output import OUTPUT
from tests.support.plugin_cases.refused import REFUSED
from tests.support.plugin_cases.second import SECOND, SECOND_PROXIED, SECTIONS

__all__ = [
    "CALLS",
    "DIFFERENCES",
    "DIRECT",
    "ENDS",
    "FILES",
    "INPUTS",
    "LARGE_FILE",
    "OUTPUT",
    "PROXIED",
    "REFUSED",
    "SECOND",
    "SECOND_PROXIED",
    "SECTIONS",
    "SLOW_ENDS",
    "PluginCase",
]
