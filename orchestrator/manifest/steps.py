"""Build and sync steps: one reader per `type`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeVar

from orchestrator.core.project import BuildStep, PluginStep, PrebuiltStep, ScriptStep, SyncStep
from orchestrator.core.units import parse_cycles, parse_duration, parse_memory
from orchestrator.documents import MappingNode, Node, SequenceNode, plain_value
from orchestrator.errors import Span
from orchestrator.manifest.fields import (
    check_keys,
    read_amount,
    read_choice,
    read_hash,
    read_items,
    read_mapping,
    read_text,
    read_texts,
    span_of_value,
)
from orchestrator.manifest.patterns import PatternError, check_pattern
from orchestrator.manifest.plugin_inputs import entry_spans, read_declared, read_plugin_fields
from orchestrator.manifest.problems import Problems, did_you_mean, listed

__all__ = ["read_build", "read_sync"]

_Reader = TypeVar("_Reader")
_Step = TypeVar("_Step", bound=ScriptStep | PrebuiltStep | PluginStep)
_RUNS: tuple[Literal["always", "changed"], ...] = ("always", "changed")
_SCRIPT_KEYS = ("type", "command", "commands")
_PREBUILT_KEYS = ("type", "path", "url", "sha256", "inputs")
_PLUGIN_KEYS = (
    *("type", "path", "url", "sha256", "dirs", "files", "fields", "canisters"),
    *("name", "proxy", "timeout", "compute", "memory", "max_cycles", "run"),
)


class _Location(NamedTuple):
    """Where a step's wasm comes from."""

    path: Path | None
    url: str | None


def read_build(node: Node | None, directory: Path, problems: Problems) -> tuple[BuildStep, ...]:
    """Read `build: {steps: [...]}`; there must be at least one step."""
    readers: dict[str, Callable[[MappingNode, Path, Problems], BuildStep]] = {
        "script": _read_build_script,
        "pre-built": _read_prebuilt,
    }
    steps = _read_steps(node, "build", readers, directory, problems)
    if steps == () and isinstance(node, MappingNode) and isinstance(items := node.get("steps"), SequenceNode) and not items.items:
        problems.error("no-build-steps", "a build needs at least one step", items.span, hint="add `- type: script` or `- type: pre-built`")
    return steps


def read_sync(node: Node | None, directory: Path, problems: Problems) -> tuple[SyncStep, ...]:
    """Read `sync: {steps: [...]}`; the list may be empty."""
    readers: dict[str, Callable[[MappingNode, Path, Problems], SyncStep]] = {
        "script": _read_sync_script,
        "plugin": _read_plugin,
    }
    steps = _read_steps(node, "sync", readers, directory, problems)
    _check_names(steps, problems)
    return steps


def _check_names(steps: Iterable[SyncStep], problems: Problems) -> None:
    """Note plugin steps of one name: what is remembered of one would be taken for the other's."""
    found: dict[str, PluginStep] = {}
    for step in steps:
        if isinstance(step, PluginStep) and step.name is not None:
            first = found.setdefault(step.name, step)
            if first is not step:
                related = ((first.span, "the first one"),) if first.span is not None else ()
                hint = "give each a name of its own; with `run: changed` they would forget each other's success"
                problems.warn("duplicate-name", f"two plugin steps are named `{step.name}`", step.span, related=related, hint=hint)


def _read_steps(
    node: Node | None,
    section: str,
    readers: dict[str, Callable[[MappingNode, Path, Problems], _Step]],
    directory: Path,
    problems: Problems,
) -> tuple[_Step, ...]:
    mapping = read_mapping(node, f"`{section}`", problems)
    if mapping is None:
        return ()
    check_keys(mapping, ("steps",), f"`{section}`", problems, severity="warning")
    if mapping.get("steps") is None and (section == "build" or mapping.entry("steps") is None):
        problems.error("missing-key", f"`{section}` has no `steps`", mapping.span, hint="add `steps:` with a list of steps")
    steps = []
    for item in read_items(mapping.get("steps"), f"`{section}.steps`", problems) or ():
        step = read_mapping(item, f"a {section} step", problems)
        reader = _reader_of(step, section, readers, problems) if step is not None else None
        if step is not None and reader is not None:
            steps.append(replace(reader(step, directory, problems), written=_written(step)))
    return tuple(steps)


