"""Adapters of the peft library in its less usual forms on families/llama3: folders and logits.

Run after families/make_families.py: python make_variants.py
Writes variants/NAME/adapter_config.json, adapter_model.safetensors, expected.safetensors.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from golden_common import FAMILIES, GOLDEN, generator, load_family, randn, save, write_versions

import peft
import torch
from safetensors.torch import load_file

FOLDER = GOLDEN / "peft" / "variants"
PLAIN = dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "gate_proj"])
VARIANTS = {
    "rslora": dict(PLAIN, use_rslora=True),
    "ranks": dict(PLAIN, rank_pattern={"q_proj": 2, "layers.1.mlp.gate_proj": 6},
                  alpha_pattern={"v_proj": 3, r"layers\.[02]\.self_attn\.q_proj": 5}),
    "ranks-rslora": dict(PLAIN, use_rslora=True, rank_pattern={"q_proj": 2}, alpha_pattern={"q_proj": 3}),
    "layers": dict(PLAIN, layers_to_transform=[1, 3]),
    "one-layer": dict(PLAIN, layers_to_transform=2, layers_pattern="layers"),
    "regex": dict(PLAIN, target_modules=r".*\.(0|2)\..*(k_proj|o_proj|down_proj)"),
    "dotted": dict(PLAIN, target_modules=["self_attn.q_proj", "1.mlp.up_proj", "model.layers.3.mlp.down_proj"]),
    "excluded": dict(PLAIN, exclude_modules=["layers.0.self_attn.q_proj"]),
    "all-linear": dict(PLAIN, target_modules="all-linear"),
    "saved": dict(PLAIN, modules_to_save=["lm_head", "embed_tokens"]),
    "dora": dict(PLAIN, use_dora=True),
    "dora-layers": dict(PLAIN, use_dora=True, layers_to_transform=[0, 2], use_rslora=True),
    "gaussian": dict(PLAIN, init_lora_weights="gaussian"),
}


def make(name, values, index):
    given = load_file(FAMILIES / "llama3" / "expected.safetensors")
    base = load_family("llama3")
    model = peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", **values))
    rng = generator(177 + index)
    with torch.no_grad():
        for key, weight in sorted(model.named_parameters()):
            if "lora_A" in key:
                weight.copy_(randn(rng, *weight.shape) * weight.shape[1] ** -0.5)
            elif "lora_B" in key:
                weight.copy_(randn(rng, *weight.shape) * 0.05)
            elif "magnitude" in key:
                weight.mul_(1 + 0.2 * randn(rng, *weight.shape))
            elif "modules_to_save" in key:
                weight.add_(0.02 * randn(rng, *weight.shape))
    folder = FOLDER / name
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    settings = folder / "adapter_config.json"
    written = json.loads(settings.read_text())
    written["base_model_name_or_path"] = "../../families/llama3"
    for key in ("target_modules", "exclude_modules"):
        if isinstance(written[key], list):
            written[key] = sorted(written[key])
    settings.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
    model = peft.PeftModel.from_pretrained(load_family("llama3"), folder).eval()
    ids = given["input_ids.1"]
    with torch.no_grad():
        logits = model(input_ids=ids[None], use_cache=False).logits[0]
    save(folder / "expected.safetensors", {"logits.1": logits}, f"peft {name} on families/llama3, float32")
    return f"{name}: logits move by up to {(logits - given['logits.1']).abs().max():.3f}"


if __name__ == "__main__":
    report = [make(name, values, i) for i, (name, values) in enumerate(VARIANTS.items())]
    print("\n".join(report))
    write_versions(FOLDER / "versions.txt", [f"peft {peft.__version__}"], ["", *report])
