"""Runs sync plugins: WebAssembly components, each in a worker process of its own.

`host.run_plugin` is the door. `interface`, `binary` and `component` read a component and refuse what this
host does not offer; `declared` resolves the directories and files that a manifest step names; `compiler`,
`wrapping` and `cache` turn a component into machine code once. `worker` is the process that runs it: there `confinement`
gives up what it will not need, `meter` and `usage` measure it, `pipes` frees it of named pipes, `capture` takes its output,
and `guest_calls` answers its calls. `process` and `pool` start workers, `conversation` is a run seen from the tool, and
`frames` is what worker and tool say to each other. Nothing is imported here, so that a worker process starts with
wasmtime alone.
"""
