"""A canister that signs as canisters do, and tells what it learns of its callers."""

from tests.support.vm import module

__all__ = ["signing_canister"]

_BODY = """
(func $argument (result i32)
  (call $msg_arg_data_copy (i32.const 0) (i32.const 0) (call $msg_arg_data_size))
  (call $msg_arg_data_size))
(func (export "canister_update certify")
  (call $certified_data_set (i32.const 0) (call $argument))
  (call $msg_reply))
(func (export "canister_query certificate")
  (call $data_certificate_copy (i32.const 0) (i32.const 0) (call $data_certificate_size))
  (call $msg_reply_data_append (i32.const 0) (call $data_certificate_size))
  (call $msg_reply))
(func $who
  (call $msg_caller_copy (i32.const 0) (i32.const 0) (call $msg_caller_size))
  (call $msg_reply_data_append (i32.const 0) (call $msg_caller_size))
  (call $msg_caller_info_signer_copy (i32.const 0) (i32.const 0) (call $msg_caller_info_signer_size))
  (call $msg_reply_data_append (i32.const 0) (call $msg_caller_info_signer_size))
  (call $msg_caller_info_data_copy (i32.const 0) (i32.const 0) (call $msg_caller_info_data_size))
  (call $msg_reply_data_append (i32.const 0) (call $msg_caller_info_data_size))
  (call $msg_reply))
(func (export "canister_update who") (call $who))
(func (export "canister_query who_asks") (call $who))
"""
_IMPORTS = (
    "certified_data_set",
    "data_certificate_copy",
    "data_certificate_size",
    "msg_arg_data_copy",
    "msg_arg_data_size",
    "msg_caller_copy",
    "msg_caller_info_data_copy",
    "msg_caller_info_data_size",
    "msg_caller_info_signer_copy",
    "msg_caller_info_signer_size",
    "msg_caller_size",
    "msg_reply",
    "msg_reply_data_append",
)


def signing_canister() -> bytes:
    """Return the module.

    `certify` makes its argument the certified data, `certificate` returns the certificate of it, and `who` and
    `who_asks` return the caller, the canister that speaks for the caller, and what that says, one after the other.
    """
    return module(_IMPORTS, _BODY)
