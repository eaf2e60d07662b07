"""Small tokenizers in the shapes of well-known families, and the ids transformers gives with them for hard texts.

    python make_shapes.py            (transformers 4.56)

Writes shapes/NAME/* (a model folder's tokenizer files) and shapes/NAME/expected.json. Vocabularies are trained on the
texts of this script, so nothing of any published tokenizer is in them.
"""
import json
import pathlib
import shutil

import tokenizers
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer

SOURCE = pathlib.Path(__file__)
OUT = SOURCE.parent / "shapes"
TEXTS = [
    "",
    " ",
    "a",
    "Hello world",
    "  two  spaces, and a tab\t. ",
    "line\nend\r\n\r\n  indented\n",
    "It's 1234567890 o'clock, isn't it? WE'LL see; they've gone.",
    "naïve café – “quoted” … €5 ½",
    "e\u0301 is not \u00e9, \ufb01 ligature, \u00a0no break",
    "Füchse, Ελληνικά, русский, עברית, العربية",
    "日本語のテキスト、中文。한국어",
    "emoji 🦊🐻‍❄️ 🇩🇪",
    "marks <s> in </s> the <|end|> text <|im_start|>user\nhi<|im_end|>\n and <pad>.",
    "<|im_end|><|im_end|> <extra> x<extra>y",
    "▁already▁marked ▁",
    "def f(x):\n    return x**2  # 3.14e-10",
    "aaaaaaaaaaaaaaaaaaaaaaaa!!!???...",
    "\u0000 nul \u007f \ufffd \U000e0041",
]
CORPUS = TEXTS * 4 + SOURCE.read_text().splitlines() + ["Hello world, the fox lives in a den and eats mice."] * 20
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN = GPT4.replace("{1,3}", "")


def byte_level(pre, size=400, special=(), normalizer=None, template=None, **model):
    tokenizer = Tokenizer(models.BPE(**model))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        special_tokens=list(special)))
    if template:
        tokenizer.post_processor = template(tokenizer)
    return tokenizer


def split(regex):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def template(start=None, end=None):
    def make(tokenizer):
        marks = [mark for mark in (start, end) if mark]
        form = ([start] if start else []) + ["$A"] + ([end] if end else [])
        return processors.TemplateProcessing(single=form, pair=form + [f"{p}:1" for p in form[:-1]] + ["$B:1"],
                                             special_tokens=[(m, tokenizer.token_to_id(m)) for m in marks])
    return make


def piece_level(normalizer, pre, decoder, marks, size=420, start="<s>", end=None):
    fallback = [f"<0x{i:02X}>" for i in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizer
    if pre:
        tokenizer.pre_tokenizer = pre
    tokenizer.train_from_iterator(CORPUS[18:], trainers.BpeTrainer(
        vocab_size=size + 256, special_tokens=list(marks) + fallback, show_progress=False, limit_alphabet=90,
        max_token_length=8))
    # the 256 bytes are pieces, not added tokens
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] in marks]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.decoder = decoder
    tokenizer.post_processor = template(start, end)(tokenizer)
    return tokenizer


def llama_decoder():
    return decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                              decoders.Strip(" ", 1, 0)])


def llama(**more):
    return piece_level(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None,
                       llama_decoder(), ("<unk>", "<s>", "</s>"), **more)


def gpt2(special=("<|endoftext|>",), **more):
    return byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False), special=special, **more)


def qwen():
    return byte_level(split(QWEN), special=("<|endoftext|>", "<|im_start|>", "<|im_end|>"), normalizer=normalizers.NFC())


def unigram():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(CORPUS, trainers.UnigramTrainer(
        vocab_size=300, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))
    tokenizer.post_processor = template(end="</s>")(tokenizer)
    return tokenizer


def wordpiece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False))
    tokenizer.post_processor = template("[CLS]", "[SEP]")(tokenizer)
    return tokenizer


def added(content, **flags):
    return dict(dict(content=content, lstrip=False, rstrip=False, normalized=False, single_word=False, special=True),
                **flags)


GENERIC = dict(tokenizer_class="PreTrainedTokenizerFast")
LLAMA = dict(tokenizer_class="LlamaTokenizer", bos_token="<s>", eos_token="</s>", unk_token="<unk>")
GPT2 = dict(tokenizer_class="GPT2Tokenizer", bos_token="<|endoftext|>", eos_token="<|endoftext|>",
            unk_token="<|endoftext|>")

