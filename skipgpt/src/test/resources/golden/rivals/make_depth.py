"""Depth pruning of rivals/model and families/llama3, computed apart from the library: numpy float64 forward, JAX float64
gradients.

- Shortened LLaMA PPL: exp(mean -log p) over every predicted token of all sequences, without one layer or one module.
- Shortened LLaMA Taylor: sum |w g| over the weights of a layer or module, norms included; g is the gradient of a sequence's
  mean next-token loss, added up over the sequences before the absolute value.
- One by one: the module whose absence gives the least perplexity goes, then all are tried again; five times.
- LaCo: layers merged from the top down; every try with its similarity, and the logits of the result.

Run after make_rivals.py: python make_depth.py
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load_file

import make_rivals as rivals
from make_rivals import FOLDER, MODELS, attention, mlp, norm, save

jax.config.update("jax_enable_x64", True)
MATRICES = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
            "mlp.up_proj", "mlp.down_proj")
SIZE, LOWEST, INTERVAL = 3, 0, 1
THRESHOLD = {"model": 0.2, "llama3": -0.2}


def hidden(w, c, ids, gone=()):
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        if 2 * i not in gone:
            x = x + attention(w, c, i, norm(x, w[f"model.layers.{i}.input_layernorm.weight"], c["rms_norm_eps"]))
        if 2 * i + 1 not in gone:
            x = x + mlp(w, i, norm(x, w[f"model.layers.{i}.post_attention_layernorm.weight"], c["rms_norm_eps"]))
    return norm(x, w["model.norm.weight"], c["rms_norm_eps"])


def head(w):
    return w["lm_head.weight"] if "lm_head.weight" in w else w["model.embed_tokens.weight"]


def nats(w, c, ids, gone=()):
    z = hidden(w, c, ids, gone) @ head(w).T
    z = z - z.max(-1, keepdims=True)
    return (np.log(np.exp(z).sum(-1)) - z[np.arange(len(ids)), np.roll(ids, -1)])[:-1]


def perplexity(w, c, sequences, gone):
    return np.exp(np.concatenate([nats(w, c, ids, gone) for ids in sequences]).mean())


def one_by_one(w, c, sequences, steps):
    gone, order = set(), []
    for _ in range(steps):
        left = [m for m in range(2 * c["num_hidden_layers"]) if m not in gone]
        values = [perplexity(w, c, sequences, gone | {m}) for m in left]
        order.append(left[int(np.argmin(values))])
        assert np.diff(np.sort(values))[0] > 1e-3, values
        gone.add(order[-1])
    return np.array(order)


def loss(w, c, ids):
    """The same in JAX, mean over the predicted tokens."""
    def rms(x, g):
        return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + c["rms_norm_eps"]) * g

    heads, kv, steps = c["num_attention_heads"], c["num_key_value_heads"], len(ids) - 1
    x = w["model.embed_tokens.weight"][ids[:-1]]
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        h = rms(x, w[p + "input_layernorm.weight"])
        q, k, v = (h @ w[p + f"self_attn.{n}_proj.weight"].T for n in "qkv")
        size = q.shape[1] // heads
        angle = jnp.arange(steps)[:, None] * c["rope_theta"] ** (-jnp.arange(0, size, 2) / size)[None]
        turn = lambda y: jnp.concatenate(
            [y[..., : size // 2] * jnp.cos(angle)[:, None] - y[..., size // 2 :] * jnp.sin(angle)[:, None],
             y[..., size // 2 :] * jnp.cos(angle)[:, None] + y[..., : size // 2] * jnp.sin(angle)[:, None]], -1)
        q = turn(q.reshape(steps, heads, size))
        k = turn(k.reshape(steps, kv, size)).repeat(heads // kv, 1)
        v = v.reshape(steps, kv, size).repeat(heads // kv, 1)
        s = jnp.einsum("qhd,khd->hqk", q, k) / np.sqrt(size)
        a = jax.nn.softmax(jnp.where(np.tri(steps, dtype=bool), s, -jnp.inf), -1)
        x = x + jnp.einsum("hqk,khd->qhd", a, v).reshape(steps, -1) @ w[p + "self_attn.o_proj.weight"].T
        h = rms(x, w[p + "post_attention_layernorm.weight"])
        x = x + (jax.nn.silu(h @ w[p + "mlp.gate_proj.weight"].T) * (h @ w[p + "mlp.up_proj.weight"].T)) @ \
            w[p + "mlp.down_proj.weight"].T
    z = rms(x, w["model.norm.weight"]) @ head(w).T
    return -jax.nn.log_softmax(z, -1)[jnp.arange(steps), ids[1:]].mean()


def taylor(w, c, sequences):
    assert abs(loss(w, c, sequences[0]) - nats(w, c, sequences[0]).mean()) < 1e-9
    total = {k: 0 for k in w}
    for ids in sequences:
        for k, g in jax.grad(loss)({k: jnp.asarray(v) for k, v in w.items()}, c, ids).items():
            total[k] = total[k] + np.asarray(g)
    modules = np.zeros(2 * c["num_hidden_layers"])
    for k, g in total.items():
        if k.startswith("model.layers."):
            layer, name = k[len("model.layers."):].split(".", 1)
            modules[2 * int(layer) + name.startswith(("mlp", "post_attention"))] += np.abs(w[k] * g).sum()
    return modules


def collapsed(w, c, at, followers, merge):
    """Weights and config of a model whose layers at+1..at+followers are merged into layer at."""
    out, depth = {k: v for k, v in w.items() if not k.startswith("model.layers.")}, c["num_hidden_layers"]
    for i in range(depth):
        target = i if i <= at else i - followers
        if at < i <= at + followers:
            continue
        for k, v in w.items():
            if k.startswith(f"model.layers.{i}."):
                out[f"model.layers.{target}." + k.split(".", 3)[3]] = v
    for m in MATRICES:
        group = [w[f"model.layers.{i}.{m}.weight"] for i in range(at, at + followers + 1)]
        if merge == "paper":
            new = group[0] + sum(g - group[0] for g in group[1:])
        elif merge == "official":
            new = group[0]
            for g in group[1:]:
                new = new + (g - new)
        else:
            new = np.mean(group, 0)
        out[f"model.layers.{at}.{m}.weight"] = new
    return out, c | {"num_hidden_layers": depth - followers}


def laco(w, c, texts, merge, threshold):
    cosine = lambda a, b: (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())
    original = [hidden(w, c, ids).ravel() for ids in texts]
    highest, tries = c["num_hidden_layers"] - 1, []
    at = highest - SIZE
    while at >= LOWEST:
        depth = c["num_hidden_layers"]
        followers = min(SIZE - 1, depth - 1 - at)
        cw, cc = collapsed(w, c, at, followers, merge)
        s = np.mean([cosine(o, hidden(cw, cc, ids).ravel()) for o, ids in zip(original, texts)])
        assert abs(s - threshold) > 1e-3
        accepted = bool(s > threshold)
        tries.append((at, followers, s, accepted))
        if accepted:
            w, c = cw, cc
            at -= INTERVAL
            if at >= c["num_hidden_layers"]:
                at = c["num_hidden_layers"] - 1 - SIZE
        else:
            at -= 1
    return w, c, np.array(tries)


def main():
    lines = [f"python {sys.version.split()[0]}", f"numpy {np.__version__}", f"jax {jax.__version__}"]
    for name, folder in MODELS.items():
        w = {k: v.astype(np.float64) for k, v in load_file(folder / "model.safetensors").items()}
        c = json.loads((folder / "config.json").read_text())
        sequences = load_file(FOLDER / f"similarity_{name}.safetensors")["input_ids"][:3]
        layers = range(c["num_hidden_layers"])
        ppl_layers = np.array([perplexity(w, c, sequences, {2 * i, 2 * i + 1}) for i in layers])
        ppl_modules = np.array([perplexity(w, c, sequences, {m}) for m in range(2 * len(layers))])
        t = taylor(w, c, sequences)
        out = {"input_ids": sequences, "ppl_layers": ppl_layers, "ppl_modules": ppl_modules,
               "taylor_modules": t, "taylor_layers": t[0::2] + t[1::2],
               "one_by_one": one_by_one(w, c, sequences, min(5, 2 * len(layers) - 2))}
        if len(layers) > SIZE:
            for merge in ("official", "paper", "mean"):
                lw, lc, tries = laco(w, c, sequences, merge, THRESHOLD[name])
                out[f"laco_{merge}_tries"] = tries
                out[f"laco_{merge}_logits"] = hidden(lw, lc, sequences[0]) @ head(lw).T
        save(f"depth_{name}.safetensors", out, f"{folder.name}, numpy and jax float64")
        lines += ["", folder.name] + [f"  {k}: {np.round(v, 4).tolist()}" for k, v in out.items() if v.ndim < 3 and
                                       "ids" not in k and "logits" not in k]
    (FOLDER / "depth_versions.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
