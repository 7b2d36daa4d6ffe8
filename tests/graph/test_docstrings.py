"""What docstrings say of a function."""

from __future__ import annotations

import pytest

from hookline.graph.docstrings import docstring_parameters, docstring_text

GOOGLE = """Say a name.

    Twice: as loud as one likes.

    Args:
        name: What to say,
            in full.

    Returns:
        Nothing.
    """
NUMPY = """Say a name.

    Twice: as loud as one likes.

    Parameters
    ----------
    name : str
        What to say,
        in full.
    """
SPHINX = """Say a name.

    Twice: as loud as one likes.

    :param str name: What to say,
        in full.
    """


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_text_and_parameters_are_told_apart_in_each_style(docstring: str) -> None:
    """The text goes as far as the first section, and each parameter has its own."""
    assert docstring_text(docstring) == "Say a name.\n\nTwice: as loud as one likes."
    assert docstring_parameters(docstring) == {"name": "What to say, in full."}


@pytest.mark.parametrize("docstring", ["", "One line.", "One line.\n\nNote that: it goes on."])
def test_a_docstring_without_sections_is_text_as_a_whole(docstring: str) -> None:
    """Nothing is taken for a section that is none."""
    assert docstring_text(docstring) == docstring
    assert docstring_parameters(docstring) == {}
