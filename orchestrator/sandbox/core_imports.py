"""What a core module may import when `componentizing` makes a plugin of it, and how a component gets hold of each.

A function is named as toolchains name it: by the interface that has it and its name there (`wasi:cli/stdout@0.2.0`,
`get-stdout`), functions of the world itself by `$root`, the end of a handle by `[resource-drop]` and the resource.
The component's texts hold just as much of WASI 0.2.0 as plugins without a libc have use for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

__all__ = ["INTERFACES", "ROOT", "CoreFunction", "Interface", "canonical_module"]

ROOT: Final = "$root"
"""The module name of functions that the world has outside of any interface."""

_WASI_MODULE: Final = re.compile(r"(wasi:[a-z]+/[a-z-]+)@0\.2\.\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreFunction:
    """A function: its component type, its core parameters and result. One that `drops` a type has no type of its own."""

    text: str = ""
    parameters: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    drops: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """An instance that a component imports under `name`, if one of its functions is used, or it is `needed` by others.

    `label` names it in the component's text, `types` are the declarations before its functions, `aliases` stand after
    it and name its types for others.
    """

    name: str
    label: str
    functions: Mapping[str, CoreFunction] = field(default_factory=lambda: MappingProxyType({}))
    types: str = ""
    aliases: str = ""
    needs: tuple[str, ...] = ()


def canonical_module(module: str) -> str:
    """Return the name of an import's module with the version that is offered here: patches of WASI 0.2 are alike."""
    return _WASI_MODULE.sub(r"\1@0.2.0", module)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PLUGIN_TYPES: Final = Interface(
    name="icp:sync-plugin/types@0.1.0",
    label="$types",
    types="""
    (type $call-type-shape (enum "update" "query"))
    (export "call-type" (type $call-type (eq $call-type-shape)))
    (type $request-shape (record (field "method" string) (field "arg" (list u8)) (field "call-type" $call-type)
      (field "direct" bool) (field "cycles" u64)))
    (export "canister-call-request" (type (eq $request-shape)))
    (type $file-shape (record (field "name" string) (field "content" string)))
    (export "file-input" (type $file (eq $file-shape)))
    (type $input-shape (record (field "canister-id" string) (field "environment" string) (field "dirs" (list string))
      (field "files" (list $file)) (field "identity-principal" string) (field "proxy-canister-id" (option string))))
    (export "sync-exec-input" (type (eq $input-shape)))""",
    aliases="""
  (alias export $types "canister-call-request" (type $request))
  (alias export $types "sync-exec-input" (type $input))""",
)

_EXTENSION_TYPES: Final = Interface(
    name="orchestrator:sync-plugin/extension@0.1.0",
    label="$extension",
    types="""
    (type $result-shape (result (list u8) (error string)))
    (export "call-result" (type (eq $result-shape)))
    (type $option-shape (tuple string string))
    (export "named-option" (type (eq $option-shape)))""",
    aliases="""
  (alias export $extension "call-result" (type $call-result))
  (alias export $extension "named-option" (type $named-option))""",
)

_WORLD: Final = Interface(
    name=ROOT,
    label=ROOT,
    functions=MappingProxyType(
        {
            "canister-call": CoreFunction(
                text='(param "req" $request) (result (result (list u8) (error string)))',
                parameters=_words("i32 i32 i32 i32 i32 i32 i64 i32"),
            ),
            "canister-call-batch": CoreFunction(
                text='(param "reqs" (list $request)) (result (list $call-result))', parameters=_words("i32 i32 i32")
            ),
            "options": CoreFunction(text="(result (list $named-option))", parameters=_words("i32")),
        }
    ),
    needs=(_PLUGIN_TYPES.name,),
)

_IO_ERROR: Final = Interface(
    name="wasi:io/error@0.2.0",
    label="$io-error",
    types='(export "error" (type (sub resource)))',
    aliases='(alias export $io-error "error" (type $error))',
)

_STREAMS: Final = Interface(
    name="wasi:io/streams@0.2.0",
    label="$streams",
    types="""
    (alias outer 1 $error (type $error-outer))
    (export "error" (type $error-here (eq $error-outer)))
    (export "output-stream" (type $stream (sub resource)))
    (type $stream-error-shape (variant (case "last-operation-failed" (own $error-here)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $stream-error-shape)))""",
    functions=MappingProxyType(
        {
            "[method]output-stream.blocking-write-and-flush": CoreFunction(
                text='(param "self" (borrow $stream)) (param "contents" (list u8)) (result (result (error $stream-error)))',
                parameters=_words("i32 i32 i32 i32"),
            ),
            "[resource-drop]output-stream": CoreFunction(parameters=("i32",), drops="$output-stream"),
        }
    ),
    aliases='(alias export $streams "output-stream" (type $output-stream))',
    needs=(_IO_ERROR.name,),
)


def _standard_stream(name: str) -> Interface:
    return Interface(
        name=f"wasi:cli/{name}@0.2.0",
        label=f"${name}",
        types='(alias outer 1 $output-stream (type $outer)) (export "output-stream" (type $here (eq $outer)))',
        functions=MappingProxyType({f"get-{name}": CoreFunction(text="(result (own $here))", results=("i32",))}),
        needs=(_IO_ERROR.name, _STREAMS.name),
    )


