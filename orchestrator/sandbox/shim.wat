;; Stands between a plugin and the host for `canister-call` of icp:sync-plugin@0.1.
;;
;; The plugin calls it with a list of bytes, which wasmtime copies natively from component to component. It
;; then calls the host with the same memory declared as Latin-1 text, where every byte is one character:
;; text crosses wasmtime's C interface in one piece, a list as one value per byte.
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
    (result (result string (error string)))))

  ;; One call is under way at a time, so memory is a stack that is emptied after each call. Blocks start at
  ;; multiples of 16: Latin-1 text may become UTF-16 and needs an even address.
  (core module $allocator
    (memory (export "memory") 1)
    (global $next (mut i32) (i32.const 64))
    (func (export "reset") (param i32) (global.set $next (i32.const 64)))
    (func (export "allocate") (param $old i32) (param $old-size i32) (param $alignment i32) (param $size i32) (result i32)
      (local $block i32) (local $pages i32)
      (if (i32.eqz (local.get $size)) (then (return (i32.const 64))))
      (if (i32.and (i32.ne (local.get $old-size) (i32.const 0)) (i32.le_u (local.get $size) (local.get $old-size)))
        (then (return (local.get $old))))
      (local.set $block (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      (if (i32.gt_u (local.get $size) (i32.sub (i32.const 0x7fff0000) (local.get $block))) (then unreachable))
      (global.set $next (i32.add (local.get $block) (local.get $size)))
      (local.set $pages (i32.shr_u (i32.add (global.get $next) (i32.const 65535)) (i32.const 16)))
      (if (i32.gt_u (local.get $pages) (memory.size))
        (then (if (i32.eq (memory.grow (i32.sub (local.get $pages) (memory.size))) (i32.const -1)) (then unreachable))))
      (memory.copy (local.get $block) (local.get $old) (local.get $old-size))
      (local.get $block)))
  (core instance $memory (instantiate $allocator))
  (core func $lowered (canon lower (func $host) string-encoding=latin1+utf16
    (memory (core memory $memory "memory")) (realloc (core func $memory "allocate"))))

  ;; Longer texts than the host takes are cut one byte above its cap: it sees that they are too long, and
  ;; never gets all of them.
  (core module $forwarder
    (import "host" "call" (func $call (param i32 i32 i32 i32 i32 i32 i64 i32)))
    (func $at-most (param $length i32) (param $cap i32) (result i32)
      (select (local.get $length) (local.get $cap) (i32.lt_u (local.get $length) (local.get $cap))))
    (func (export "canister-call")
      (param $method i32) (param $method-length i32) (param $argument i32) (param $argument-length i32)
      (param $call-type i32) (param $direct i32) (param $cycles i64) (result i32)
      (call $call
        (local.get $method) (call $at-most (local.get $method-length) (i32.const {method_cap}))
        (local.get $argument) (call $at-most (local.get $argument-length) (i32.const {argument_cap}))
        (local.get $call-type) (local.get $direct) (local.get $cycles) (i32.const 16))
      (i32.const 16)))
  (core instance $forward (instantiate $forwarder (with "host" (instance (export "call" (func $lowered))))))
  (func $canister-call (param "req" $request) (result (result (list u8) (error string)))
    (canon lift (core func $forward "canister-call")
      (memory (core memory $memory "memory")) (realloc (core func $memory "allocate")) (post-return (core func $memory "reset"))))
  (export "canister-call" (func $canister-call)))
