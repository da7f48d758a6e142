"""Runs sync plugins: WebAssembly components in a process of their own."""
