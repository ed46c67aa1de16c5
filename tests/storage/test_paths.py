"""Paths that people name: what is not wanted there is told by its type, without opening it."""

import os
import socket
from pathlib import Path

import pytest

from domain.errors import InputError
from storage.paths import parse_path, refuse_unless_file, refuse_unless_folder


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_path_is_not_the_working_directory(text: str) -> None:
    with pytest.raises(InputError, match="A path is empty"):
        parse_path(text)
    assert parse_path(".") == Path()


def test_special_files_are_no_regular_files_and_no_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket must be short
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        for name in ("pipe", "socket", "/dev/null"):
            with pytest.raises(InputError, match=f"{name} is no regular file. Name another."):
                refuse_unless_file(Path(name), "Name another.")
            with pytest.raises(InputError, match=f"{name} is no regular file and no folder"):
                refuse_unless_folder(Path(name), "Name another.")


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InputError, match=r"is a folder, no file\. Name another"):
        refuse_unless_file(tmp_path, "Name another.")
    with pytest.raises(InputError, match=r"file is a file, no folder\. Name another"):
        refuse_unless_folder(file, "Name another.")
    for path in (file, tmp_path / "nothing"):
        refuse_unless_file(path, "Name another.")
    for path in (tmp_path, tmp_path / "nothing", file / "under"):
        refuse_unless_folder(path, "Name another.")
