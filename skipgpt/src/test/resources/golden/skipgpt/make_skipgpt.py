"""SkipGPT's arithmetic around the Hugging Face model of families/llama3, as plain as possible: every module is
computed for every token, its output is multiplied by a straight-through gate, autograd does the rest.

    x <- x + g * f(norm(x)),   g = (one_hot(argmax(r + G)) - stop(soft) + soft)[execute],   soft = softmax((r + G) / tau)
    total = lm + alpha * |T - r|,   r = mean skip

Two presets. "paper": linear routers that read the residual entering their own module, index 1 = execute, alpha 8, r over
real tokens. "official" (the authors' training code): d -> d/4 -> ReLU -> 2 routers that both read what enters the LAYER,
index 0 = execute, alpha 20, r = mean of layer means over all positions, padding included.

Run after families/make_families.py and peft/make_peft.py: python make_skipgpt.py
"""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from golden_common import FAMILIES, GOLDEN, generator, load_family, randn, save, write_versions

import peft
import torch
from safetensors.torch import load_file

FOLDER = GOLDEN / "skipgpt"
TAU, TARGET = 3.0, 0.25
KINDS = ("attention", "mlp")


@dataclass(frozen=True)
class Preset:
    name: str
    execute: int  # which of the two router outputs means "execute"
    alpha: float
    own_residual: bool  # router input: the module's own residual, or the layer's input
    hidden: int  # 0 = linear router
    count_padding: bool
    lean: float  # bias towards executing, so that both signs of T - r occur
    seed: int


PRESETS = (
    Preset("paper", 1, 8.0, True, 0, False, 0.4, 501),
    Preset("official", 0, 20.0, False, 16, True, 1.7, 601),
)


def make_routers(preset, config, rng):
    d, routers = config.hidden_size, {}
    for i in range(config.num_hidden_layers):
        for kind in KINDS:
            key, last = f"layers.{i}.{kind}", d
            if preset.hidden:
                routers[f"{key}.hidden.weight"] = randn(rng, preset.hidden, d) * (2 / d) ** 0.5
                routers[f"{key}.hidden.bias"] = randn(rng, preset.hidden) * 0.2
                key, last = f"{key}.output", preset.hidden
            routers[f"{key}.weight"] = randn(rng, 2, last) * (1.4 if preset.hidden else 0.8) * last**-0.5
            bias = randn(rng, 2) * 0.3
            bias[preset.execute] += preset.lean
            routers[f"{key}.bias"] = bias
    return routers


def router_logits(routers, i, kind, u):
    """u (B, S, d) -> (B, S, 2)."""
    key = f"layers.{i}.{kind}"
    if f"{key}.hidden.weight" in routers:
        u = torch.relu(u @ routers[f"{key}.hidden.weight"].T + routers[f"{key}.hidden.bias"])
        key += ".output"
    return u @ routers[f"{key}.weight"].T + routers[f"{key}.bias"]


def decide(preset, logits, noise):
    """Gate (B, S) of the execute index, soft sample (B, S, 2), hard choice (B, S), smallest margin."""
    if noise is None:
        hard = torch.nn.functional.one_hot(logits.argmax(-1), 2).to(logits.dtype)
        soft, straight = torch.softmax(logits, -1), hard
        y = logits
    else:
        y = logits + noise
        soft = torch.softmax(y / TAU, -1)
        hard = torch.nn.functional.one_hot(soft.argmax(-1), 2).to(logits.dtype)
        straight = hard - soft.detach() + soft
    margin = float((y[..., 0] - y[..., 1]).abs().min())
    return straight[..., preset.execute], soft, hard[..., preset.execute].long(), margin


