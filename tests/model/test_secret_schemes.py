"""Secrets of schemes that plugins register."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest

from hookline.errors import PluginError, UsageError
from hookline.graph.parameter_types import type_words
from hookline.model.masking import mask
from hookline.model.secret import SECRETS, Secret
from hookline.values.encode import decode, encode


@pytest.fixture
def vault() -> Iterator[None]:
    """Two schemes of a plugin."""
    SECRETS.register("vault", "model.vaults:read", source="hookline-vault 2.0")
    SECRETS.register("raw", "model.vaults:read_bytes", source="hookline-vault 2.0")
    yield
    SECRETS.forget("vault")
    SECRETS.forget("raw")


@pytest.mark.usefixtures("vault")
def test_a_registered_scheme_is_read_where_the_secret_is_revealed() -> None:
    """What follows the colon goes to the reader; the value is masked from then on, the place is what is stored."""
    secret: Secret[Any] = Secret("vault:db/password")
    assert secret.reveal() == "opened db/password"
    assert mask("it is opened db/password") == "it is ***"
    assert decode(encode(secret).data()) == secret


@pytest.mark.usefixtures("vault")
def test_what_a_killed_worker_printed_is_masked_for_registered_schemes_too() -> None:
    """The driver has revealed nothing itself: it reads what the secrets which came through it stand for."""
    Secret("vault:never/revealed")
    assert mask("print: opened never/revealed") == "print: ***"
    Secret("vault:gone")
    assert mask("nothing there") == "nothing there"


@pytest.mark.usefixtures("vault")
def test_what_a_reader_raises_is_not_repeated() -> None:
    """Its text may hold what must stay secret: the type, the place and who reads it are told."""
    with pytest.raises(UsageError) as caught:
        Secret("vault:gone").reveal()
    assert str(caught.value) == (
        "the secret 'vault:gone' can't be read: ConnectionError\nhelp: ask hookline-vault 2.0, which reads 'vault'"
    )
    assert caught.value.__suppress_context__
    with pytest.raises(UsageError, match=r"the secret 'raw:x' is no text but of type 'bytes'"):
        Secret("raw:x").reveal()


def test_an_unknown_scheme_is_met_with_those_that_are_known(vault: None) -> None:
    """What was given is not repeated: it may be the secret itself."""
    with pytest.raises(UsageError) as caught:
        Secret("hunter2:really")
    assert str(caught.value) == (
        "a secret was given in the open\nhelp: give its place instead: env:NAME, file:/path, raw:… or vault:…"
    )
    assert type_words(Secret) == "a secret's place (env:NAME, file:/path, raw:… or vault:…)"


def test_a_stored_secret_of_an_absent_plugin_can_be_shown_but_not_read() -> None:
    """Loading what was recorded needs no plugin; reading the secret does, and says so."""
    SECRETS.register("vault", "model.vaults:read", source="hookline-vault 2.0")
    data = pickle.dumps(Secret("vault:db"))
    SECRETS.forget("vault")
    secret = pickle.loads(data)
    assert repr(secret) == "Secret('vault:db')"
    with pytest.raises(UsageError) as caught:
        secret.reveal()
    assert str(caught.value) == (
        "no plugin here reads secrets of the scheme 'vault'\n"
        "help: install or enable the plugin that does, here and for the run's workers; known are env:NAME or file:/path"
    )


def test_a_reader_that_cannot_be_imported_is_told_with_its_plugin() -> None:
    """As for everything that is registered by name."""
    SECRETS.register("broken", "model.no_such_module:read", source="broken 1")
    try:
        with pytest.raises(PluginError, match=r"the secret scheme .broken. of broken 1 can.t be imported"):
            Secret("broken:x").reveal()
    finally:
        SECRETS.forget("broken")
