"""Pages for people whose request could not be answered: what happened, in plain words."""

from html import escape

from orchestrator.replica.http.exchange import HttpResponse

__all__ = ["page"]

_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem }}</style>
</head>
<body>
<h1>{title}</h1>
<p>{text}</p>
<p><small>HTTP {status}, from the gateway of a local network</small></p>
</body>
</html>
"""


def page(status: int, title: str, text: str) -> HttpResponse:
    """Make a page; both texts are escaped."""
    body = _TEMPLATE.format(status=status, title=escape(title), text=escape(text))
    return HttpResponse(
        status=status, body=body.encode(), headers=(("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store"))
    )
