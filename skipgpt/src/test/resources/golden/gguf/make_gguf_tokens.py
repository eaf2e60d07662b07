"""Makes GGUF files that hold a small tokenizer each and says which ids other libraries give for some texts.

Run from anywhere: python make_gguf_tokens.py   (pip: gguf, tokenizers, sentencepiece)
tokens-PRE.gguf holds a byte-level BPE trained here with the word splitting that PRE stands for in llama.cpp (the patterns are
those of the models' own tokenizer.json); its ids come from the tokenizers library. tokens-llama.gguf holds a SentencePiece
BPE with byte fallback; its ids come from the sentencepiece library, with the beginning mark that add_bos_token asks for.
tokens.json has, by file, the ids of each text.
"""

import io
import json
from pathlib import Path

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
PEOPLE = ["Anna", "the fisher", "a quiet owl", "der Bäcker", "nobody", "she", "my neighbour's dog"]
DOES = ["walks to the harbour", "reads 12345 pages", "doesn't know what they'll do", "kauft Brötchen", "wrote x = y_1 + 2.5;"]
WHERE = ["in the rain.", "at 10:30 in 2026!", "\tbehind the mill\n", "für 99 Cent ...", "under  two  spaces,"]
TEXT = [f"{p} {d} {w}" for p in PEOPLE for d in DOES for w in WHERE]
PROBES = [
    "Anna walks to the harbour in the rain.",
    "They'll say IT'S 1234567 o'clock, we've 42 left",
    "  two  spaces\n\n\nand lines\r\n\tand a tab   ",
    "Grüße, naïve café; 日本語のテキスト и русский",
    "emoji \U0001f60a\u200d and e\u0301 composed late",
    "for (int i = 0; i < 10; i++) { x[i] += 1e-3; }",
    "a<|end|>b <|end|> <|mark|>c",
    "",
]


def write(name, fill):
    w = gguf.GGUFWriter(HERE / f"tokens-{name}.gguf", "llama")
    # a shape, which every file of a model has; there are no weights
    w.add_block_count(1)
    w.add_context_length(64)
    w.add_embedding_length(8)
    w.add_feed_forward_length(16)
    w.add_head_count(2)
    w.add_head_count_kv(2)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_rope_freq_base(10000.0)
    fill(w)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def byte_level(pre, splits, normalizer=None, ignore_merges=False, bos=False):
    t = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    t.pre_tokenizer = splits
    t.decoder = decoders.ByteLevel()
    if normalizer:
        t.normalizer = normalizer
    t.train_from_iterator(TEXT, trainers.BpeTrainer(
        vocab_size=420, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.add_special_tokens([AddedToken("<|mark|>", special=True), AddedToken("<|end|>", special=True)])
    vocabulary = sorted(t.get_vocab(), key=t.get_vocab().get)
    merges = [m if isinstance(m, str) else " ".join(m) for m in json.loads(t.to_str())["model"]["merges"]]

    def fill(w):
        w.add_tokenizer_model("gpt2")
        w.add_tokenizer_pre(pre)
        w.add_token_list(vocabulary)
        w.add_token_types([gguf.TokenType.CONTROL if v.startswith("<|") else gguf.TokenType.NORMAL for v in vocabulary])
        w.add_token_merges(merges)
        w.add_bos_token_id(t.token_to_id("<|mark|>"))
        w.add_eos_token_id(t.token_to_id("<|end|>"))

    write(pre, fill)
    mark = [t.token_to_id("<|mark|>")] if bos else []
    return [mark + t.encode(p).ids for p in PROBES]


def sentence_piece():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT), model_writer=model, vocab_size=420, model_type="bpe", byte_fallback=True,
        character_coverage=1.0, normalization_rule_name="identity", remove_extra_whitespaces=False, minloglevel=2,
        allow_whitespace_only_pieces=True)
    sp = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    size = sp.get_piece_size()
    kind = gguf.TokenType

    def type_of(i):
        return (kind.UNKNOWN if sp.is_unknown(i) else kind.CONTROL if sp.is_control(i)
                else kind.BYTE if sp.is_byte(i) else kind.NORMAL)

    def fill(w):
        w.add_tokenizer_model("llama")
        w.add_tokenizer_pre("default")
        w.add_token_list([sp.id_to_piece(i) for i in range(size)])
        w.add_token_scores([sp.get_score(i) for i in range(size)])
        w.add_token_types([type_of(i) for i in range(size)])
        w.add_bos_token_id(sp.bos_id())
        w.add_eos_token_id(sp.eos_id())
        w.add_unk_token_id(sp.unk_id())
        w.add_add_bos_token(True)

    write("llama", fill)
    return [[sp.bos_id()] + sp.encode(p) for p in PROBES]


def pattern(regex):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(regex), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
ids = {
    "gpt-2": byte_level("gpt-2", gpt2),
    "smollm": byte_level("smollm", pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2])),
    "llama-bpe": byte_level("llama-bpe", pattern(LLAMA3), ignore_merges=True, bos=True),
    "qwen2": byte_level("qwen2", pattern(QWEN2), normalizer=normalizers.NFC()),
    "llama": sentence_piece(),
}
(HERE / "tokens.json").write_text(json.dumps({"texts": PROBES, "ids": ids}, indent=1) + "\n")
