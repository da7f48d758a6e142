"""Numbers, amounts and words in every spelling: what YAML, and each key, takes them for."""

import re

__all__ = ["AMOUNTS", "SCALARS", "SHOW_VALUE"]

_AMOUNTS = """5 -5 +5 1.5 1e3 0x10 0o17 007 ~ yes true "5" 5kib "5 KiB" 5_kb 1_000 1.5t "1.5t" 2T 30d "30 d" 1.5d "" abc .5 ".5" "5." 1e3k "1e3"
"1e3k" "0.5kib" 18446744073709551615 [] {} [1] {a: 1} "_5" "5_" "+5" " 5 " "5d " 1.0.0 2024-01-01 .inf "1e30" 1e400 "5 s" "-0" "1.50t" "1e-3k"
"1e" "e3" "." "5K" "1 t" "1.t" "_" "5kb" "5 b" "0.0000000000001t" "1t_" "1_t" "5d_" "_5_d" "1k_b" "1_kb" "1e3t_" "0e99999t" "0e-99999kib"
"0e99999999999999999999" "-0.0t" "_-0t" "-_0_kb" "-0d" "_-0" "+1d" "+-0" "- 0" "1e1_0" "1._5k" "5\\tgib" "1\\u00a0kb" "\\u20035w" "１" "1e-0" "0x10kb"
"18446744073709551616kb" "340282366920938463463374607431768211455" "340282366920938463463374607431768211456" "1e38" "1e39" 1_5_ "30D\""""
AMOUNTS: tuple[str, ...] = tuple(re.findall(r'"(?:[^"\\]|\\.)*"|\{[^}]*\}|\S+', _AMOUNTS))
"""What may stand where an amount is wanted, or a text."""
_SCALARS = """5 -5 +5 1.5 1.50 1e3 1.0 100.0 1e16 1e17 123456789012345680.0 1e-5 1e-7 0.0001 0.00001234 1e300 0x10 -0x10 0o17 0o8 0b11 007 -007 ~
null NULL nUll yes on true True tRUE false "5" 5kib 1_000 .5 5. -.5 +.5 18446744073709551615 -9223372036854775808
340282366920938463463374607431768211456 [] {} 1.0.0 2024-01-01 12:30:45 .inf -.inf .nan .Nan 1e400 0x 0o 1e e3 ++5 0 -0 00 0.0 0e0 1E3 1.e3 .e3 = <<
"true" y n 1__0 0b 0B11 0X1F inf nan 0xFFFFFFFFFFFFFFFF"""
SCALARS: tuple[str, ...] = tuple(_SCALARS.split())
"""Plain scalars whose type matters to a template."""
SHOW_VALUE = (
    "build:\n  steps:\n    - type: script\n      command: '[{{v}}]{{#if v}}T{{else}}F{{/if}}"
    "{{#each v}}{{@key}}={{this}};{{else}}none{{/each}} {{eq v 5}}{{gt v 4}}{{len v}}'\n"
)
"""A template that shows what it takes `v` for."""
