from typing import Any

import numpy.typing as npt

def run(
    columns: dict[str, npt.NDArray[Any]], cancelled: bytes | bytearray
) -> tuple[bytes | None, bytes | None]: ...
