"""A six-layer random Llama whose modules have very uneven sizes of output, so that rankings are worth comparing.

Run before make_rivals.py: python make_model.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from golden_common import GOLDEN, generator, randn, save

import torch
from transformers import LlamaConfig, LlamaForCausalLM

FOLDER = GOLDEN / "rivals"
# Size of what attention and MLP of each layer add. The last layer adds little, so that the final norm decides its rank.
ATTENTION = (1.0, 0.5, 2.0, 0.3, 1.4, 0.8)
MLP = (1.5, 0.5, 0.35, 1.2, 0.45, 0.13)

if __name__ == "__main__":
    config = LlamaConfig(
        vocab_size=96, hidden_size=32, intermediate_size=64, num_hidden_layers=6, num_attention_heads=4,
        num_key_value_heads=2, rms_norm_eps=1e-5, rope_theta=10000.0, max_position_embeddings=128,
        bos_token_id=1, eos_token_id=2, pad_token_id=0, tie_word_embeddings=False, attn_implementation="eager")
    model, rng = LlamaForCausalLM(config), generator(4242)
    with torch.no_grad():
        for name, w in model.named_parameters():
            if "norm" in name:
                w.copy_(1.0 + 0.4 * randn(rng, *w.shape))
            else:
                w.copy_(randn(rng, *w.shape) * (1.0 if "embed" in name else w.shape[1] ** -0.5))
                for i, (a, m) in enumerate(zip(ATTENTION, MLP)):
                    if name.startswith(f"model.layers.{i}."):
                        w.mul_(a if "o_proj" in name else 2 * m if "down_proj" in name else 1.0)
        model.lm_head.weight.mul_(3.0)
        model.save_pretrained(FOLDER / "model")
        ids = torch.randint(3, 96, (24,), generator=rng)
        logits = model.eval()(input_ids=ids[None], use_cache=False).logits[0]
    save(FOLDER / "model" / "expected.safetensors", {"input_ids.0": ids, "logits.0": logits}, "transformers, eager, float32")
