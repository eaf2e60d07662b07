"""Router tuning steps in the masked arithmetic of the authors' training code, as plain as possible: every module runs for
every token, a straight-through gate multiplies its output, autograd does all of the backward, and each layer copies six
numbers to the host. Frozen weights, linear routers, AdamW.

    python masked_step.py WIDTH HIDDEN LAYERS HEADS KV_HEADS VOCABULARY THREADS OPEN_ATTENTION OPEN_MLP CLOCK

prints its versions, then reads lines "together LENGTH..." or "single LENGTH..." and answers each with the seconds of one
step over texts of these lengths: in one batch, padded to the longest, or one text at a time with gradients accumulated,
as the authors' settings have it.
OPEN_*: probability of executing; routers are biased to it and read nothing at first. CLOCK: WALL or THREAD_CPU.
"""

import math
import sys
import time

import torch
import torch.nn.functional as F
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

width, hidden, layers, heads, kv, vocabulary, threads = map(int, sys.argv[1:8])
opens = [float(v) for v in sys.argv[8:10]]
clock = time.thread_time if sys.argv[10] == "THREAD_CPU" else time.perf_counter
torch.set_num_threads(threads)
torch.manual_seed(1)
config = LlamaConfig(vocab_size=vocabulary, hidden_size=width, intermediate_size=hidden, num_hidden_layers=layers,
                     num_attention_heads=heads, num_key_value_heads=kv, max_position_embeddings=4096,
                     attn_implementation="sdpa", tie_word_embeddings=False)
model = LlamaForCausalLM(config).requires_grad_(False)
routers = torch.nn.ModuleList(torch.nn.Linear(width, 2) for _ in range(2 * layers))
for m, router in enumerate(routers):
    torch.nn.init.zeros_(router.weight)
    p = opens[m % 2]
    router.bias.data = torch.tensor([0.0, math.log(p / (1 - p))])
optimizer = torch.optim.AdamW(routers.parameters(), lr=1e-9, betas=(0.9, 0.95), weight_decay=0.01)


def gate(router, x, tau):
    return F.gumbel_softmax(router(x.float()), tau=tau, hard=True)[..., 1:]


def backward(lengths, share):
    longest = max(lengths)
    ids = torch.randint(0, vocabulary, (len(lengths), longest + 1))
    labels = ids[:, 1:].clone()
    for row, length in enumerate(lengths):
        labels[row, length:] = -100
    base, rates = model.model, []
    x = base.embed_tokens(ids[:, :-1])
    rotary = base.rotary_emb(x, torch.arange(longest)[None])
    for i, layer in enumerate(base.layers):
        if torch.isnan(x).any().item():
            raise SystemExit("NaN")
        g = gate(routers[2 * i], x, 3.0)
        # Padding lies behind the text, so causality hides it and no mask is needed.
        a, _ = layer.self_attn(layer.input_layernorm(x), position_embeddings=rotary, attention_mask=None)
        x = x + g * a
        h = gate(routers[2 * i + 1], x, 3.0)
        x = x + h * layer.mlp(layer.post_attention_layernorm(x))
        g.mean().item(), h.mean().item(), g.sum().item(), g.detach().cpu(), h.detach().cpu()
        rates += [g.mean(), h.mean()]
    logits = model.lm_head(base.norm(x))
    loss = F.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=-100)
    loss = loss + 8 * (0.25 - (1 - torch.stack(rates).mean())).abs()
    (share * loss).backward()
    return loss.item()


def step(form, lengths):
    batches = [lengths] if form == "together" else [[length] for length in lengths]
    for batch in batches:
        backward(batch, 1 / len(batches))
    torch.nn.utils.clip_grad_norm_(routers.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


print(f"torch {torch.__version__}, transformers {transformers.__version__}", flush=True)
for line in sys.stdin:
    form, *lengths = line.split()
    begun = clock()
    step(form, [int(length) for length in lengths])
    print(clock() - begun, flush=True)
