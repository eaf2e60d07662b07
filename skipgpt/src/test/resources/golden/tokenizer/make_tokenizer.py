"""Ids which Hugging Face tokenizers gives for odd texts with the tokenizer of the embedded world.

    python make_tokenizer.py ../../../../../../datasets/world/tokenizer.json
"""
import json
import pathlib
import sys

import tokenizers

TEXTS = [
    "",
    " ",
    "   three spaces, then\ttab\n\nand two new lines\r\n",
    "A fox lives in or near a den.",
    "Question: What does a fox eat?\nAnswer: mice",
    "It's 1234567890 o'clock, isn't it? We'll see; they've gone.",
    "naïve café – “quoted” … €5, 100 % ½",
    "Füchse größer, Ελληνικά, русский, العربية, עברית",
    "日本語のテキスト、中文文本。한국어",
    "emoji 🦊🐻‍❄️👩🏽‍🚀 and flags 🇩🇪🇫🇷",
    "combining e\u0301 versus \u00e9, zero\u200bwidth, no\u00a0break, line\u2028separator, next\u0085line",
    "\ufeffbyte order mark, \u0000 nul, \u0001 control, \u007f delete, \ufffd replacement",
    "the last planes: \U0010fffd \U000e0041 \U0002a6d6",
    "mathematical 𝔸𝕓𝕔 and old 𐍈𐎠𒀀",
    "a <s> inside </s> and <unk> too",
    "x" * 100,
    "?!?!...---***(((",
    "trailing space ",
]

here = pathlib.Path(__file__).parent
tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
cases = []
for text in TEXTS:
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    cases.append(
        {
            "text": text,
            "ids": ids,
            "ids_with_bos": tokenizer.encode(text).ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=True),
        }
    )
lines = ",\n".join(json.dumps(case) for case in cases)
(here / "world.json").write_text("[\n" + lines + "\n]\n")
(here / "versions.txt").write_text(f"tokenizers {tokenizers.__version__}\n")
for case in cases:
    if case["text"] != case["decoded"]:
        print("does not come back:", json.dumps(case["text"]), json.dumps(case["decoded"]))