def _written(step: MappingNode) -> Mapping[str, object]:
    return MappingProxyType({entry.name: value for entry in step.entries if (value := plain_value(entry.value)) is not None})


def _reader_of(step: MappingNode, section: str, readers: dict[str, _Reader], problems: Problems) -> _Reader | None:
    node = step.get("type")
    if node is None:
        problems.error("missing-key", f"a {section} step has no `type`", step.span, hint=f"add `type:` with {listed(readers)}")
        return None
    kind = read_text(node, "`type`", problems)
    if kind is None or kind in readers:
        return readers.get(kind or "")
    hint = did_you_mean(kind, readers) or f"write {listed(readers)}"
    if section == "sync" and kind == "assets":
        hint = "use a recipe that brings a plugin (the asset canister's does), or a `script` or `plugin` step"
    problems.error(
        "unknown-step",
        f"a {section} step cannot be of type `{kind}`",
        node.span,
        detail=f"the types are {listed(readers)}",
        hint=hint,
    )
    return None


def _read_build_script(step: MappingNode, _directory: Path, problems: Problems) -> ScriptStep:
    return replace(_read_script(step, problems, own_key="inputs"), inputs=_read_inputs(step, "a script step", problems))


def _read_sync_script(step: MappingNode, _directory: Path, problems: Problems) -> ScriptStep:
    run = read_choice(step.get("run"), "`run`", _RUNS, problems) or "always"
    return replace(_read_script(step, problems, own_key="run"), run=run)


def _read_inputs(step: MappingNode, what: str, problems: Problems) -> tuple[str, ...]:
    """Read the patterns of the files that a build step reads."""
    patterns = []
    for item in read_items(step.get("inputs"), "`inputs`", problems) or ():
        text = read_text(item, "an item of `inputs`", problems)
        if text is not None and (detail := _pattern_fault(text)) is not None:
            summary = f"`{text}` is not a pattern of input files"
            problems.error("invalid-glob", summary, item.span, detail=detail, hint="write it like `src/**/*.rs`")
        elif text is not None:
            patterns.append(text)
    if patterns and (entry := step.entry("inputs")) is not None:
        problems.warn_without_effect("inputs", what, entry.key.span, detail="the step runs with every build")
    return tuple(patterns)


def _pattern_fault(text: str) -> str | None:
    """Return why a text is no pattern of files from a canister's folder."""
    if not text.strip():
        return "it is empty"
    if text.startswith("/"):
        return "it is relative to the canister's folder"
    try:
        check_pattern(text)
    except PatternError as error:
        return str(error)
    return None


def _read_script(step: MappingNode, problems: Problems, *, own_key: str) -> ScriptStep:
    check_keys(step, (*_SCRIPT_KEYS, own_key), "a script step", problems, severity="warning")
    command, commands = step.get("command"), step.get("commands")
    if command is None and commands is None:
        problems.error(
            "missing-key", "a script step has no `command`", step.span, hint="add `command:` with a text, or `commands:` with a list"
        )
    if command is not None and commands is not None:
        first, second = sorted((command, commands), key=lambda node: (node.span.line, node.span.column))
        used = "command" if first is command else "commands"
        summary = f"a script step has `command` and `commands`: only `{used}`, which is first, is run"
        problems.warn("both-keys", summary, second.span, hint="keep one of the two")
        command, commands = (command, None) if first is command else (None, commands)
    if command is not None:
        text = read_text(command, "`command`", problems)
        return ScriptStep(commands=(text or "",), span=command.span)
    return ScriptStep(
        commands=read_texts(commands, "`commands`", problems) or (), span=commands.span if commands is not None else step.span
    )


