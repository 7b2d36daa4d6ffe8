"""What is sent of files that arguments name."""

from __future__ import annotations

import os
from pathlib import Path

from hookline.executors.ray.files import file_messages
from hookline.executors.ray.wire import FILE, FILE_END


def test_what_never_ends_is_not_sent(tmp_path: Path) -> None:
    """Pipes, devices and links to nothing are left out, links that lead back are not followed; all else is sent."""
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("a")
    (folder / "sub" / "back").symlink_to(folder, target_is_directory=True)
    (folder / "zeros").symlink_to("/dev/zero")
    (folder / "sub" / "_nothing").symlink_to("nothing")
    os.mkfifo(folder / "pipe")
    sent = [*file_messages([("folder", None), ("folder/pipe", None)], str(tmp_path))]
    assert sent == [
        (FILE, "folder", ".", "folder", b""),
        (FILE, "folder", "sub", "folder", b""),
        (FILE, "folder", "sub/a.txt", "file", b"a"),
        (FILE_END, "folder"),
        (FILE_END, "folder/pipe"),
    ]
