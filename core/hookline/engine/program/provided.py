"""What providers add to the steps that ask for them: to their keys and whys, and to what workers are sent."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hookline.cache.fingerprint import Fingerprinter
from hookline.errors import HooklineError, UsageError, close_match
from hookline.graph.open_arguments import OpenArgument, rooted
from hookline.graph.parameter_types import expected_type, holds_secret, type_words
from hookline.graph.parameters import validated
from hookline.model.opened import in_order
from hookline.model.parameter import Parameter, read_signature
from hookline.model.place import place_of
from hookline.model.provider import Provider, providers_in
from hookline.model.step import Step
from hookline.values.digest import digest_bytes, digest_tree

__all__ = ["NOTHING_PROVIDED", "Given", "Provided", "ProviderPart", "ProviderSettings", "provider_changes"]

Given = Mapping[str, Mapping[str, OpenArgument]]
"""By provider, by parameter name: the arguments that the project's settings or a call give."""

_Encode = Callable[[object], tuple[bytes, bytes]]
_Row = tuple[str, str, Mapping[str, list[str]]]


@dataclass(frozen=True, slots=True)
class ProviderPart:
    """What one provider adds.

    Attributes:
        name: Its name.
        code: The digest of its code.
        arguments: Its arguments that are no secrets, each as digest and value.
        data: All of its arguments as stored bytes.
        unstable: Why its code can't be compared; empty where it can.
    """

    name: str
    code: bytes
    arguments: Mapping[str, tuple[bytes, object]]
    data: Mapping[str, bytes]
    unstable: str = ""

    def digest(self) -> bytes:
        """Digest what counts as an input."""
        named = sorted((name, digest) for name, (digest, _) in self.arguments.items())
        return digest_tree(
            "provider", [self.code, *(part for name, it in named for part in (digest_bytes(name.encode()), it))]
        )


@dataclass(frozen=True, slots=True)
class Provided:
    """What all providers of a step add.

    Attributes:
        parts: Those that it asks for and what these need, in an order in which they can be opened.
        replaced: The name of one that is replaced at present; empty for none.
    """

    parts: tuple[ProviderPart, ...] = ()
    replaced: str = ""

    def digest(self) -> bytes:
        """Digest what counts as an input; empty where there are no providers."""
        return digest_tree("providers", [part.digest() for part in self.parts]) if self.parts else b""

    @property
    def unstable(self) -> str:
        """Why results are not to be reused; empty where they may be."""
        if self.replaced:
            return f"the provider '{self.replaced}' is replaced"
        return next((part.unstable for part in self.parts if part.unstable), "")

    def packed(self) -> bytes:
        """Pack arguments for workers: by provider, by name; empty where there are none."""
        data = {part.name: dict(part.data) for part in self.parts if part.data}
        return pickle.dumps(data, 5) if data else b""


NOTHING_PROVIDED = Provided()