_FILESYSTEM: Final = Interface(
    name="wasi:filesystem/types@0.2.0",
    label="$filesystem",
    types="""
    (export "descriptor" (type $file-descriptor (sub resource)))
    (export "directory-entry-stream" (type $entries (sub resource)))
    (type $code-shape (enum "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist"
      "file-too-large" "illegal-byte-sequence" "in-progress" "interrupted" "invalid" "io" "is-directory" "loop"
      "too-many-links" "message-size" "name-too-long" "no-device" "no-entry" "no-lock" "insufficient-memory"
      "insufficient-space" "not-directory" "not-empty" "not-recoverable" "unsupported" "no-tty" "no-such-device"
      "overflow" "not-permitted" "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device"))
    (export "error-code" (type $code (eq $code-shape)))
    (type $kind-shape (enum "unknown" "block-device" "character-device" "directory" "fifo" "symbolic-link"
      "regular-file" "socket"))
    (export "descriptor-type" (type $kind (eq $kind-shape)))
    (type $path-flags-shape (flags "symlink-follow"))
    (export "path-flags" (type $path-flags (eq $path-flags-shape)))
    (type $open-flags-shape (flags "create" "directory" "exclusive" "truncate"))
    (export "open-flags" (type $open-flags (eq $open-flags-shape)))
    (type $flags-shape (flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync"
      "mutate-directory"))
    (export "descriptor-flags" (type $flags (eq $flags-shape)))
    (type $entry-shape (record (field "type" $kind) (field "name" string)))
    (export "directory-entry" (type $entry (eq $entry-shape)))""",
    functions=MappingProxyType(
        {
            "[method]descriptor.read": CoreFunction(
                text='(param "self" (borrow $file-descriptor)) (param "length" u64) (param "offset" u64) '
                "(result (result (tuple (list u8) bool) (error $code)))",
                parameters=_words("i32 i64 i64 i32"),
            ),
            "[method]descriptor.read-directory": CoreFunction(
                text='(param "self" (borrow $file-descriptor)) (result (result (own $entries) (error $code)))',
                parameters=_words("i32 i32"),
            ),
            "[method]directory-entry-stream.read-directory-entry": CoreFunction(
                text='(param "self" (borrow $entries)) (result (result (option $entry) (error $code)))',
                parameters=_words("i32 i32"),
            ),
            "[method]descriptor.open-at": CoreFunction(
                text='(param "self" (borrow $file-descriptor)) (param "path-flags" $path-flags) (param "path" string) '
                '(param "open-flags" $open-flags) (param "flags" $flags) (result (result (own $file-descriptor) (error $code)))',
                parameters=_words("i32 i32 i32 i32 i32 i32 i32"),
            ),
            "[resource-drop]descriptor": CoreFunction(parameters=("i32",), drops="$descriptor"),
            "[resource-drop]directory-entry-stream": CoreFunction(parameters=("i32",), drops="$entry-stream"),
        }
    ),
    aliases="""
  (alias export $filesystem "descriptor" (type $descriptor))
  (alias export $filesystem "directory-entry-stream" (type $entry-stream))""",
)

_PREOPENS: Final = Interface(
    name="wasi:filesystem/preopens@0.2.0",
    label="$preopens",
    types='(alias outer 1 $descriptor (type $outer)) (export "descriptor" (type $here (eq $outer)))',
    functions=MappingProxyType(
        {"get-directories": CoreFunction(text="(result (list (tuple (own $here) string)))", parameters=("i32",))},
    ),
    needs=(_FILESYSTEM.name,),
)

_MONOTONIC_CLOCK: Final = Interface(
    name="wasi:clocks/monotonic-clock@0.2.0",
    label="$monotonic-clock",
    functions=MappingProxyType({"now": CoreFunction(text="(result u64)", results=("i64",))}),
)

_WALL_CLOCK: Final = Interface(
    name="wasi:clocks/wall-clock@0.2.0",
    label="$wall-clock",
    types="""
    (type $time-shape (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "datetime" (type $time (eq $time-shape)))""",
    functions=MappingProxyType({"now": CoreFunction(text="(result $time)", parameters=("i32",))}),
)

_RANDOM: Final = Interface(
    name="wasi:random/random@0.2.0",
    label="$random",
    functions=MappingProxyType(
        {
            "get-random-bytes": CoreFunction(text='(param "len" u64) (result (list u8))', parameters=_words("i64 i32")),
            "get-random-u64": CoreFunction(text="(result u64)", results=("i64",)),
        }
    ),
)

INTERFACES: Final = (
    *(_PLUGIN_TYPES, _EXTENSION_TYPES, _WORLD, _IO_ERROR, _STREAMS, _standard_stream("stdout"), _standard_stream("stderr")),
    *(_FILESYSTEM, _PREOPENS, _MONOTONIC_CLOCK, _WALL_CLOCK, _RANDOM),
)
"""All interfaces, each after those that it needs."""
