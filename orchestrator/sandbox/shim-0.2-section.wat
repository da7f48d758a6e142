;; Stands between a plugin and the host for `canister-metadata-section` of icp:sync-plugin@0.2.
;;
;; The host answers ok with one hexadecimal text: a byte that tells whether there is a section, and the section. wasmtime's
;; Python package cannot return the plugin's own type, a result of an optional list, when it is an error.
(component
  (import "types" (instance $types
    (type $target-shape (variant (case "host") (case "name" string)))
    (export "call-target" (type $target (eq $target-shape)))
    (type $request-shape (record (field "target" $target) (field "name" string) (field "direct" bool)))
    (export "metadata-section-request" (type (eq $request-shape)))))
  (alias export $types "metadata-section-request" (type $request))
  (import "host" (func $host
    (param "target-kind" u8) (param "target" string) (param "name" string) (param "direct" bool)
    (result (result string (error string)))))

{allocator}  (core func $lowered (canon lower (func $host)
    (memory (core memory $memory "memory")) (realloc (core func $memory "allocate"))))

  (core module $forwarder
    (import "host" "read" (func $read (param i32 i32 i32 i32 i32 i32 i32)))
    (import "memory" "memory" (memory 1))
    (import "memory" "decode" (func $decode (param i32 i32) (result i32)))
    (func $within (param $length i32) (param $cap i32) (result i32)
      (select (local.get $length) (i32.const 0) (i32.le_u (local.get $length) (local.get $cap))))
    (func (export "canister-metadata-section")
      (param $kind i32) (param $target i32) (param $target-length i32) (param $name i32) (param $name-length i32) (param $direct i32)
      (result i32)
      (local $text i32) (local $length i32)
      (call $read
        (local.get $kind) (local.get $target) (call $within (local.get $target-length) (i32.const {method_cap}))
        (local.get $name) (call $within (local.get $name-length) (i32.const {method_cap})) (local.get $direct) (i32.const 32))
      (local.set $text (i32.load (i32.const 36)))
      (local.set $length (i32.load (i32.const 40)))
      (i32.store8 (i32.const 16) (i32.load8_u (i32.const 32)))
      (if (i32.load8_u (i32.const 32))
        (then (i32.store (i32.const 20) (local.get $text)) (i32.store (i32.const 24) (local.get $length)))
        (else
          (local.set $length (call $decode (local.get $text) (local.get $length)))
          (i32.store8 (i32.const 20) (i32.load8_u (local.get $text)))
          (i32.store (i32.const 24) (i32.add (local.get $text) (i32.const 1)))
          (i32.store (i32.const 28) (i32.sub (local.get $length) (i32.const 1)))))
      (i32.const 16)))
  (core instance $forward (instantiate $forwarder
    (with "host" (instance (export "read" (func $lowered)))) (with "memory" (instance $memory))))
  (func $canister-metadata-section (param "req" $request) (result (result (option (list u8)) (error string)))
    (canon lift (core func $forward "canister-metadata-section")
      (memory (core memory $memory "memory")) (realloc (core func $memory "allocate")) (post-return (core func $memory "reset"))))
  (export "canister-metadata-section" (func $canister-metadata-section)))
