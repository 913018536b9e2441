"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile


def write(path: str | Path, content: str | bytes) -> Path:
    """`content` as the file `path` (text in UTF-8), its folders made; what stood there stays if this fails."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as half:
        try:
            half.write(content.encode("utf-8") if isinstance(content, str) else content)
            half.close()
            os.chmod(half.name, 0o666 & ~_umask())
            os.replace(half.name, target)
        except BaseException:
            half.close()
            os.unlink(half.name)
            raise
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
