"""The workflow whose results the golden stores hold; it never changes."""

from pathlib import Path

from hookline import attempt, log_metric, step, workflow


@step
def numbers(count: int) -> list[int]:
    return list(range(count))


@step
def blown_up(number: int) -> bytes:
    return bytes([number]) * 5_000


@step
def written(parts: list[bytes]) -> Path:
    print("writing", len(parts))
    log_metric("parts", len(parts))
    path = attempt().folder / "parts.bin"
    path.write_bytes(b"".join(parts))
    return path


@step
def weighed(file: Path) -> int:
    return file.stat().st_size


@workflow
def golden(count: int = 3):
    return weighed(written(blown_up.map(number=numbers(count))))
