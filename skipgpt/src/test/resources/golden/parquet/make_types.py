"""Writes the parquet files of many types and codecs beside it, and what pyarrow reads from them (types.json).

Made with Python 3.11, pyarrow 26.0.1. Numbers of more than 53 bits and decimals stand in types.json as texts.
"""

import decimal
import json

import pyarrow
import pyarrow.parquet

table = pyarrow.table(
    {
        "u8": pyarrow.array([0, 200, None], pyarrow.uint8()),
        "u32": pyarrow.array([0, 4_000_000_000, None], pyarrow.uint32()),
        "u64": pyarrow.array([1, 18_000_000_000_000_000_000, None], pyarrow.uint64()),
        "i64": pyarrow.array([-1, 9_000_000_000_000_000_000, None], pyarrow.int64()),
        "d9": pyarrow.array([decimal.Decimal("-1.50"), decimal.Decimal("1234567.89"), None], pyarrow.decimal128(9, 2)),
        "d38": pyarrow.array(
            [decimal.Decimal("-0.000001"), decimal.Decimal("12345678901234567890.123456"), None],
            pyarrow.decimal128(38, 6),
        ),
        "nested": pyarrow.array([[["a"], []], [None, ["b", None]], None], pyarrow.list_(pyarrow.list_(pyarrow.string()))),
        "records": pyarrow.array(
            [[{"k": 1, "v": "x"}], [], None],
            pyarrow.list_(pyarrow.struct([("k", pyarrow.int32()), ("v", pyarrow.string())])),
        ),
    }
)


def plain(value):
    if isinstance(value, decimal.Decimal) or (isinstance(value, int) and abs(value) > 2**53):
        return str(value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value


for codec in ["none", "gzip", "lz4", "snappy", "zstd", "brotli"]:
    pyarrow.parquet.write_table(table, f"types-{codec}.parquet", compression=codec)
    again = pyarrow.parquet.read_table(f"types-{codec}.parquet")
    assert again.to_pylist() == table.to_pylist()
# Decimals of up to 18 digits as whole numbers, as other writers store them.
pyarrow.parquet.write_table(table, "types-integer.parquet", store_decimal_as_integer=True)
# One row whose list repeats one element thirty million times: 637 bytes that would fill the memory.
values = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 30_000_000, pyarrow.int8()), ["x"])
bomb = pyarrow.ListArray.from_arrays(pyarrow.array([0, 30_000_000], pyarrow.int32()), values)
pyarrow.parquet.write_table(pyarrow.table({"text": bomb}), "bomb.parquet", compression="zstd")
with open("types.json", "w") as out:
    json.dump({"pyarrow": pyarrow.__version__, "rows": [plain(row) for row in table.to_pylist()]}, out, indent=1)
    out.write("\n")
