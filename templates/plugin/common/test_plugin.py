"""Runs the built plugin in its sandbox, against a canister that is not there: no network is needed."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMPONENT = next((path for path in (HERE / "plugin.wasm", HERE / "target/wasm32-wasip2/release/plugin.wasm") if path.exists()), None)

pytestmark = pytest.mark.skipif(COMPONENT is None, reason="build the plugin first")


@pytest.fixture
def sync(sync_plugin, tmp_path):
    """Run the plugin over these texts, with a canister that answers as `replies` say."""

    def run(texts, **replies):
        for key, text in texts.items():
            path = tmp_path / "texts" / f"{key}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return sync_plugin(COMPONENT, directory=tmp_path, dirs=["texts"], replies={"get": "(null : opt text)", **replies})

    return run


def calls(report):
    """Return the calls that a run made, as text."""
    return [f"{call.type} {call.method} {call.arg_text}" for call in report.calls]


def test_new_texts_are_sent(sync):
    """A canister that knows nothing is sent every text, under its path."""
    report = sync({"en": "Hello!\n", "europe/gsw": "Grüezi!"})

    assert report.result == "ok", report.error
    assert calls(report) == [
        'query get ("en")',
        'query get ("europe/gsw")',
        'update put ("en", "Hello!\\n")',
        'update put ("europe/gsw", "Grüezi!")',
    ]
    assert report.stdout == ("sent en", "sent europe/gsw")
    assert report.stderr == ("2 sent, 0 unchanged",)


def test_only_what_differs_is_sent(sync):
    """A second run, or one after a change, sends no more than needed."""
    report = sync({"a": "same", "b": "new"}, get=['(opt "same" : opt text)', '(opt "old" : opt text)'])

    assert calls(report)[2:] == ['update put ("b", "new")']
    assert report.stderr == ("1 sent, 1 unchanged",)


def test_nothing_is_sent_when_nothing_differs(sync):
    """What the canister has is not sent again, however often the step runs."""
    report = sync({"a": "same", "b": "same"}, get='(opt "same" : opt text)')

    assert report.result == "ok", report.error
    assert calls(report) == ['query get ("a")', 'query get ("b")']
    assert (report.stdout, report.stderr) == ((), ("0 sent, 2 unchanged",))


def test_long_texts_arrive_whole(sync):
    """Nothing depends on how long a text is."""
    text = "ü" * 100_000
    report = sync({"long": text})

    assert report.result == "ok", report.error
    assert report.calls[1].arg.endswith(text.encode())


@pytest.mark.parametrize(
    ("texts", "replies", "error"),
    [
        ({"a": "1"}, {"get": "(1 : nat)"}, "`get` of a did not answer an optional text"),
        ({"a": b"\xff"}, {}, "a.txt is not UTF-8"),
    ],
)
def test_errors_say_what_is_wrong(sync, texts, replies, error):
    """The user reads which text it is about, and why."""
    report = sync(texts, **replies)

    assert report.result == "err"
    assert error in report.error


def test_a_refusal_of_the_canister_is_passed_on(sync):
    """What the canister says ends up in the error."""
    from orchestrator import CallFailure

    report = sync({"a": "1"}, put=CallFailure("only controllers may write"))

    assert (report.result, report.stdout) == ("err", ())
    assert report.error == "`put` of a failed: only controllers may write"


def test_a_step_without_directories_is_an_error(sync_plugin):
    """A step that declares no directory would never send anything."""
    report = sync_plugin(COMPONENT)

    assert (report.result, report.error) == ("err", "no directory to read: declare one under `dirs`")