def forward(model, preset, routers, ids, mask, noise, keep_all=True):
    """ids, mask (B, S), noise (M, B, S, 2) or None. With keep_all = False a token that skips an attention leaves no
    key and value there for other tokens."""
    base, out = model.model, dict(gate=[], soft=[], execute=[], router_logits=[], margin=[])
    steps = ids.shape[1]
    rotary = base.rotary_emb(base.embed_tokens(ids), torch.arange(steps)[None])
    visible = torch.ones(steps, steps, dtype=torch.bool).tril()[None] & mask.bool()[:, None, :]  # (B, S, S)

    def route(i, kind, u):
        logits = router_logits(routers, i, kind, u.float())
        m = 2 * i + KINDS.index(kind)
        gate, soft, execute, margin = decide(preset, logits, None if noise is None else noise[m])
        for key, value in dict(gate=gate, soft=soft, execute=execute, router_logits=logits, margin=margin).items():
            out[key].append(value)
        return gate[..., None]

    x = base.embed_tokens(ids)
    for i, layer in enumerate(base.layers):
        entering = x
        gate = route(i, "attention", entering)
        seen = visible
        if not keep_all:
            seen = visible & (out["execute"][-1].bool()[:, None, :] | torch.eye(steps, dtype=torch.bool))
        bias = torch.zeros(seen.shape).masked_fill(~seen, torch.finfo(torch.float32).min)[:, None]
        a, _ = layer.self_attn(layer.input_layernorm(x), position_embeddings=rotary, attention_mask=bias)
        x = x + gate * a
        gate = route(i, "mlp", x if preset.own_residual else entering)
        x = x + gate * layer.mlp(layer.post_attention_layernorm(x))
    out["logits"] = model.lm_head(base.norm(x))
    return out


