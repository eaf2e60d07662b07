"""Makes small GGUF files from the family checkpoints beside this folder and says what other readers find in them.

Run from anywhere: python make_gguf.py [NAME ...]   (all where none is named; pip: gguf, transformers, torch)
NAME.gguf is written with the gguf package, in the layout of llama.cpp's converter: rows of LLaMA's query and key
projections interleaved, one added to Gemma's norm weights, a tensor of rotary factors for Llama 3.1. NAME.json holds the
sha256 of every tensor's fp32 bytes after transformers has read the file back under Hugging Face names (for Qwen3, whose
head width transformers does not take from such files, and SmolLM3 and OLMo 2, which it does not read from them,
after the gguf package has turned the blocks into floats).
llama3.gguf carries the rotary factors of Llama 3.1, llama31.gguf factors of another original context, which are refused.
blocks.gguf holds random blocks of the K-quants, blocks.safetensors the floats the gguf package makes of them.
"""

import hashlib
import json
import math
import struct
import sys
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from safetensors.numpy import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = Path(__file__).resolve().parent
TYPE = gguf.GGMLQuantizationType
INSIDE = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}
OUTSIDE = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
           "lm_head.weight": "output.weight"}
INTERLEAVED = ("llama", "smollm3")
# one type after another, so that each is met in some matrix
CYCLE = [TYPE.Q8_0, TYPE.Q4_0, TYPE.Q4_1, TYPE.Q5_0, TYPE.Q5_1, TYPE.BF16, TYPE.F16]


def interleave(w, heads):
    out = w.reshape(heads, 2, w.shape[0] // heads // 2, *w.shape[1:]).swapaxes(1, 2)
    return np.ascontiguousarray(out.reshape(w.shape))


def separate(w, heads):
    out = w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2)
    return np.ascontiguousarray(out.reshape(w.shape))


def stored_name(name, behind):
    if name in OUTSIDE:
        return OUTSIDE[name]
    _, _, layer, rest = name.split(".", 3)
    part, kind = rest.rsplit(".", 1)
    behind_names = {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
                    "post_feedforward_layernorm": "post_ffw_norm"}
    llama_names = {"post_attention_layernorm": "ffn_norm"}
    return f"blk.{layer}.{ {**INSIDE, **(behind_names if behind else llama_names)}[part] }.{kind}"


def write(family, arch):
    folder = HERE.parent / "families" / family
    config = json.loads((folder / "config.json").read_text())
    w = gguf.GGUFWriter(HERE / f"{family}.gguf", arch)
    w.add_block_count(config["num_hidden_layers"])
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(config["num_attention_heads"])
    w.add_head_count_kv(config["num_key_value_heads"])
    head = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
    w.add_key_length(head)
    w.add_value_length(head)
    w.add_layer_norm_rms_eps(config["rms_norm_eps"])
    w.add_rope_freq_base(config.get("rope_theta", 10000.0))
    w.add_vocab_size(config["vocab_size"])
    gemma = arch.startswith("gemma")
    if gemma:
        w.add_sliding_window(config["sliding_window"])
    if arch == "gemma2":
        w.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        w.add_final_logit_softcapping(config["final_logit_softcapping"])
    scaling = config.get("rope_scaling")
    if scaling and scaling["rope_type"] == "linear":
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(scaling["factor"])
        scaling = None
    if family == "llama3":
        scaling = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
    if scaling:
        half = head // 2
        factors = []
        for i in range(half):
            frequency = config["rope_theta"] ** (-i / half)
            turns = scaling["original_max_position_embeddings"] * frequency / (2 * math.pi)
            low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
            smooth = min(1, max(0, (turns - low) / (high - low)))
            factors.append(1 / ((1 - smooth) / scaling["factor"] + smooth))
        w.add_tensor("rope_freqs.weight", np.array(factors, dtype=np.float32))
    turn = 0
    sums = {}
    for name, tensor in load_file(folder / "model.safetensors").items():
        t = tensor.astype(np.float32)
        over = {"q": "num_attention_heads", "k": "num_key_value_heads"}.get(name.removesuffix("_proj.weight")[-1])
        heads = config[over] if arch in INTERLEAVED and name.endswith("_proj.weight") and over else 0
        if heads:
            t = interleave(t, heads)
        if gemma and name.endswith("norm.weight"):
            t = t + 1
        kind = TYPE.F32
        if t.ndim == 2:
            kind = CYCLE[turn % len(CYCLE)]
            turn += 1
            if kind not in (TYPE.F16, TYPE.BF16) and t.shape[1] % 32:
                kind = TYPE.F16
        packed = gguf.quants.quantize(t, kind)
        floats = gguf.quants.dequantize(packed, kind).astype(np.float32)
        sums[name] = sha(separate(floats, heads) if heads else floats)
        w.add_tensor(stored_name(name, gemma or arch == "olmo2"), packed, raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    return sums


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def read_back(family):
    model = AutoModelForCausalLM.from_pretrained(HERE, gguf_file=f"{family}.gguf", dtype=torch.float32)
    sums = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        sums[name] = sha(tensor.numpy())
    return sums


def blocks():
    rng = np.random.default_rng(7)
    w = gguf.GGUFWriter(HERE / "blocks.gguf", "llama")
    for key in ("block_count", "context_length", "embedding_length", "feed_forward_length"):
        w.add_uint32(f"llama.{key}", 256)
    w.add_head_count(4)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(2)
    names = ["attn_q", "attn_v", "attn_output", "ffn_gate", "ffn_up"]
    floats = {}
    for layer, kind in enumerate([TYPE.Q2_K, TYPE.Q3_K, TYPE.Q4_K, TYPE.Q5_K, TYPE.Q6_K]):
        size = gguf.GGML_QUANT_SIZES[kind][1]
        raw = rng.integers(0, 256, (2, size), dtype=np.uint8)
        half = {TYPE.Q2_K: (80, 82), TYPE.Q3_K: (108,), TYPE.Q4_K: (0, 2), TYPE.Q5_K: (0, 2), TYPE.Q6_K: (208,)}[kind]
        for row in raw:
            for at in half:  # scales that are no NaN
                row[at:at + 2] = np.frombuffer(struct.pack("<e", float(rng.normal(0, 0.01))), dtype=np.uint8)
        w.add_tensor(f"blk.{layer}.attn_v.weight", raw, raw_dtype=kind)
        floats[f"model.layers.{layer}.self_attn.v_proj.weight"] = gguf.quants.dequantize(raw, kind).astype(np.float32)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    save_file(floats, HERE / "blocks.safetensors")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["blocks", "llama3", "llama31", "qwen3", "gemma2", "gemma3", "smollm3", "olmo2"]
    if "blocks" in wanted:
        blocks()
    for family, arch in (("llama3", "llama"), ("llama31", "llama"), ("qwen3", "qwen3"), ("gemma2", "gemma2"),
                         ("gemma3", "gemma3"), ("smollm3", "smollm3"), ("olmo2", "olmo2")):
        if family not in wanted:
            continue
        sums = write(family, arch)
        if family == "llama31":
            continue
        sums = sums if family in ("qwen3", "smollm3", "olmo2") else read_back(family)
        (HERE / f"{family}.json").write_text(json.dumps(sums, indent=0, sort_keys=True) + "\n")
    (HERE / "versions.txt").write_text(
        f"gguf {__import__('importlib.metadata').metadata.version('gguf')}\ntransformers {transformers.__version__}\ntorch {torch.__version__}\nnumpy {np.__version__}\n")
