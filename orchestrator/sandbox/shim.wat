;; Stands between a plugin and the host for `canister-call` of icp:sync-plugin@0.1 and `canister-call-batch` of
;; orchestrator:sync-plugin@0.1.
;;
;; The plugin calls it with a list of bytes, which wasmtime copies natively from component to component. It
;; then calls the host with the same bytes as hexadecimal text: text crosses wasmtime's C interface in one piece, a
;; list as one value per byte. Both ends write and read it faster than any text that has more than ASCII in it.
;;
;; A batch crosses as one text: all of the memory that its requests were copied to, and where in it their table
;; stands. An entry of the table has 32 bytes: pointer and length of the method, pointer and length of the argument,
;; call type and direct as a byte each, and at 24 the cycles. The host answers with one text as well: first the table
;; of the results, 12 bytes each (0 or 1 for ok or err, where it starts counted from the start of the answer, its
;; length), then what it points to. Both texts are hexadecimal. A batch that is larger than the host takes crosses without its memory.
(component
  (import "types" (instance $types
    (type $call-type-shape (enum "update" "query"))
    (export "call-type" (type $call-type (eq $call-type-shape)))
    (type $request-shape (record
      (field "method" string) (field "arg" (list u8)) (field "call-type" $call-type) (field "direct" bool) (field "cycles" u64)))
    (export "canister-call-request" (type (eq $request-shape)))))
  (alias export $types "canister-call-request" (type $request))
  (import "host" (func $host
    (param "method" string) (param "arg" string) (param "call-type" u8) (param "direct" bool) (param "cycles" u64)
    (param "method-size" u32) (param "arg-size" u32) (result (result string (error string)))))
  (import "host-batch" (func $host-batch
    (param "memory" string) (param "table" u32) (param "count" u32) (param "size" u32) (result string)))

{allocator}  (core func $lowered (canon lower (func $host)
    (memory (core memory $memory "memory")) (realloc (core func $memory "allocate"))))

  (core func $lowered-batch (canon lower (func $host-batch)
    (memory (core memory $memory "memory")) (realloc (core func $memory "allocate"))))

  ;; A text that is longer than the host takes crosses without its bytes, and with the number of them.
  (core module $forwarder
    (import "host" "call" (func $call (param i32 i32 i32 i32 i32 i32 i64 i32 i32 i32)))
    (import "host" "call-batch" (func $call-batch (param i32 i32 i32 i32 i32 i32)))
    (import "memory" "memory" (memory 1))
    (import "memory" "encode" (func $encode (param i32 i32) (result i32)))
    (import "memory" "decode" (func $decode (param i32 i32) (result i32)))
    (import "memory" "reset" (func $reset (param i32)))
    (import "memory" "next" (global $next (mut i32)))
    (func $within (param $length i32) (param $cap i32) (result i32)
      (select (local.get $length) (i32.const 0) (i32.le_u (local.get $length) (local.get $cap))))
    (func (export "canister-call")
      (param $method i32) (param $method-length i32) (param $argument i32) (param $argument-length i32)
      (param $call-type i32) (param $direct i32) (param $cycles i64) (result i32)
      (local $passed i32) (local $text i32)
      (local.set $passed (call $within (local.get $argument-length) (i32.const {argument_cap})))
      (local.set $text (call $encode (local.get $argument) (local.get $passed)))
      (call $reset (i32.const 0))
      (call $call
        (local.get $method) (call $within (local.get $method-length) (i32.const {method_cap}))
        (local.get $text) (i32.shl (local.get $passed) (i32.const 1))
        (local.get $call-type) (local.get $direct) (local.get $cycles)
        (local.get $method-length) (local.get $argument-length) (i32.const 16))
      (if (i32.eqz (i32.load8_u (i32.const 16)))
        (then (i32.store (i32.const 24) (call $decode (i32.load (i32.const 20)) (i32.load (i32.const 24))))))
      (i32.const 16))
    (func (export "canister-call-batch") (param $table i32) (param $count i32) (result i32)
      (local $size i32) (local $passed i32) (local $text i32) (local $answer i32) (local $entry i32) (local $end i32)
      (local.set $size (i32.sub (global.get $next) (i32.const 64)))
      (local.set $passed (call $within (local.get $size) (i32.const {batch_cap})))
      (local.set $text (call $encode (i32.const 64) (local.get $passed)))
      (call $reset (i32.const 0))
      (call $call-batch
        (local.get $text) (i32.shl (local.get $passed) (i32.const 1))
        (i32.sub (local.get $table) (i32.const 64)) (local.get $count) (local.get $size) (i32.const 16))
      (local.set $answer (i32.load (i32.const 16)))
      (drop (call $decode (local.get $answer) (i32.load (i32.const 20))))
      (local.set $entry (local.get $answer))
      (local.set $end (i32.add (local.get $answer) (i32.mul (local.get $count) (i32.const 12))))
      (block $done (loop $each
        (br_if $done (i32.ge_u (local.get $entry) (local.get $end)))
        (i32.store offset=4 (local.get $entry) (i32.add (i32.load offset=4 (local.get $entry)) (local.get $answer)))
        (local.set $entry (i32.add (local.get $entry) (i32.const 12)))
        (br $each)))
      (i32.store (i32.const 20) (local.get $count))
      (i32.const 16)))
  (core instance $forward (instantiate $forwarder
    (with "host" (instance (export "call" (func $lowered)) (export "call-batch" (func $lowered-batch))))
    (with "memory" (instance $memory))))
  (func $canister-call (param "req" $request) (result (result (list u8) (error string)))
    (canon lift (core func $forward "canister-call")
      (memory (core memory $memory "memory")) (realloc (core func $memory "allocate")) (post-return (core func $memory "reset"))))
  (func $canister-call-batch (param "reqs" (list $request)) (result (list (result (list u8) (error string))))
    (canon lift (core func $forward "canister-call-batch")
      (memory (core memory $memory "memory")) (realloc (core func $memory "allocate")) (post-return (core func $memory "reset"))))
  (export "canister-call" (func $canister-call))
  (export "canister-call-batch" (func $canister-call-batch)))
