"""Files of the web, from a server on this machine."""

from __future__ import annotations

import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hookline import HooklineError

FILES = {"/a.csv": b"x\n1\n", "/short.csv": b"x\n1\n2\n", "/tokens.csv": b"x\n5\n"}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path in ("/moved", "/round"):
            self.send_response(302)
            self.send_header("Location", query if path == "/moved" else self.path)
            self.end_headers()
            return
        content = FILES.get(path)
        if content is None or (path == "/tokens.csv" and query != "token=hush-hush"):
            self.send_error(404 if content is None else 403)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) + (10 if path == "/short.csv" else 0)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_file_of_the_web_is_fetched_and_read(make_source, library, server):
    """Like one that is here."""
    assert make_source(uri=f"{server}/a.csv").rows(library) == [{"x": 1}]


def test_what_can_not_be_had_or_not_all_of_it_is_told(make_source, library, server):
    """With what the server says; never half a file."""
    with pytest.raises(HooklineError, match="the server says 404"):
        make_source(uri=f"{server}/gone.csv").load(library)
    with pytest.raises(HooklineError, match=r"16 bytes, of which 6 came|6 bytes"):
        make_source(uri=f"{server}/short.csv").load(library)
    with pytest.raises(HooklineError, match=r"can't be fetched from http://127.0.0.1:1/a.csv"):
        make_source(uri="http://127.0.0.1:1/a.csv").load(library)


def test_an_address_with_a_token_is_a_secret(make_source, library, server, monkeypatch):
    """It is shown by its place only."""
    monkeypatch.setenv("TOKENS_OF_TESTS", f"{server}/tokens.csv?token=hush-hush")
    source = make_source(uri="env:TOKENS_OF_TESTS", format="csv", schema={"columns": {"x": "int"}})
    assert source.rows(library) == [{"x": 5}]
    monkeypatch.setenv("TOKENS_OF_TESTS", f"{server}/gone.csv?token=hush-hush")
    with pytest.raises(HooklineError, match="env:TOKENS_OF_TESTS") as caught:
        source.load(library)
    assert "hush-hush" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "{server}/a b.csv?token=S3CRET",
        "{server}/ä.csv?token=S3CRET",
        "http://user:S3CRET@127.0.0.1:1/a.csv",
        "http://user:S3CRET/x@127.0.0.1/a.csv",
        "http://[S3CRET/a.csv",
        "http:///a.csv?S3CRET",
        "http://127.0.0.1:S3CRET/a.csv",
        "ftp://S3CRET@127.0.0.1/a.csv",
    ],
)
def test_no_message_has_anything_of_a_secret_address(make_source, server, monkeypatch, address):
    """Also where the address is no sound one, which libraries quote."""
    monkeypatch.setenv("ADDRESS_OF_TESTS", address.format(server=server))
    with pytest.raises(HooklineError, match="env:ADDRESS_OF_TESTS") as caught:
        make_source(uri="env:ADDRESS_OF_TESTS", format="csv").load("polars")
    assert "S3CRET" not in "".join(traceback.format_exception(caught.value))


def test_a_web_address_can_not_be_written(make_source, library, server):
    """Nothing is sent."""
    source = make_source(uri=f"{server}/a.csv")
    with pytest.raises(HooklineError, match="can't be written"):
        source.write(source.load(library))


@pytest.mark.parametrize("target", ["file:///etc/hostname?token=hush", "ftp://127.0.0.1/a.csv", "/round?token=hush"])
def test_a_redirect_stays_within_the_web(make_source, library, server, target):
    """It leads to no file of this machine, to no other protocol and not in circles; where to is not told."""
    with pytest.raises(HooklineError) as caught:
        make_source(uri=f"{server}/moved?{target}", format="csv").load(library)
    assert "the server says 302; it redirects in circles, or to what is no address of the web" in str(caught.value)
    assert "hush" not in str(caught.value)
