"""All of WASI 0.2's file system, as component text: what test plugins try on the directories that they are given."""

from tests.support.wasi_text import CoreFunction, WasiGroup

__all__ = ["FILES", "FILE_ERRORS"]

_FILE_ERROR_NAMES = """
  access would-block already bad-descriptor busy deadlock quota exist file-too-large illegal-byte-sequence in-progress interrupted
  invalid io is-directory loop too-many-links message-size name-too-long no-device no-entry no-lock insufficient-memory
  insufficient-space not-directory not-empty not-recoverable unsupported no-tty no-such-device overflow not-permitted pipe read-only
  invalid-seek text-file-busy cross-device"""
FILE_ERRORS = tuple(_FILE_ERROR_NAMES.split())
"""The names of `error-code`, in the order of the enumeration."""

_DESCRIPTOR_TYPES = "unknown block-device character-device directory fifo symbolic-link regular-file socket"
_TIMES = '(param "data-access-timestamp" $new-timestamp) (param "data-modification-timestamp" $new-timestamp)'
_NOTHING = "(result (result (error $error)))"
_PATH = '(param "path" string)'
_FLAGS = '(param "path-flags" $path-flags)'
_OTHER = '(param "new-descriptor" (borrow $descriptor)) (param "new-path" string)'
_RESULTS = {
    "read-via-stream": "(result (result (own $input-stream) (error $error)))",
    "write-via-stream": "(result (result (own $output-stream) (error $error)))",
    "append-via-stream": "(result (result (own $output-stream) (error $error)))",
    "get-flags": "(result (result $descriptor-flags (error $error)))",
    "get-type": "(result (result $descriptor-type (error $error)))",
    "read": "(result (result (tuple (list u8) bool) (error $error)))",
    "write": "(result (result u64 (error $error)))",
    "read-directory": "(result (result (own $entries) (error $error)))",
    "stat": "(result (result $stat (error $error)))",
    "stat-at": "(result (result $stat (error $error)))",
    "open-at": "(result (result (own $descriptor) (error $error)))",
    "readlink-at": "(result (result string (error $error)))",
    "metadata-hash": "(result (result $hash (error $error)))",
}
_METHODS = {
    "read-via-stream": '(param "offset" u64)',
    "write-via-stream": '(param "offset" u64)',
    "append-via-stream": "",
    "advise": '(param "offset" u64) (param "length" u64) (param "advice" $advice)',
    "sync-data": "",
    "sync": "",
    "get-flags": "",
    "get-type": "",
    "set-size": '(param "size" u64)',
    "set-times": _TIMES,
    "read": '(param "length" u64) (param "offset" u64)',
    "write": '(param "buffer" (list u8)) (param "offset" u64)',
    "read-directory": "",
    "create-directory-at": _PATH,
    "stat": "",
    "stat-at": f"{_FLAGS} {_PATH}",
    "set-times-at": f"{_FLAGS} {_PATH} {_TIMES}",
    "link-at": f'(param "old-path-flags" $path-flags) (param "old-path" string) {_OTHER}',
    "open-at": f'{_FLAGS} {_PATH} (param "open-flags" $open-flags) (param "flags" $descriptor-flags)',
    "readlink-at": _PATH,
    "remove-directory-at": _PATH,
    "rename-at": f'(param "old-path" string) {_OTHER}',
    "symlink-at": '(param "old-path" string) (param "new-path" string)',
    "unlink-file-at": _PATH,
    "metadata-hash": "",
}
# Core parameters between the descriptor and the address of the result; times are (case, seconds, nanoseconds) twice.
_CORE = {
    "read-via-stream": ("read-stream", "i64"),
    "write-via-stream": ("write-stream", "i64"),
    "append-via-stream": ("append-stream", ""),
    "advise": ("advise", "i64 i64 i32"),
    "sync-data": ("sync-data", ""),
    "sync": ("sync", ""),
    "get-flags": ("get-flags", ""),
    "get-type": ("get-type", ""),
    "set-size": ("set-size", "i64"),
    "set-times": ("set-times", "i32 i64 i32 i32 i64 i32"),
    "read": ("read-file", "i64 i64"),
    "write": ("write-file", "i32 i32 i64"),
    "read-directory": ("read-directory", ""),
    "create-directory-at": ("create-directory", "i32 i32"),
    "stat": ("stat", ""),
    "stat-at": ("stat-at", "i32 i32 i32"),
    "set-times-at": ("set-times-at", "i32 i32 i32 i32 i64 i32 i32 i64 i32"),
    "link-at": ("link", "i32 i32 i32 i32 i32 i32"),
    "open-at": ("open-at", "i32 i32 i32 i32 i32"),
    "readlink-at": ("readlink", "i32 i32"),
    "remove-directory-at": ("remove-directory", "i32 i32"),
    "rename-at": ("rename", "i32 i32 i32 i32 i32"),
    "symlink-at": ("symlink", "i32 i32 i32 i32"),
    "unlink-file-at": ("unlink", "i32 i32"),
    "metadata-hash": ("metadata-hash", ""),
}


