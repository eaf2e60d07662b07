"""Makes a tiny random Gemma 3 that looks at images, as each version of transformers writes it, and logits of a text.

Run from anywhere, once with transformers 4 and once with 5: python make_images.py
Writes gemma3-images/transformersN/config.json, model.safetensors and expected.safetensors.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from golden_common import FAMILIES, generator, randn, save

import torch
import transformers
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

TEXT = dict(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=2,
            num_key_value_heads=1, head_dim=16, query_pre_attn_scalar=16, sliding_window=4, max_position_embeddings=64,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"])
VISION = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)

if __name__ == "__main__":
    version = transformers.__version__.split(".")[0]
    config = Gemma3Config(text_config=TEXT, vision_config=VISION, mm_tokens_per_image=4, image_token_index=63,
                          boi_token_index=61, eoi_token_index=62, eos_token_id=[1, 60])
    model = Gemma3ForConditionalGeneration(config)
    rng = generator(9)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters(), key=lambda pair: pair[0].split("layers.")[-1]):
            weight.copy_((0.2 if "norm" in name else weight.shape[-1] ** -0.5) * randn(rng, *weight.shape))
    folder = FAMILIES / "gemma3-images" / f"transformers{version}"
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    model = Gemma3ForConditionalGeneration.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, local_files_only=True).eval()
    ids = torch.randint(3, 60, (15,), generator=generator(10))
    with torch.no_grad():
        logits = model(input_ids=ids[None], use_cache=False).logits[0]
    save(folder / "expected.safetensors", {"input_ids.0": ids, "logits.0": logits},
         f"Hugging Face transformers {transformers.__version__}, eager attention, float32")
    print(f"transformers {transformers.__version__}: logits std {logits.std():.2f}")
