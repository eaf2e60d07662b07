"""Loads what Java wrote with transformers and peft and compares logits: python check_folders.py BASE WORK.

WORK holds `adapter` (a PEFT folder), `merged` (a Hugging Face folder) and expected.json with `ids` and, for both, `logits`.
Ends with an error where they differ by more than 1e-4.
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

base, work = sys.argv[1], Path(sys.argv[2])
expected = json.loads((work / "expected.json").read_text())
ids = torch.tensor([expected["ids"]])
models = {
    "adapter": PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), str(work / "adapter")),
    "merged": AutoModelForCausalLM.from_pretrained(str(work / "merged")),
}
for name, model in models.items():
    with torch.no_grad():
        own = model.eval()(input_ids=ids, use_cache=False).logits[0]
    worst = float((own - torch.tensor(expected[name])).abs().max())
    print(f"{name}: {worst:.1e}")
    if not worst < 1e-4:
        raise SystemExit(f"{name} differs")
