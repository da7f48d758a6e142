"""Pages for people whose request could not be answered: what happened, in plain words."""

from html import escape

from orchestrator.replica.http.exchange import HttpRequest, HttpResponse
from orchestrator.replica.http.gateway.failures import GatewayError

__all__ = ["error_page"]

_STYLE = """
:root { color-scheme: light dark; --text: #1c1c22; --quiet: #62626d; --ground: #fbfbfd; --card: #fff; --line: #dcdce4; --mark: #c2410c; }
@media (prefers-color-scheme: dark) {
  :root { --text: #ececf1; --quiet: #a2a2ae; --ground: #17171b; --card: #202026; --line: #3a3a44; --mark: #fb923c; }
}
* { box-sizing: border-box }
body { margin: 0; padding: 12vh 1rem 2rem; background: var(--ground); color: var(--text); font: 1rem/1.6 system-ui, sans-serif }
main { max-width: 42rem; margin: 0 auto; padding: 1.5rem 2rem; background: var(--card); border: 1px solid var(--line);
  border-top: 4px solid var(--mark); border-radius: .5rem; overflow-wrap: anywhere }
h1 { margin: 0 0 .75rem; font-size: 1.4rem; line-height: 1.3 }
p { margin: 0 0 1rem }
a { color: inherit }
small { color: var(--quiet) }
"""
_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{text}</p>
{links}<small>HTTP {status}, from the gateway of a local network</small>
</main>
</body>
</html>
"""
_SAFETY = (
    ("cache-control", "no-store"),
    ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("x-content-type-options", "nosniff"),
)


def error_page(error: GatewayError, request: HttpRequest) -> HttpResponse:
    """Make a page for browsers, which say that they take HTML, and plain text for everybody else."""
    if "text/html" in request.header("accept"):
        links = "".join(f'<p>{escape(link.words)}<br><a href="{escape(link.url)}">{escape(link.url)}</a></p>\n' for link in error.links)
        text = _TEMPLATE.format(status=error.status, title=escape(error.title), text=escape(error.text), links=links, style=_STYLE)
        kind = "text/html"
    else:
        text = "\n".join([f"{error.title}.", error.text, *(f"{link.words} {link.url}" for link in error.links), ""])
        kind = "text/plain"
    return HttpResponse(status=error.status, body=text.encode(), headers=(("content-type", f"{kind}; charset=utf-8"), *_SAFETY))