def _read_prebuilt(step: MappingNode, directory: Path, problems: Problems) -> PrebuiltStep:
    check_keys(step, _PREBUILT_KEYS, "a pre-built step", problems, severity="warning")
    location = _read_location(step, "pre-built", directory, problems)
    sha256 = read_hash(step.get("sha256"), "`sha256`", problems)
    inputs = _read_inputs(step, "a pre-built step", problems)
    return PrebuiltStep(path=location.path, url=location.url, sha256=sha256, inputs=inputs, span=_span_of_location(step))


def _read_plugin(step: MappingNode, directory: Path, problems: Problems) -> PluginStep:
    check_keys(step, _PLUGIN_KEYS, "a plugin step", problems, severity="warning")
    location = _read_location(step, "plugin", directory, problems)
    if location.path is None and location.url is not None and step.get("sha256") is None:
        problems.error(
            "unpinned-plugin",
            "a plugin from a `url` needs its `sha256`",
            span_of_value(step, "url"),
            detail="what was reviewed is what must run",
            hint="add `sha256:` with the output of `sha256sum` on the file you reviewed",
        )
    return _plugin_step(step, location, problems)


def _plugin_step(step: MappingNode, location: _Location, problems: Problems) -> PluginStep:
    def seconds(key: str) -> float | None:
        value = read_amount(step.get(key), f"`{key}`", parse_duration, problems, example="90s")
        return None if value is None else float(value)

    dirs = read_declared(step.get("dirs"), "`dirs`", problems)
    files = read_declared(step.get("files"), "`files`", problems)
    values = PluginStep(
        path=location.path,
        url=location.url,
        sha256=read_hash(step.get("sha256"), "`sha256`", problems),
        dirs=dirs.paths,
        dir_keys=dirs.keys,
        files=files.paths,
        file_keys=files.keys,
        fields=read_plugin_fields(step.get("fields"), problems),
        canisters=read_texts(step.get("canisters"), "`canisters`", problems) or (),
        name=read_text(step.get("name"), "`name`", problems),
        proxy=read_text(step.get("proxy"), "`proxy`", problems) or "default",
        timeout=seconds("timeout"),
        compute=seconds("compute"),
        memory=read_amount(step.get("memory"), "`memory`", parse_memory, problems, example="512mib"),
        max_cycles=read_amount(step.get("max_cycles"), "`max_cycles`", parse_cycles, problems, example="1t"),
        run=read_choice(step.get("run"), "`run`", _RUNS, problems) or "always",
        span=_span_of_location(step),
        entry_spans=entry_spans(step),
    )
    for key in ("timeout", "compute", "memory"):
        if getattr(values, key) == 0:
            problems.error("out-of-range", f"`{key}` must be more than 0", span_of_value(step, key), hint="leave it out for the default")
    return values


def _span_of_location(step: MappingNode) -> Span:
    """Point at the wasm a step names, or at the step."""
    for key in ("path", "url"):
        if (node := step.get(key)) is not None:
            return node.span
    return step.span


def _read_location(step: MappingNode, kind: str, directory: Path, problems: Problems) -> _Location:
    path_node, url_node = step.get("path"), step.get("url")
    if path_node is None and url_node is None:
        problems.error(
            "missing-key",
            f"a {kind} step has neither `path` nor `url`",
            step.span,
            hint="add `path:` with a file of the project, or `url:`",
        )
        return _Location(None, None)
    path, url = read_text(path_node, "`path`", problems), read_text(url_node, "`url`", problems)
    if path_node is not None and url_node is not None:
        problems.warn("both-keys", f"a {kind} step has `path` and `url`: only `path` is used", url_node.span, hint="keep one of the two")
        url = None
    if url is not None and url_node is not None and not url.lower().startswith(("https://", "http://")):
        problems.error(
            "invalid-url", "`url` must start with `https://` or `http://`", url_node.span, hint="use `path:` for a file of the project"
        )
    return _Location(None if path is None else directory / path, url)
