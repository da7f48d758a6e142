"""Executes: load, build, observe, plan, apply, sync."""
