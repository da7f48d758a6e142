;; Stands between a plugin and the host for `canister-call` of icp:sync-plugin@0.2, as `shim.wat` does for 0.1.
;; The target is passed on as its number (0 for the canister being synced, 1 for one by its name) and the name.
(component
  (import "types" (instance $types
    (type $target-shape (variant (case "host") (case "name" string)))
    (export "call-target" (type $target (eq $target-shape)))
    (type $call-type-shape (enum "update" "query"))
    (export "call-type" (type $call-type (eq $call-type-shape)))
    (type $request-shape (record
      (field "target" $target) (field "method" string) (field "arg" (list u8)) (field "call-type" $call-type)
      (field "direct" bool) (field "cycles" u64)))
    (export "canister-call-request" (type (eq $request-shape)))))
  (alias export $types "canister-call-request" (type $request))
  (import "host" (func $host
    (param "target-kind" u8) (param "target" string) (param "method" string) (param "arg" string) (param "call-type" u8)
    (param "direct" bool) (param "cycles" u64) (param "method-size" u32) (param "arg-size" u32)
    (result (result string (error string)))))

{allocator}  (core func $lowered (canon lower (func $host)
    (memory (core memory $memory "memory")) (realloc (core func $memory "allocate"))))

  ;; A text that is longer than the host takes crosses without its bytes, and with the number of them.
  (core module $forwarder
    (import "host" "call" (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32)))
    (import "memory" "memory" (memory 1))
    (import "memory" "encode" (func $encode (param i32 i32) (result i32)))
    (import "memory" "decode" (func $decode (param i32 i32) (result i32)))
    (import "memory" "reset" (func $reset (param i32)))
    (func $within (param $length i32) (param $cap i32) (result i32)
      (select (local.get $length) (i32.const 0) (i32.le_u (local.get $length) (local.get $cap))))
    (func (export "canister-call")
      (param $kind i32) (param $target i32) (param $target-length i32) (param $method i32) (param $method-length i32)
      (param $argument i32) (param $argument-length i32) (param $call-type i32) (param $direct i32) (param $cycles i64) (result i32)
      (local $passed i32) (local $text i32)
      (local.set $passed (call $within (local.get $argument-length) (i32.const {argument_cap})))
      (local.set $text (call $encode (local.get $argument) (local.get $passed)))
      (call $reset (i32.const 0))
      (call $call
        (local.get $kind) (local.get $target) (call $within (local.get $target-length) (i32.const {method_cap}))
        (local.get $method) (call $within (local.get $method-length) (i32.const {method_cap}))
        (local.get $text) (i32.shl (local.get $passed) (i32.const 1))
        (local.get $call-type) (local.get $direct) (local.get $cycles)
        (local.get $method-length) (local.get $argument-length) (i32.const 16))
      (if (i32.eqz (i32.load8_u (i32.const 16)))
        (then (i32.store (i32.const 24) (call $decode (i32.load (i32.const 20)) (i32.load (i32.const 24))))))
      (i32.const 16)))
  (core instance $forward (instantiate $forwarder
    (with "host" (instance (export "call" (func $lowered)))) (with "memory" (instance $memory))))
  (func $canister-call (param "req" $request) (result (result (list u8) (error string)))
    (canon lift (core func $forward "canister-call")
      (memory (core memory $memory "memory")) (realloc (core func $memory "allocate")) (post-return (core func $memory "reset"))))
  (export "canister-call" (func $canister-call)))
