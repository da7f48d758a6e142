"""What a child process of the sandbox gives up before it touches a plugin: a second wall behind wasmtime's.

On Linux, without any privilege: it can gain none any more (`no_new_privs`); Landlock leaves it the directories
and files that it was told to keep, to read, and nothing to write, no TCP, no signals to others and no sockets of others;
a system call filter takes away sockets, programs, new processes, and what reaches into other processes or
into the kernel. Where a kernel lacks one of these the process goes on without it. Everywhere, resource limits
are lowered. Imports nothing beyond the standard library: the worker loads this module.

Sources: linux/landlock.h and Documentation/userspace-api/landlock.rst (ABI 1 to 7), seccomp(2), linux/bpf_common.h.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

__all__ = ["MAX_DESCRIPTORS", "MAX_WRITTEN_BYTES", "Confinement", "confine", "lower_resource_limits"]

MAX_WRITTEN_BYTES: Final = 1 << 20
"""The most that a worker may write to a file: its last words to stderr."""
MAX_DESCRIPTORS: Final = 1024
"""Files that a worker may have open at once, the plugin's among them."""

_READ_FILE, _READ_DIRECTORY = 1 << 2, 1 << 3
_ACCESS_BY_VERSION: Final = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
"""Landlock's rights on files (all those of version 1; moving, truncating, device commands) by the version that knows them."""
_OF_FILES: Final = 0b111 | 1 << 14 | 1 << 15
"""Those of the rights that a rule for a file may have: execute, write, read, truncate, device commands."""
_TCP_VERSION, _TCP = 4, 0b11
_SCOPE_VERSION, _SCOPES = 6, 0b11
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _SECCOMP_FILTER = 38, 22, 2

_ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""The column of `_DENIED`, and the audit architecture."""
_DENIED: Final = {
    "socket": (41, 198),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "kill": (62, 129),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "open_by_handle_at": (304, 265),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "mount": (165, 40),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "add_key": (248, 217),
    "keyctl": (250, 219),
}
_CLONE: Final = (56, 220)
_CLONE3: Final = 435
_CLONE_THREAD: Final = 0x10000
_OTHER_ABI: Final = 0x40000000
"""Numbers from here on are those of x32, which nothing here uses."""
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_ALLOW, _FAIL_WITH = 0x7FFF0000, 0x00050000


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What took hold: whether privileges are out of reach, Landlock's version (0 is none), whether calls are filtered."""

    no_new_privileges: bool
    landlock: int
    filtered: bool


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _instruction(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, when_true, when_false, value)


def _filter(column: int, architecture: int) -> bytes:
    """Write the filter: a list of refusals, and everything else goes through."""
    refuse = _instruction(_RETURN, _FAIL_WITH | errno.EPERM)
    numbers = [numbers[column] for numbers in _DENIED.values()]
    denied = b"".join(_instruction(_IF_EQUAL, number, 0, 1) + refuse for number in numbers if number is not None)
    return b"".join(
        (
            _instruction(_LOAD, _ARCHITECTURE_AT),
            _instruction(_IF_EQUAL, architecture, 1, 0),
            refuse,
            _instruction(_LOAD, _NUMBER_AT),
            _instruction(_IF_AT_LEAST, _OTHER_ABI, 0, 1),
            refuse,
            denied,
            # Where it seems to be missing, a thread is started the older way, whose flags can be looked at.
            _instruction(_IF_EQUAL, _CLONE3, 0, 1),
            _instruction(_RETURN, _FAIL_WITH | errno.ENOSYS),
            _instruction(_IF_EQUAL, _CLONE[column], 0, 3),
            _instruction(_LOAD, _FIRST_ARGUMENT_AT),
            _instruction(_IF_ANY_BIT, _CLONE_THREAD, 1, 0),
            refuse,
            _instruction(_RETURN, _ALLOW),
        )
    )


class _Kernel:
    """The system calls that have no function in Python."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.syscall.restype = ctypes.c_long

    def forbid_new_privileges(self) -> bool:
        return self._prctl(_SET_NO_NEW_PRIVILEGES, 1, None)

    def filter_calls(self) -> bool:
        column, architecture = _ARCHITECTURES.get(platform.machine(), (None, 0))
        if column is None or sys.maxsize < 1 << 32:
            return False
        text = _filter(column, architecture)
        program = _FilterProgram(len(text) // 8, text)
        return self._prctl(_SET_SECCOMP, _SECCOMP_FILTER, ctypes.byref(program))

    def restrict_files(self, readable: Iterable[str], writable: Iterable[str]) -> int:
        """Keep what is below these paths, and nothing else; answer Landlock's version, 0 if there is none."""
        version = self._call(_CREATE_RULESET, None, ctypes.c_size_t(0), _ASK_VERSION)
        if version < 1:
            return 0
        every = sum(bits for since, bits in _ACCESS_BY_VERSION if version >= since)
        rules = struct.pack("=QQQ", every, _TCP if version >= _TCP_VERSION else 0, _SCOPES if version >= _SCOPE_VERSION else 0)
        size = 24 if version >= _SCOPE_VERSION else 16 if version >= _TCP_VERSION else 8
        ruleset = self._call(_CREATE_RULESET, rules, ctypes.c_size_t(size), 0)
        if ruleset < 0:
            return 0
        try:
            for path in readable:
                self._keep(ruleset, path, _READ_FILE | _READ_DIRECTORY)
            for path in writable:
                self._keep(ruleset, path, every)
            return version if self._call(_RESTRICT_SELF, ruleset, 0) == 0 else 0
        finally:
            os.close(ruleset)

    def _keep(self, ruleset: int, path: str, access: int) -> None:
        with suppress(OSError):  # what is not there is not kept, and whoever opens it says so
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                if not os.path.isdir(path):  # noqa: PTH112 - no need for paths here
                    access &= _OF_FILES
                self._call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("=Qi", access, descriptor), 0)
            finally:
                os.close(descriptor)

    def _prctl(self, option: int, value: int, pointer: object) -> bool:
        return bool(self._library.prctl(option, ctypes.c_ulong(value), pointer, None, None) == 0)

    def _call(self, number: int, *arguments: object) -> int:
        return int(self._library.syscall(ctypes.c_long(number), *arguments))


def confine(*, readable: Iterable[str] = (), writable: Iterable[str] = ()) -> Confinement:
    """Give up for good, for this thread and all that it starts: call it before there are other threads.

    `readable` and `writable` are directories and files that are kept, the former only to read. Tells what took hold.
    """
    if sys.platform != "linux":
        return Confinement(no_new_privileges=False, landlock=0, filtered=False)
    kernel = _Kernel()
    if not kernel.forbid_new_privileges():  # without it neither of the others is to be had
        return Confinement(no_new_privileges=False, landlock=0, filtered=False)
    landlock = kernel.restrict_files(readable, writable)
    return Confinement(no_new_privileges=True, landlock=landlock, filtered=kernel.filter_calls())


def lower_resource_limits(*, written_bytes: int | None = MAX_WRITTEN_BYTES, memory_bytes: int | None = None) -> None:
    """Let the system refuse core dumps, more open files than any plugin needs, files beyond a size, memory beyond a size."""
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, MAX_DESCRIPTORS)
    if written_bytes is not None:
        _lower(resource.RLIMIT_FSIZE, written_bytes)
    if memory_bytes is not None:
        _lower(resource.RLIMIT_DATA, memory_bytes)


def _lower(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    lowered = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (lowered, lowered))
