"""Makes one tiny random checkpoint per model family and the numbers Hugging Face transformers computes with it.

Run from anywhere: python make_families.py [NAME ...]   (all families where none is named)
Writes NAME/config.json, NAME/generation_config.json, NAME/model.safetensors, NAME/expected.safetensors and versions.txt.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from golden_common import FAMILIES, generator, load_family, merge_report, randn, save, write_versions

import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Olmo2Config,
    Olmo2ForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

LENGTHS = (24, 17)
NEW_TOKENS = 8
COMMON = dict(bos_token_id=1, eos_token_id=2, pad_token_id=0, max_position_embeddings=256)

FAMILY = {
    # multi-head attention, head of its own, an odd head size
    "llama2": (LlamaForCausalLM, LlamaConfig, dict(
        vocab_size=128, hidden_size=48, intermediate_size=88, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=4, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=False)),
    # grouped queries (4 query heads per key head), large RoPE base
    "llama3": (LlamaForCausalLM, LlamaConfig, dict(
        vocab_size=160, hidden_size=64, intermediate_size=112, num_hidden_layers=4, num_attention_heads=8,
        num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=500000.0, tie_word_embeddings=False)),
    # scaled RoPE: the small original length puts head frequencies into all three branches of the rule
    "llama31": (LlamaForCausalLM, LlamaConfig, dict(
        vocab_size=160, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=10000.0, tie_word_embeddings=True,
        rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                          original_max_position_embeddings=32))),
    # sliding window smaller than both sequences
    "mistral": (MistralForCausalLM, MistralConfig, dict(
        vocab_size=128, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-5, rope_theta=10000.0, sliding_window=8,
        tie_word_embeddings=False)),
    # biases on q, k and v; head tied to the embedding
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, dict(
        vocab_size=160, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-6, rope_theta=1000000.0, tie_word_embeddings=True,
        use_sliding_window=False)),
    # q and k norms; a head size that is not hidden_size / heads
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, dict(
        vocab_size=160, hidden_size=48, intermediate_size=88, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-6, rope_theta=1000000.0, tie_word_embeddings=False,
        attention_bias=False, use_sliding_window=False)),
    # post-norms, two soft cappings low enough to bend the numbers, own query scale, window on every other layer
    "gemma2": (Gemma2ForCausalLM, Gemma2Config, dict(
        vocab_size=160, hidden_size=48, intermediate_size=88, num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=24, sliding_window=8, rms_norm_eps=1e-6,
        rope_theta=10000.0, attn_logit_softcapping=3.0, final_logit_softcapping=8.0, tie_word_embeddings=True,
        hidden_activation="gelu_pytorch_tanh")),
    # two rotary bases, the global one stretched; q and k norms; one layer in six sees all
    "gemma3": (Gemma3ForCausalLM, Gemma3TextConfig, dict(
        vocab_size=160, hidden_size=48, intermediate_size=64, num_hidden_layers=6, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, query_pre_attn_scalar=24, sliding_window=8, rms_norm_eps=1e-6,
        rope_theta=1000000.0, rope_local_base_freq=10000.0, rope_scaling=dict(rope_type="linear", factor=8.0),
        tie_word_embeddings=True)),
    # a layer without rotary positions between two that have them
    "smollm3": (SmolLM3ForCausalLM, SmolLM3Config, dict(
        vocab_size=128, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-6, rope_theta=5000000.0, no_rope_layer_interval=2,
        use_sliding_window=False)),
    # joined matrices, grouped queries, a window; a context beyond that of pre-training, which both sequences exceed
    "phi3": (Phi3ForCausalLM, Phi3Config, dict(
        vocab_size=128, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=10000.0, sliding_window=20, tie_word_embeddings=False,
        original_max_position_embeddings=16, rope_scaling=dict(
            type="longrope", short_factor=[1.05, 1.1, 1.2, 1.4], long_factor=[1.1, 1.7, 2.9, 4.5]))),
    # norms behind modules only, and of all heads together
    "olmo2": (Olmo2ForCausalLM, Olmo2Config, dict(
        vocab_size=128, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-6, rope_theta=500000.0, tie_word_embeddings=False)),
}

# What is switched off, on the same weights, to see that the tested positions depend on it.
WITHOUT = {
    "llama31": dict(rope_scaling=None),
    "mistral": dict(sliding_window=None),
    "gemma2": dict(sliding_window=256),
    "gemma2 ": dict(attn_logit_softcapping=None),
    "gemma2  ": dict(final_logit_softcapping=None),
    "gemma2   ": dict(query_pre_attn_scalar=16),
    "gemma3": dict(sliding_window=256),
    "gemma3 ": dict(rope_scaling=None),
    "gemma3  ": dict(rope_theta=10000.0),
    "gemma3   ": dict(rope_local_base_freq=1000000.0),
    "smollm3": dict(no_rope_layers=[1, 1, 1]),
    "olmo2": dict(rope_theta=10000.0),
    "phi3": dict(sliding_window=None),
    "phi3 ": dict(rope_scaling=None),
    "phi3  ": dict(original_max_position_embeddings=256),
}


def fill(model, gemma, rng):
    """Random weights that keep the residual stream of order 1, attention uneven and logits of order 1 to 10."""
    hidden = model.config.hidden_size
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.copy_(0.2 * randn(rng, *weight.shape) + (0.0 if gemma else 1.0))
            elif name.endswith("bias"):
                weight.copy_(0.5 * randn(rng, *weight.shape))
            elif "embed_tokens" in name:
                tied = model.config.tie_word_embeddings
                weight.copy_((3.0 * hidden**-0.5 if tied else 0.7) * randn(rng, *weight.shape))
            elif "lm_head" in name:
                weight.copy_(3.0 * hidden**-0.5 * randn(rng, *weight.shape))
            else:
                gain = 1.6 if ("q_proj" in name or "k_proj" in name) else 1.0
                weight.copy_(gain * weight.shape[1] ** -0.5 * randn(rng, *weight.shape))
                if "qkv_proj" in name:
                    values = weight.shape[0] - model.config.num_key_value_heads * model.model.layers[0].self_attn.head_dim
                    weight[:values] *= 1.6


def states(model, ids):
    """Logits (T, V), residual stream (L + 1, T, d) before the final norm, and the normed stream (T, d)."""
    kept = {}
    hooks = [model.model.norm.register_forward_hook(lambda m, a, out: kept.update(x=a[0], normed=out))]
    for i, layer in enumerate(model.model.layers):
        hooks.append(layer.register_forward_pre_hook(
            lambda m, a, kw, i=i: kept.update({i: a[0] if a else kw["hidden_states"]}), with_kwargs=True))
    with torch.no_grad():
        logits = model(input_ids=ids[None], use_cache=False).logits[0]
    for hook in hooks:
        hook.remove()
    stream = [kept[i] for i in range(len(model.model.layers))] + [kept["x"]]
    return logits, torch.cat(stream), kept["normed"][0]


def greedy(model, ids):
    """Greedy continuation by full passes; refuses near ties, which would make the ids a matter of rounding."""
    gap = float("inf")
    for _ in range(NEW_TOKENS):
        top = states(model, ids)[0][-1].topk(2)
        gap = min(gap, float(top.values[0] - top.values[1]))
        ids = torch.cat([ids, top.indices[:1]])
    return ids[-NEW_TOKENS:], gap


def make(name, index):
    model_class, config_class, values = FAMILY[name]
    for attempt in range(50):
        rng = generator(1000 * (index + 1) + attempt)
        model = model_class(config_class(**COMMON, **values))
        fill(model, name.startswith("gemma"), rng)
        folder = FAMILIES / name
        model.save_pretrained(folder, safe_serialization=True)
        model = load_family(name)
        prompts = [torch.randint(3, values["vocab_size"], (n,), generator=rng) for n in LENGTHS]
        continued = [greedy(model, ids) for ids in prompts]
        ends = any(int(t) == COMMON["eos_token_id"] for tokens, _ in continued for t in tokens)
        if min(gap for _, gap in continued) > 0.05 and not ends:
            break
    else:
        raise SystemExit(f"{name}: no seed without a near tie")
    tensors = {"lengths": torch.tensor(LENGTHS)}
    for k, ids in enumerate(prompts):
        logits, stream, normed = states(model, ids)
        tensors[f"input_ids.{k}"] = ids
        tensors[f"logits.{k}"] = logits
        tensors[f"greedy.{k}"] = continued[k][0]
        if k == 0:
            tensors["hidden.0"] = stream
            tensors["final_norm.0"] = normed
        cached = model.generate(ids[None], attention_mask=torch.ones_like(ids[None]), do_sample=False,
                                max_new_tokens=NEW_TOKENS)[0, -NEW_TOKENS:]
        assert torch.equal(cached, continued[k][0]), f"{name}: cached generation differs"
    save(folder / "expected.safetensors", tensors, f"Hugging Face transformers, {name}, eager attention, float32")
    logits = tensors["logits.0"]
    rows = [f"{name}: weight seed {1000 * (index + 1) + attempt}, logits std {logits.std():.2f} "
            f"max |{logits.abs().max():.2f}|, smallest greedy gap {min(g for _, g in continued):.3f}, "
            f"|residual| rms after last layer {tensors['hidden.0'][-1].pow(2).mean().sqrt():.2f}"]
    for key, change in WITHOUT.items():
        if key.strip() == name:
            other = model_class(config_class(**COMMON, **(values | change)))
            other.config._attn_implementation = "eager"
            other.load_state_dict(model.state_dict())
            off = states(other.eval(), prompts[0])[0]
            rows.append(f"  with {change}: logits move by up to {(off - logits).abs().max():.3f}")
    return rows


if __name__ == "__main__":
    wanted = sys.argv[1:] or list(FAMILY)
    report = [row for i, name in enumerate(FAMILY) if name in wanted for row in make(name, i)]
    print("\n".join(report))
    write_versions(FAMILIES / "versions.txt", lines=["", *merge_report(FAMILIES / "versions.txt", report)])
