"""Saves every family again with transformers 5 and computes variants of their configurations with it.

Run after make_families.py, with transformers 5: python make_newer.py [NAME ...]   (all where none is named)
Writes NAME/transformers5.json (the config.json that save_pretrained writes), variants/VARIANT/config.json,
variants/VARIANT/expected.safetensors and versions5.txt. Variants use the weights of the family before the first dash.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from golden_common import FAMILIES, load_family, merge_report, save, write_versions

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

NAMES = ("llama2", "llama3", "llama31", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "smollm3", "phi3", "olmo2")
ABSENT = object()

# what is changed in the family's config.json; ABSENT takes the field away, so that the class's default applies
VARIANTS = {
    "llama3-linear": dict(rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=500000.0)),
    "llama31-original-absent": dict(max_position_embeddings=48, rope_parameters=dict(
        rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, rope_theta=10000.0)),
    "mistral-no-window": dict(sliding_window=None),
    "mistral-default-window": dict(sliding_window=ABSENT),
    "qwen2-window": dict(use_sliding_window=True, sliding_window=8, max_window_layers=1, layer_types=ABSENT),
    "qwen3-layer-types": dict(use_sliding_window=True, sliding_window=8,
                              layer_types=["full_attention", "sliding_attention", "full_attention"]),
    "qwen2-default-theta": dict(rope_parameters=ABSENT),
    "gemma2-defaults": dict(attn_logit_softcapping=ABSENT, final_logit_softcapping=ABSENT,
                            query_pre_attn_scalar=ABSENT, hidden_activation=ABSENT, layer_types=ABSENT),
    "gemma2-no-caps": dict(attn_logit_softcapping=None, final_logit_softcapping=None),
    "gemma3-defaults": dict(rope_parameters=ABSENT, layer_types=ABSENT, query_pre_attn_scalar=ABSENT),
    "gemma3-pattern": dict(layer_types=ABSENT, sliding_window_pattern=2, final_logit_softcapping=8.0),
    "gemma3-bases": dict(rope_parameters=dict(
        full_attention=dict(rope_type="default", rope_theta=500000.0),
        sliding_attention=dict(rope_type="default", rope_theta=20000.0))),
    "smollm3-defaults": dict(rope_parameters=ABSENT, no_rope_layers=ABSENT, no_rope_layer_interval=ABSENT,
                             layer_types=ABSENT, tie_word_embeddings=ABSENT),
    "smollm3-interval": dict(no_rope_layers=None, no_rope_layer_interval=3, layer_types=ABSENT),
    "smollm3-window": dict(use_sliding_window=True, sliding_window=8, layer_types=ABSENT),
    "smollm3-layer-types": dict(use_sliding_window=True, sliding_window=8, layer_types=[
        "sliding_attention", "full_attention", "full_attention"]),
    # a context of pre-training's length: short factors
    "phi3-short": dict(max_position_embeddings=64, original_max_position_embeddings=64, rope_parameters=dict(
        rope_type="longrope", rope_theta=10000.0, original_max_position_embeddings=64,
        short_factor=[1.05, 1.1, 1.2, 1.4], long_factor=[1.1, 1.7, 2.9, 4.5])),
    "phi3-factor": dict(rope_parameters=dict(
        rope_type="longrope", rope_theta=20000.0, original_max_position_embeddings=16, attention_factor=1.5,
        short_factor=[1.05, 1.1, 1.2, 1.4], long_factor=[1.1, 1.7, 2.9, 4.5])),
    # the family's own context and a text shorter than that of pre-training: short factors, the long context's attention factor
    "phi3-near": dict(),
    "phi3-defaults": dict(rope_parameters=ABSENT, sliding_window=ABSENT, original_max_position_embeddings=ABSENT,
                          rms_norm_eps=ABSENT, tie_word_embeddings=ABSENT),
    "olmo2-defaults": dict(rope_parameters=ABSENT, rms_norm_eps=ABSENT, tie_word_embeddings=ABSENT),
    "olmo2-linear": dict(rope_parameters=dict(rope_type="linear", factor=4.0, rope_theta=500000.0)),
}

# variants that compute the beginning of the text only
TOKENS = {"phi3-near": 12}


def logits(model, ids):
    with torch.no_grad():
        return model(input_ids=ids[None], use_cache=False).logits[0]


def again(name):
    """Loads what transformers 4 wrote, checks the numbers, and keeps the configuration that is written now."""
    model = load_family(name)
    golden = load_file(FAMILIES / name / "expected.safetensors")
    worst = max(float((logits(model, golden[f"input_ids.{k}"]) - golden[f"logits.{k}"]).abs().max()) for k in (0, 1))
    assert worst < 1e-5, f"{name}: transformers 5 computes other numbers, by {worst}"
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        shutil.copy(Path(folder) / "config.json", FAMILIES / name / "transformers5.json")
    return f"{name}: logits differ from those of transformers 4 by at most {worst:.1e}"


def variant(name, changes):
    family = name.split("-")[0]
    config = json.loads((FAMILIES / family / "transformers5.json").read_text())
    for key, value in changes.items():
        config.pop(key, None)
        if value is not ABSENT:
            config[key] = value
    folder = FAMILIES / "variants" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    golden = load_file(FAMILIES / family / "expected.safetensors")
    ids = golden["input_ids.0"][:TOKENS.get(name)]
    with tempfile.TemporaryDirectory() as loaded:
        shutil.copy(folder / "config.json", loaded)
        shutil.copy(FAMILIES / family / "model.safetensors", loaded)
        model = AutoModelForCausalLM.from_pretrained(
            loaded, attn_implementation="eager", dtype=torch.float32, local_files_only=True).eval()
    numbers = logits(model, ids)
    save(folder / "expected.safetensors", {"input_ids.0": ids, "logits.0": numbers},
         f"Hugging Face transformers, {name}, eager attention, float32")
    return f"{name}: logits move by up to {(numbers - golden['logits.0'][:len(ids)]).abs().max():.3f} from {family}'s"


if __name__ == "__main__":
    wanted = sys.argv[1:] or NAMES
    report = [again(name) for name in NAMES if name in wanted]
    report += [variant(name, changes) for name, changes in VARIANTS.items() if name.split("-")[0] in wanted]
    print("\n".join(report))
    write_versions(FAMILIES / "versions5.txt", lines=["", *merge_report(FAMILIES / "versions5.txt", report)])
