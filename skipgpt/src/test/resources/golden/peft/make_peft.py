"""A random LoRA adapter of the peft library on families/llama3: its folder, logits, merged weights and gradients.

Run after families/make_families.py: python make_peft.py
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from golden_common import FAMILIES, GOLDEN, generator, load_family, randn, save, write_versions

import peft
import torch
from safetensors.torch import load_file

FOLDER = GOLDEN / "peft"
TARGETS = ["q_proj", "v_proj", "gate_proj"]


def lm_loss(model, sequences):
    """Cross-entropy of the next token, mean over all predicted tokens of all sequences."""
    losses = []
    for ids in sequences:
        logits = model(input_ids=ids[None], use_cache=False).logits[0]
        losses.append(torch.nn.functional.cross_entropy(logits[:-1], ids[1:], reduction="none"))
    return torch.cat(losses).mean()


def main():
    given = load_file(FAMILIES / "llama3" / "expected.safetensors")
    sequences = [given["input_ids.0"], given["input_ids.1"]]
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, lora_dropout=0.0, bias="none",
                             task_type="CAUSAL_LM")
    model = peft.get_peft_model(load_family("llama3"), config)
    rng = generator(77)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            if "lora_A" in name:
                weight.copy_(randn(rng, *weight.shape) * weight.shape[1] ** -0.5)
            elif "lora_B" in name:
                weight.copy_(randn(rng, *weight.shape) * 0.05)
    model.save_pretrained(FOLDER / "adapter")
    (FOLDER / "adapter" / "README.md").unlink(missing_ok=True)
    settings = FOLDER / "adapter" / "adapter_config.json"
    values = json.loads(settings.read_text())
    values["base_model_name_or_path"] = "../../families/llama3"  # not a path of the machine that made it
    values["target_modules"] = sorted(values["target_modules"])
    settings.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")

    model = peft.PeftModel.from_pretrained(load_family("llama3"), FOLDER / "adapter", is_trainable=True)
    model.eval()
    tensors = {}
    with torch.no_grad():
        for k, ids in enumerate(sequences):
            tensors[f"logits.{k}"] = model(input_ids=ids[None], use_cache=False).logits[0]
    loss = lm_loss(model, sequences)
    loss.backward()
    tensors["loss"] = loss.detach().reshape(1)
    stored = load_file(FOLDER / "adapter" / "adapter_model.safetensors")
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            key = name.replace(".default", "")
            assert key in stored, key
            tensors[f"grad.{key}"] = weight.grad
    merged = model.merge_and_unload()
    with torch.no_grad():
        for k, ids in enumerate(sequences):
            tensors[f"merged_logits.{k}"] = merged(input_ids=ids[None], use_cache=False).logits[0]
    for name, weight in merged.named_parameters():
        if name.startswith("model.layers.0.") and any(target in name for target in TARGETS):
            tensors[f"merged.{name}"] = weight
    save(FOLDER / "expected.safetensors", tensors, "peft LoRA r=4 alpha=8 on families/llama3, float32")
    move = max(float((tensors[f"logits.{k}"] - given[f"logits.{k}"]).abs().max()) for k in (0, 1))
    same = max(float((tensors[f"logits.{k}"] - tensors[f"merged_logits.{k}"]).abs().max()) for k in (0, 1))
    lines = ["", f"loss {loss.item():.6f}; the adapter moves logits by up to {move:.3f}; "
             f"merged against unmerged differ by up to {same:.1e}"]
    write_versions(FOLDER / "versions.txt", [f"peft {peft.__version__}"], lines)
    print(lines[1])


if __name__ == "__main__":
    main()