def losses(preset, out, ids, mask):
    labels = ids.masked_fill(mask == 0, -100)
    lm = torch.nn.functional.cross_entropy(out["logits"][:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    gates = torch.stack(out["gate"])  # (M, B, S)
    if preset.count_padding:
        layers = gates.unflatten(0, (-1, 2)).mean(dim=(1, 2, 3))
        r = 1 - layers.mean()
    else:
        r = 1 - (gates * mask).sum() / (mask.sum() * len(gates))
    penalty = preset.alpha * (TARGET - r).abs()
    return lm, r, penalty


def training_case(model, preset, weights, ids, mask, noise):
    routers = {k: v.clone().requires_grad_(True) for k, v in weights.items()}
    out = forward(model, preset, routers, ids, mask, noise)
    lm, r, penalty = losses(preset, out, ids, mask)
    tensors = {key: torch.stack(out[key]) for key in ("router_logits", "soft", "execute")}
    tensors["logits"] = out["logits"]
    for key, value in dict(lm_loss=lm, skip_rate=r, penalty=penalty, total_loss=lm + penalty).items():
        tensors[key] = value.reshape(1)
    keys = list(routers)
    for prefix, loss in (("grad", lm + penalty), ("grad_lm", lm)):
        for key, g in zip(keys, torch.autograd.grad(loss, [routers[k] for k in keys], retain_graph=True)):
            tensors[f"{prefix}.{key}"] = g
    return tensors, min(out["margin"])


def inference_case(model, preset, weights, sequences):
    tensors, margin = {}, float("inf")
    with torch.no_grad():
        for k, ids in enumerate(sequences):
            for prefix, keep_all in (("keep", True), ("executed", False)):
                out = forward(model, preset, weights, ids[None], torch.ones_like(ids)[None], None, keep_all)
                tensors[f"{prefix}.logits.{k}"] = out["logits"][0]
                tensors[f"{prefix}.router_logits.{k}"] = torch.stack(out["router_logits"])[:, 0]
                tensors[f"{prefix}.execute.{k}"] = torch.stack(out["execute"])[:, 0]
                margin = min(margin, *out["margin"])
    return tensors, margin


def stage_two_case(preset, weights, ids, mask):
    """Stage 2: routers frozen, argmax gates without gradient, the adapter of peft/ learns from the LM loss alone."""
    adapted = peft.PeftModel.from_pretrained(load_family("llama3"), GOLDEN / "peft" / "adapter", is_trainable=True).eval()
    out = forward(adapted.base_model.model, preset, weights, ids, mask, None)
    lm, r, _ = losses(preset, out, ids, mask)
    learned = {k.replace(".default", ""): v for k, v in adapted.named_parameters() if v.requires_grad}
    tensors = {"logits": out["logits"], "execute": torch.stack(out["execute"])}
    tensors.update(lm_loss=lm.reshape(1), skip_rate=r.reshape(1))
    for key, g in zip(learned, torch.autograd.grad(lm, list(learned.values()))):
        tensors[f"grad.{key}"] = g
    return tensors, min(out["margin"])


def all_execute_is_dense(model, weights, preset, ids, dense):
    """With every gate open the forward pass must be the one of transformers."""
    bias = ".output.bias" if preset.hidden else ".bias"
    sure = {k: v.clone() for k, v in weights.items()}
    for key in sure:
        if key.endswith(bias) and ".hidden." not in key:
            sure[key][preset.execute] = 1e4
    with torch.no_grad():
        out = forward(model, preset, sure, ids[None], torch.ones_like(ids)[None], None)["logits"][0]
    return float((out - dense).abs().max())


def main():
    given = load_file(FAMILIES / "llama3" / "expected.safetensors")
    sequences = [given["input_ids.0"], given["input_ids.1"]]
    model = load_family("llama3").requires_grad_(False)
    ids = torch.zeros(2, 24, dtype=torch.long)
    mask = torch.zeros(2, 24, dtype=torch.long)
    for k, s in enumerate(sequences):
        ids[k, : len(s)], mask[k, : len(s)] = s, 1
    modules = 2 * model.config.num_hidden_layers
    rows = [""]
    for preset in PRESETS:
        for attempt in range(200):
            rng = generator(preset.seed + 1000 * attempt)
            weights = make_routers(preset, model.config, rng)
            noise = -torch.log(-torch.log(torch.rand(modules, 2, 24, 2, generator=rng).clamp(1e-6, 1 - 1e-6)))
            train, margin = training_case(model, preset, weights, ids, mask, noise)
            single, _ = training_case(model, preset, weights, ids[:1], mask[:1], noise[:, :1])
            infer, other = inference_case(model, preset, weights, sequences)
            second, third = stage_two_case(preset, weights, ids, mask)
            if min(margin, other, third) > 1.5e-3:  # a decision must not hang on rounding
                break
        else:
            raise SystemExit(f"{preset.name}: no seed without a near tie")
        dense = all_execute_is_dense(model, weights, preset, sequences[0], given["logits.0"])
        assert dense < 1e-4, dense
        folder = FOLDER / preset.name
        save(folder / "routers.safetensors", weights, f"random routers, {preset.name} preset, execute index {preset.execute}")
        save(folder / "input.safetensors", dict(input_ids=ids, attention_mask=mask, gumbel=noise), "micro batch and noise")
        save(folder / "train.safetensors", train, f"{preset.name} preset, both sequences, tau {TAU}, T {TARGET}")
        save(folder / "train_single.safetensors", single, f"{preset.name} preset, first sequence alone, no padding")
        save(folder / "infer.safetensors", infer, f"{preset.name} preset, argmax, no noise")
        save(folder / "stage2.safetensors", second, f"{preset.name} preset, argmax, adapter of peft/, LM loss only")
        for name, t in (("both", train), ("single", single)):
            rows.append(f"{preset.name} {name}: lm {float(t['lm_loss']):.6f} skip rate {float(t['skip_rate']):.6f} "
                        f"penalty {float(t['penalty']):.6f} total {float(t['total_loss']):.6f}")
        rows.append(f"{preset.name} stage 2: lm {float(second['lm_loss']):.6f} skip rate {float(second['skip_rate']):.6f}")
        skip = 1 - torch.cat([infer[f"keep.execute.{k}"] for k in (0, 1)], 1).float()
        gap = max(float((infer[f"keep.logits.{k}"] - infer[f"executed.logits.{k}"]).abs().max()) for k in (0, 1))
        rows.append(f"{preset.name} argmax: skip rate per module {[round(float(v), 2) for v in skip.mean(1)]}; "
                    f"keeping only executed K/V moves logits by up to {gap:.2f}; smallest decision margin "
                    f"{min(margin, other, third):.4f}; all-execute against transformers {dense:.1e}; "
                    f"seed {preset.seed + 1000 * attempt}")
    write_versions(FOLDER / "versions.txt", [f"peft {peft.__version__}"], rows)
    print("\n".join(rows))


if __name__ == "__main__":
    main()