class ProviderSettings:
    """Reads providers and their arguments, each once.

    Args:
        given: Their arguments.
        fingerprinter: Reads their code.
        encode: Encodes a value, and says what names it.
    """

    def __init__(self, given: Given, fingerprinter: Fingerprinter, encode: _Encode) -> None:
        self._given = given
        self._fingerprinter = fingerprinter
        self._encode = encode
        self._parts: dict[str, tuple[Provider[Any], ProviderPart]] = {}
        self._problems: dict[str, str] = {}

    def of(self, step: Step[..., Any]) -> Provided:
        """Give what a step's providers add; what is wrong with their arguments is told by :meth:`check`."""
        asked = providers_in(read_signature(step.fn))
        if not asked:
            return NOTHING_PROVIDED
        needed = in_order(asked.values())
        replaced = next((provider.name for provider in needed if provider.replacements), "")
        return Provided((), replaced) if replaced else Provided(tuple([self._part(provider) for provider in needed]))

    def check(self) -> None:
        """Raise what is wrong.

        Raises:
            UsageError: Arguments are wrong; all of them are named.
        """
        problems, self._problems = self._problems, {}
        if len(problems) == 1:
            ((text, remedy),) = problems.items()
            raise UsageError(text, help=remedy)
        if problems:
            lines = "".join(f"\n  - {text}" for text in problems)
            raise UsageError(f"providers can't be opened{lines}", help="\n".join(dict.fromkeys(problems.values())))

    def _part(self, provider: Provider[Any]) -> ProviderPart:
        known = self._parts.get(provider.name)
        if known is not None:
            if known[0].fn is not provider.fn:
                places = f"{place_of(known[0].fn)} and {place_of(provider.fn)}"
                text = f"two providers have the name '{provider.name}' ({places})"
                self._problems[text] = "give one of them another: @provider(name=…)"
            return known[1]
        fingerprint = self._fingerprinter.of(provider.fn)
        arguments: dict[str, tuple[bytes, object]] = {}
        data: dict[str, bytes] = {}
        for name, value, secret in self._arguments(provider):
            try:
                digest, data[name] = self._encode(value)
            except HooklineError as error:
                self._problem(provider, f"can't be given '{name}': {error.message}", name)
                continue
            if not secret:
                arguments[name] = digest, value
        part = ProviderPart(provider.name, fingerprint.digest, arguments, data, fingerprint.unstable)
        self._parts[provider.name] = provider, part
        return part

    def _arguments(self, provider: Provider[Any]) -> Iterator[tuple[str, object, bool]]:
        """Validate a provider's arguments: name, value, and whether it is a secret's."""
        signature = read_signature(provider.fn)
        parameters, opened = signature.parameters, providers_in(signature)
        given = self._given.get(provider.name, {})
        misspelt = ""
        for name, argument in given.items():
            if name in opened:
                self._problem(provider, f"is given '{name}', which the provider '{opened[name].name}' opens", name)
            elif name not in parameters:
                match = close_match(name, parameters.keys() - opened.keys())
                misspelt += match
                self._problem(provider, f"has no argument '{name}';{match}".rstrip(";"), name)
            else:
                annotation = expected_type(parameters[name])
                try:
                    yield name, _value(parameters[name], annotation, argument), holds_secret(annotation)
                except ValueError as error:
                    self._problem(provider, _wrong(name, annotation, argument.value, str(error)), name)
        for name in signature.required - given.keys() - opened.keys():
            if f"'{name}'" not in misspelt:
                others = "" if given else close_match(provider.name, self._given)
                told = f"; there are arguments for a provider of another name;{others}" if others else ""
                self._problem(provider, f"lacks the argument '{name}'{told}")

    def _problem(self, provider: Provider[Any], text: str, name: str = "") -> None:
        """Note a problem, with the place where the argument is set that it is about."""
        signature, settings = read_signature(provider.fn), f"[tool.hookline.provider.{provider.name}]"
        takes = [each for each in signature.parameters if each not in providers_in(signature)]
        remedy = f"its arguments are {', '.join(takes)}" if takes else "it takes no arguments"
        where = self._given[provider.name][name].where() if name else ""
        fact = f"the provider '{provider.name}' {text}"
        self._problems[f"{where}: {fact}" if where else fact] = f"{remedy}; set them in {settings}"


def provider_changes(old: list[_Row], new: list[_Row]) -> Iterator[str]:
    """Say what changed about a step's providers.

    Args:
        old: Per provider: name, digest of its code, and per argument its digest and how it looks; as recorded.
        new: The same of today.

    Yields:
        What changed, provider by provider.
    """
    before = {name: (code, arguments) for name, code, arguments in old}
    after = {name: (code, arguments) for name, code, arguments in new}
    for name, (code, arguments) in after.items():
        if name not in before:
            yield f"the provider '{name}' is new"
            continue
        earlier_code, earlier = before[name]
        found = [change for key in {**earlier, **arguments} if (change := _argument_change(key, earlier, arguments))]
        if code != earlier_code:
            found.append("its code")
        if found:
            yield f"provider '{name}' changed: {', '.join(found)}"
    for name in before:
        if name not in after:
            yield f"the provider '{name}' is gone"


def _argument_change(name: str, old: Mapping[str, list[str]], new: Mapping[str, list[str]]) -> str:
    if name not in old:
        return f"argument '{name}' is given now ({new[name][1]})"
    if name not in new:
        return f"argument '{name}' is not given any more"
    if old[name][0] == new[name][0]:
        return ""
    before, now = old[name][1], new[name][1]
    return f"argument '{name}' from {before} to {now}" if before != now else f"argument '{name}' ({now})"


def _value(parameter: Parameter, annotation: Any, argument: OpenArgument) -> object:
    if argument.value is None and parameter.default is None:
        return None
    value = validated(annotation, argument.value)
    return value if argument.folder is None else rooted(value, argument.folder)


def _wrong(name: str, annotation: Any, value: object, reason: str) -> str:
    shown = "what is given" if holds_secret(annotation) else f"{value!r}"
    return f"takes {type_words(annotation)} as '{name}', not {shown}{f' ({reason})' if reason else ''}"
