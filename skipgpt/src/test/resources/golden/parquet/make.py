"""Writes the parquet files beside it. Made with Python 3.11, pyarrow 26.0.1."""

import pyarrow
import pyarrow.parquet

table = pyarrow.table(
    {
        "text": ["first text", "zweiter Text: naïve 🦙", None, "a\nb"],
        "id": [1, 2, 3, 4],
        "answers": [["x"], ["y", "z"], [], None],
        "s": [{"k": 1}, {"k": 2}, None, {"k": 3}],
    }
)
for codec in ["snappy", "zstd", "gzip"]:
    pyarrow.parquet.write_table(table, f"t-{codec}.parquet", compression=codec)