# name: tokenizer, tokenizer_config.json, other files
SHAPES = {
    "llama2": (llama, LLAMA, {}),
    "llama2-eos": (llama, dict(LLAMA, add_bos_token=True, add_eos_token=True), {}),
    "llama2-no-bos": (llama, dict(LLAMA, add_bos_token=False), {}),
    "metaspace": (lambda: piece_level(normalizers.NFC(), pre_tokenizers.Metaspace(prepend_scheme="first", split=False),
                                      llama_decoder(), ("<unk>", "<s>", "</s>")), dict(LLAMA, **GENERIC), {}),
    "llama3": (lambda: byte_level(split(GPT4), special=("<|begin_of_text|>", "<|end|>"), ignore_merges=True,
                                  template=template("<|begin_of_text|>")),
               dict(GENERIC, bos_token="<|begin_of_text|>", eos_token="<|end|>"), {}),
    "qwen2": (qwen, dict(tokenizer_class="Qwen2Tokenizer", eos_token="<|im_end|>", pad_token="<|endoftext|>",
                         bos_token=None, add_prefix_space=False), {}),
    "qwen2-files": (qwen, dict(tokenizer_class="Qwen2Tokenizer", eos_token="<|im_end|>", pad_token="<|endoftext|>",
                               unk_token=None, bos_token=None,
                               additional_special_tokens=["<|im_start|>", "<|im_end|>"]), "files"),
    "gpt2": (gpt2, GPT2, {}),
    "gpt2-files": (gpt2, dict(GPT2, additional_special_tokens=["<|end|>"]), "files"),
    "gpt2-prefix": (gpt2, dict(GPT2, add_prefix_space=True), {}),
    "gpt2-no-prefix": (lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=True), special=("<|endoftext|>",)),
                       dict(GPT2, **GENERIC), {}),
    "smollm": (lambda: byte_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                           pre_tokenizers.ByteLevel(add_prefix_space=False)]),
                                  special=("<|endoftext|>", "<|im_start|>", "<|im_end|>")),
               dict(GPT2, eos_token="<|im_end|>"), {}),
    "gemma": (lambda: piece_level(normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"),
                                  decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(),
                                                     decoders.Fuse()]),
                                  ("<pad>", "<eos>", "<bos>", "<unk>"), start="<bos>"),
              dict(tokenizer_class="GemmaTokenizer", bos_token="<bos>", eos_token="<eos>", unk_token="<unk>",
                   pad_token="<pad>"), {}),
    "eos-template": (lambda: llama(end="</s>"), dict(LLAMA, **GENERIC), {}),
    "added-decoder": (gpt2, dict(GPT2, **GENERIC, added_tokens_decoder={
        "401": added("<|im_end|>", rstrip=True), "400": added("<|im_start|>", lstrip=True),
        "402": added("<extra>", special=False, normalized=True)}, additional_special_tokens=["<|end|>"]), {}),
    "added-json": (gpt2, dict(GPT2, **GENERIC), {
        "added_tokens.json": {"<|im_end|>": 401, "<|im_start|>": 400},
        "special_tokens_map.json": dict(eos_token="<|im_end|>", additional_special_tokens=["<|im_start|>"])}),
    "added-json-dict": (gpt2, dict(GPT2, **GENERIC), {
        "added_tokens.json": {"<|im_end|>": 401, "<|im_start|>": 400},
        "special_tokens_map.json": dict(eos_token=dict(content="<|im_end|>", lstrip=False, normalized=False,
                                                       rstrip=False, single_word=False))}),
    "extra-special": (gpt2, dict(GENERIC, bos_token="", eos_token="<|endoftext|>",
                                 extra_special_tokens={"image_token": "<extra>"},
                                 additional_special_tokens=["<|im_start|>", "<|im_end|>"]), {}),
    "piece-as-special": (llama, dict(LLAMA, **GENERIC, additional_special_tokens=["th"]), {}),
    "unigram": (unigram, dict(GENERIC, eos_token="</s>", unk_token="<unk>", pad_token="<pad>"), {}),
    "wordpiece": (wordpiece, dict(GENERIC, unk_token="[UNK]", sep_token="[SEP]", cls_token="[CLS]", pad_token="[PAD]"),
                  {}),
}


def write(folder, name, value):
    (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=None if name == "tokenizer.json" else 1))


def make(name, build, config, more):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    data = json.loads(build().to_str())
    write(folder, "tokenizer_config.json", config)
    if more == "files":
        ids = dict(data["model"]["vocab"])
        write(folder, "vocab.json", ids)
        (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(m) for m in data["model"]["merges"]))
    else:
        write(folder, "tokenizer.json", data)
        for file, value in more.items():
            write(folder, file, value)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    cases = []
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        cases.append({"text": text, "ids": ids, "marked": tokenizer(text)["input_ids"],
                      "decoded": tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)})
    (folder / "expected.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    return f"{name}: {type(tokenizer).__name__}, {len(tokenizer)} tokens, eos {tokenizer.eos_token_id}"


if __name__ == "__main__":
    report = [make(name, *shape) for name, shape in SHAPES.items()]
    print("\n".join(report))
    (OUT / "versions.txt").write_text(
        f"transformers {transformers.__version__}\ntokenizers {tokenizers.__version__}\n\n" + "\n".join(report) + "\n")