def _enum(names: str) -> str:
    return "(enum " + " ".join(f'"{name}"' for name in names.split()) + ")"


def _exports() -> str:
    return "".join(
        f'\n    (export "[method]descriptor.{name}" (func (param "self" (borrow $descriptor)) {parameters} {_RESULTS.get(name, _NOTHING)}))'
        for name, parameters in _METHODS.items()
    )


def _type(name: str, shape: str, *, identifier: str | None = None) -> str:
    return f'\n    (type ${name}-shape {shape}) (export "{name}" (type ${identifier or name} (eq ${name}-shape)))'


_STREAMS = """
  (import "wasi:io/error@0.2.1" (instance $file-io-error (export "error" (type (sub resource)))))
  (alias export $file-io-error "error" (type $file-io-error-type))
  (import "wasi:io/streams@0.2.1" (instance $file-streams
    (alias outer 1 $file-io-error-type (type $outer-error))
    (export "error" (type $error (eq $outer-error)))
    (export "input-stream" (type $input-stream (sub resource)))
    (export "output-stream" (type $output-stream (sub resource)))
    (type $stream-error-shape (variant (case "last-operation-failed" (own $error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $stream-error-shape)))
    (export "[method]input-stream.blocking-read"
      (func (param "self" (borrow $input-stream)) (param "len" u64) (result (result (list u8) (error $stream-error)))))))
  (alias export $file-streams "input-stream" (type $file-input-stream))
  (alias export $file-streams "output-stream" (type $file-output-stream))
"""

FILES = WasiGroup(
    imports=_STREAMS
    + """
  (import "wasi:filesystem/types@0.2.0" (instance $filesystem
    (alias outer 1 $file-input-stream (type $outer-input)) (export "input-stream" (type $input-stream (eq $outer-input)))
    (alias outer 1 $file-output-stream (type $outer-output)) (export "output-stream" (type $output-stream (eq $outer-output)))
    (export "descriptor" (type $descriptor (sub resource)))
    (export "directory-entry-stream" (type $entries (sub resource)))"""
    + _type("error-code", _enum(" ".join(FILE_ERRORS)), identifier="error")
    + _type("path-flags", '(flags "symlink-follow")')
    + _type("open-flags", '(flags "create" "directory" "exclusive" "truncate")')
    + _type(
        "descriptor-flags",
        '(flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync" "mutate-directory")',
    )
    + _type("descriptor-type", _enum(_DESCRIPTOR_TYPES))
    + _type("advice", _enum("normal sequential random will-need dont-need no-reuse"))
    + _type("datetime", '(record (field "seconds" u64) (field "nanoseconds" u32))')
    + _type("new-timestamp", '(variant (case "no-change") (case "now") (case "timestamp" $datetime))')
    + _type(
        "descriptor-stat",
        '(record (field "type" $descriptor-type) (field "link-count" u64) (field "size" u64) (field "data-access-timestamp" (option $datetime))'
        ' (field "data-modification-timestamp" (option $datetime)) (field "status-change-timestamp" (option $datetime)))',
        identifier="stat",
    )
    + _type("metadata-hash-value", '(record (field "lower" u64) (field "upper" u64))', identifier="hash")
    + _type("directory-entry", '(record (field "type" $descriptor-type) (field "name" string))')
    + _exports()
    + """
    (export "[method]directory-entry-stream.read-directory-entry" (func (param "self" (borrow $entries))
      (result (result (option $directory-entry) (error $error)))))))
  (alias export $filesystem "descriptor" (type $descriptor-type))
  (alias export $filesystem "directory-entry-stream" (type $entries-type))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor-type (type $outer-descriptor)) (export "descriptor" (type $descriptor (eq $outer-descriptor)))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
""",
    functions=(
        CoreFunction(name="get-directories", function='$preopens "get-directories"', parameters="i32"),
        *(
            CoreFunction(name=name, function=f'$filesystem "[method]descriptor.{method}"', parameters=f"i32 {parameters} i32")
            for method, (name, parameters) in _CORE.items()
        ),
        CoreFunction(name="next-entry", function='$filesystem "[method]directory-entry-stream.read-directory-entry"', parameters="i32 i32"),
        CoreFunction(name="read-from-stream", function='$file-streams "[method]input-stream.blocking-read"', parameters="i32 i64 i32"),
        CoreFunction(name="drop-descriptor", function="resource.drop $descriptor-type", parameters="i32", memory=False),
    ),
)
