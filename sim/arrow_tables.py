"""Columns with units as Arrow tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.sim.atomic import write_file

if TYPE_CHECKING:
    import pandas as pd

_TABLE = re.compile(r"[a-z][a-z0-9_]*")


def require_table_name(name: str) -> None:
    """Refuse what is no name of a table, with a ValueError."""
    if not _TABLE.fullmatch(name):
        raise ValueError(f"table name: given {name!r}; allowed: lower-case letters, digits and underscores")


def arrow_table(name: str, data: Mapping[str, Any] | pd.DataFrame, units: Mapping[str, str]) -> Any:
    """Return columns of equal length with their units as an Arrow table; ValueError where they do not fit."""
    import pyarrow as pa

    require_table_name(name)
    arrays = {str(key): _arrow_array(values) for key, values in data.items()}
    lengths = {key: len(array) for key, array in arrays.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"table {name!r}: given lengths {lengths}; allowed: one column or more, equally long")
    if unknown := sorted(set(units) - set(arrays)):
        raise ValueError(f"table {name!r}: units for {', '.join(unknown)}; its columns: {', '.join(arrays)}")
    if bare := [key for key, array in arrays.items() if pa.types.is_floating(array.type) and key not in units]:
        raise ValueError(f"table {name!r}: no unit for {', '.join(bare)}; give one each, '1' if dimensionless")
    fields = [pa.field(k, a.type, metadata={"unit": units[k]} if k in units else None) for k, a in arrays.items()]
    return pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))


def write_parquet(path: Path, columns: Mapping[str, Any], units: Mapping[str, str]) -> Path:
    """Write one table by itself, atomically; equal columns give equal bytes.

    Parameters
    ----------
    path : Path
        Parquet file, named after the table.
    columns : mapping
        Columns of equal length.
    units : mapping
        Unit of each column of decimal numbers.

    Raises
    ------
    ValueError
        If lengths differ or a column of decimal numbers has no unit.
    OSError
        If it cannot be written.
    """
    import pyarrow.parquet as pq

    table = arrow_table(path.stem, columns, units)
    return write_file(path, lambda f: pq.write_table(table, f, compression="zstd"))


def read_parquet(files: Sequence[Path]) -> pd.DataFrame:
    """Return the rows of files of one table, one after the other."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    frame: pd.DataFrame = rows.to_pandas()
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        if column.null_count and pa.types.is_integer(column.type):  # whole numbers stay whole where some are missing
            frame[name] = column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame


def units_in(file: Path) -> dict[str, str]:
    """Return the units of a file's columns, of those that have one."""
    import pyarrow.parquet as pq

    schema = pq.read_schema(file)
    return {f.name: f.metadata[b"unit"].decode() for f in schema if b"unit" in (f.metadata or {})}


def _arrow_array(values: Any) -> Any:
    """Turn a column into an Arrow array; a nan stays a value, since a price may be absent by rule."""
    import pyarrow as pa

    plain = values if hasattr(values, "dtype") else np.asarray(values)
    if plain.dtype.kind == "M":
        return pa.array(np.asarray(plain).astype("datetime64[ms]"))
    if plain.dtype.kind in "iufb" and isinstance(plain.dtype, np.dtype):
        return pa.array(np.asarray(plain), from_pandas=False)
    if plain.dtype.kind == "U" or (plain.dtype.kind == "O" and not len(plain)):
        return pa.array(list(plain), pa.string())
    array = pa.array(plain, from_pandas=True)
    return pa.array(array.to_pylist(), pa.string()) if pa.types.is_large_string(array.type) else array
