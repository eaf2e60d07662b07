"""Times Hugging Face transformers on a model, one command a line.

usage: python transformers_speed.py MODEL DTYPE THREADS
commands: "prefill BATCH DEPTH TOKENS" | "decode BATCH DEPTH TOKENS"; answers: seconds of all tokens
"""

import sys
import time

import torch
import transformers

name, dtype, threads = sys.argv[1:4]
torch.set_num_threads(int(threads))
torch.manual_seed(1)
types = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
model = transformers.AutoModelForCausalLM.from_pretrained(name, torch_dtype=types[dtype]).eval()
vocabulary = model.config.get_text_config().vocab_size


@torch.inference_mode()
def prefill(batch, depth, tokens):
    ids = torch.randint(vocabulary, (batch, tokens))
    start = time.perf_counter()
    model(ids, use_cache=True, logits_to_keep=1)
    return time.perf_counter() - start


@torch.inference_mode()
def decode(batch, depth, tokens):
    cache = model(torch.randint(vocabulary, (batch, depth)), use_cache=True, logits_to_keep=1).past_key_values
    ids = torch.randint(vocabulary, (batch, tokens))
    start = time.perf_counter()
    for i in range(tokens):
        cache = model(ids[:, i:i + 1], past_key_values=cache, use_cache=True).past_key_values
    return time.perf_counter() - start


print(f"transformers {transformers.__version__}, torch {torch.__version__}", flush=True)
for line in sys.stdin:
    command, *numbers = line.split()
    print((prefill if command == "prefill" else decode)(*map(int, numbers)), flush=True)
