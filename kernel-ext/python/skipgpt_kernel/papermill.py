"""Papermill's parameters in Java: papermill loads this as an engine's entry point, and finds the translator by the language.

The parameters cell declares the variables; the cell that papermill adds assigns to them, so that each keeps its type.
"""

import json
import math

from papermill.engines import NBClientEngine
from papermill.translators import Translator, papermill_translators


class JavaTranslator(Translator):
    """Writes values as Java."""

    @classmethod
    def translate_escaped_str(cls, str_val):
        return json.dumps(str(str_val))  # JSON's escapes are Java's, too

    @classmethod
    def translate_none(cls, val):
        return "null"

    @classmethod
    def translate_bool(cls, val):
        return "true" if val else "false"

    @classmethod
    def translate_int(cls, val):
        if -(2**31) <= val < 2**31:
            return str(val)
        if -(2**63) <= val < 2**63:
            return f"{val}L"
        return f'new java.math.BigInteger("{val}")'

    @classmethod
    def translate_float(cls, val):
        if math.isfinite(val):
            return repr(val)
        return "Double.NaN" if math.isnan(val) else ("-" if val < 0 else "") + "Double.POSITIVE_INFINITY"

    @classmethod
    def translate_dict(cls, val):
        entries = [(cls.translate(str(k)), cls.translate(v)) for k, v in val.items()]
        if None in val.values():  # Java's short forms take no null
            return "new java.util.LinkedHashMap<>() {{ %s }}" % " ".join(f"put({k}, {v});" for k, v in entries)
        return "java.util.Map.ofEntries(%s)" % ", ".join(f"java.util.Map.entry({k}, {v})" for k, v in entries)

    @classmethod
    def translate_list(cls, val):
        items = ", ".join(cls.translate(item) for item in val)
        if None not in val:
            return f"java.util.List.of({items})"
        return f"java.util.Arrays.asList({items})" if len(val) > 1 else "java.util.Collections.singletonList(null)"

    @classmethod
    def comment(cls, cmt_str):
        return f"// {cmt_str}".strip()

    @classmethod
    def assign(cls, name, str_val):
        return f"{name} = {str_val};"


papermill_translators.register("java", JavaTranslator)


class Engine(NBClientEngine):
    """Papermill's own engine; entry points of engines are the only ones that papermill loads by itself."""
